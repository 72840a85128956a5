//! The source files of a function: which of its files are read.
//!
//! Those in its folder and below, but for `node_modules`, hidden folders and what runs only in
//! tests: files such as `a.test.js` and folders such as `__tests__`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::text::Text;
use crate::runner::Kind;

/// The largest file that is read, in bytes. What is larger was not written by hand.
const LARGEST: u64 = 4 << 20;

const JAVASCRIPT: &[&str] = &["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"];

/// Folders that hold nothing that runs on the platform.
const OTHERS: &[&str] = &[
    "node_modules",
    "miniprogram_npm",
    "coverage",
    "test",
    "tests",
    "__tests__",
    "__mocks__",
];

/// The same for a Cargo package.
const OTHERS_OF_CARGO: &[&str] = &["target", "tests", "benches", "examples"];

/// One file.
#[derive(Debug)]
pub(super) struct Source {
    /// As it is shown.
    pub(super) path: PathBuf,
    /// Below the function's folder, with `/` between the names.
    pub(super) name: String,
    pub(super) text: Text,
    /// Where the first bytes are that are no UTF-8. Node replaces such bytes, and so is done here.
    pub(super) not_utf8: Option<usize>,
}

/// A file that was not read, and why.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) path: PathBuf,
    pub(super) reason: String,
    /// Nothing is wrong with it: it is only too much to be read.
    pub(super) is_large: bool,
}

/// All source files of a function, by name.
pub(super) fn read(folder: &Path, kind: Kind) -> (Vec<Source>, Vec<Unread>) {
    let mut found = Found {
        kind,
        sources: Vec::new(),
        unread: Vec::new(),
    };
    found.walk(folder, "");
    found
        .sources
        .sort_by(|one, other| one.name.cmp(&other.name));
    found.unread.sort_by(|one, other| one.path.cmp(&other.path));
    (found.sources, found.unread)
}

struct Found {
    kind: Kind,
    sources: Vec<Source>,
    unread: Vec<Unread>,
}

impl Found {
    fn walk(&mut self, folder: &Path, below: &str) {
        if let Err(error) = self.walk_entries(folder, below) {
            self.unread.push(Unread {
                path: folder.into(),
                reason: format!("cannot be read: {error}"),
                is_large: false,
            });
        }
    }

    fn walk_entries(&mut self, folder: &Path, below: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let below = format!("{below}{name}");
            // A link to a folder is not followed: it may lead in a circle.
            if entry.file_type()?.is_dir() {
                if self.is_walked(&name) {
                    self.walk(&path, &format!("{below}/"));
                }
            } else if self.is_source(&name) && path.is_file() {
                self.file(path, below);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, name: String) {
        let (reason, is_large) = match bytes(&path) {
            Ok(bytes) if bytes.len() as u64 <= LARGEST => {
                self.sources.push(Source {
                    path,
                    name,
                    text: Text::new(&String::from_utf8_lossy(&bytes)),
                    not_utf8: std::str::from_utf8(&bytes)
                        .err()
                        .map(|error| error.valid_up_to()),
                });
                return;
            }
            Ok(_) => (format!("is larger than {} MiB", LARGEST >> 20), true),
            Err(error) => (format!("cannot be read: {error}"), false),
        };
        self.unread.push(Unread {
            path,
            reason,
            is_large,
        });
    }

    fn is_walked(&self, name: &str) -> bool {
        match self.kind {
            Kind::Node => !OTHERS.contains(&name),
            Kind::Rust => !OTHERS_OF_CARGO.contains(&name),
        }
    }

    fn is_source(&self, name: &str) -> bool {
        let Some((stem, extension)) = name.rsplit_once('.') else {
            return false;
        };
        match self.kind {
            Kind::Rust => extension == "rs" && name != "build.rs",
            Kind::Node => {
                let mut parts = stem.rsplit('.');
                let last = parts.next().unwrap_or_default();
                let is_named = parts.next().is_some();
                let for_tests = is_named && matches!(last, "test" | "spec");
                // `.d.ts` declares, and runs nothing.
                let declares = is_named && last == "d" && extension.ends_with("ts");
                JAVASCRIPT.contains(&extension) && !for_tests && !declares
            }
        }
    }
}

/// The file, or a little more than the most of it that is read.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], kind: Kind) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temp folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "").expect("written");
        }
        let (sources, unread) = read(folder.path(), kind);
        assert!(unread.is_empty(), "{unread:?}");
        sources.into_iter().map(|source| source.name).collect()
    }

    #[test]
    fn what_runs_on_the_platform_is_read() {
        let found = names(
            &[
                "index.js",
                "lib/deep/a.ts",
                "b.mjs",
                "types.d.ts",
                "index.test.js",
                "index.spec.ts",
                "test.js",
                "__tests__/c.js",
                "node_modules/x/index.js",
                ".hidden/d.js",
                "data.json",
            ],
            Kind::Node,
        );
        assert_eq!(found, ["b.mjs", "index.js", "lib/deep/a.ts", "test.js"]);
        let found = names(
            &[
                "src/main.rs",
                "build.rs",
                "tests/a.rs",
                "target/b.rs",
                "index.js",
            ],
            Kind::Rust,
        );
        assert_eq!(found, ["src/main.rs"]);
    }

    #[test]
    fn a_file_that_is_no_utf8_is_read_as_node_does_and_a_large_one_is_not() {
        let folder = tempfile::tempdir().expect("a temp folder");
        std::fs::write(folder.path().join("index.js"), b"// \xc4\xe3").expect("written");
        let large = std::fs::File::create(folder.path().join("large.js")).expect("made");
        large.set_len(LARGEST + 1).expect("enlarged");
        let (sources, unread) = read(folder.path(), Kind::Node);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].not_utf8, Some(3));
        assert_eq!(unread.len(), 1);
        assert!(unread[0].is_large);
    }
}
