//! Files and folders below a root that are not looked at.

use std::path::{Component, Path};

/// What package managers, compilers and editors keep of their own. Hidden names are among them, so
/// that of an editor's temporary files only those without a leading dot are listed.
const ENDS: &[&str] = &[
    "~",
    ".swp",
    ".swx",
    ".tmp",
    ".bak",
    "___jb_tmp___",
    "___jb_old___",
];

/// Whether one name is ignored, be it a file's or a folder's.
///
/// `*.log` is: functions and npm write such files, and nothing is loaded from them.
pub(super) fn name(name: &str) -> bool {
    name.starts_with('.')
        || matches!(name, "node_modules" | "target")
        // Vim writes this one to see whether it may write.
        || name == "4913"
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
        || name.ends_with(".log")
        || ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether a path, relative to its root, is ignored or lies in what is.
pub(super) fn path(relative: &Path) -> bool {
    relative.components().any(|component| match component {
        Component::Normal(part) => name(&part.to_string_lossy()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_by_hand_is_ignored() {
        for ignored in [
            ".git/index",
            "node_modules/a/index.js",
            "lib/target/debug/a",
            "index.js~",
            ".index.js.swp",
            "a.swp",
            "a.swx",
            "4913",
            "#a.js#",
            ".#a.js",
            "a.tmp",
            "a.js___jb_tmp___",
            "a.js___jb_old___",
            "npm-debug.log",
            ".env",
        ] {
            assert!(path(Path::new(ignored)), "{ignored}");
        }
        for seen in [
            "index.js",
            "lib/a.rs",
            "targets/a",
            "49130",
            "#",
            "a.swift",
            "log.js",
            "",
        ] {
            assert!(!path(Path::new(seen)), "{seen}");
        }
    }
}
