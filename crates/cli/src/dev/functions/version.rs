//! A function as it was at one time: what its workers are started from, and whether the files
//! still are what they were then.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::answer::{Refusal, Why};
use super::super::watch::is_ignored;
use super::absolute;
use super::executable::Executable;
use crate::failure::Failure;
use crate::runner::{Function, Kind, PrepareError, Prepared, WorkerError};

/// A version. A cheap handle.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) prepared: Arc<Prepared>,
    stamps: Arc<[(PathBuf, Option<Stamp>)]>,
    /// The program of a function in Rust.
    pub(super) executable: Option<Arc<Executable>>,
}

impl Version {
    /// The stamps must have been taken before what is prepared was read, so that a change in
    /// between is noticed.
    pub(super) fn new(
        prepared: Prepared,
        stamps: Vec<(PathBuf, Option<Stamp>)>,
        executable: Option<Arc<Executable>>,
    ) -> Self {
        Self {
            prepared: Arc::new(prepared),
            stamps: stamps.into(),
            executable,
        }
    }

    /// Whether the files that are looked at before each invocation are what they were.
    pub(super) fn is_current(&self) -> bool {
        self.stamps
            .iter()
            .all(|(path, stamp)| Stamp::of(path) == *stamp)
    }

    /// The files that are not what they were.
    pub(super) fn changed(&self) -> impl Iterator<Item = PathBuf> {
        let differing = self
            .stamps
            .iter()
            .filter(|(path, stamp)| Stamp::of(path) != *stamp);
        differing.map(|(path, _)| path.clone())
    }

    /// Whether it is noticed without being told that this file has changed.
    pub(super) fn looks_at(&self, path: &Path) -> bool {
        self.stamps.iter().any(|(it, _)| it == path)
    }
}

/// The files of a function that are looked at before each invocation, as they are: its settings,
/// and in Node its code.
pub(super) fn stamps(function: &Function) -> Vec<(PathBuf, Option<Stamp>)> {
    let folder = absolute(&function.folder);
    let mut paths = vec![absolute(&function.config())];
    if function.kind == Kind::Node {
        paths.push(folder.join("package.json"));
        // Also those that are not there yet.
        paths.extend(["index.js", "index.cjs", "index.mjs"].map(|name| folder.join(name)));
        for path in code(&folder) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    let stamp = |path: PathBuf| {
        let stamp = Stamp::of(&path);
        (path, stamp)
    };
    paths.into_iter().map(stamp).collect()
}

/// How long nothing changes.
const MOMENT: Duration = Duration::from_millis(10);

/// How many of these are waited for at most: a file may be written without end.
const MOMENTS: u32 = 20;

/// The same, once nothing has changed for a moment: an editor may write a file in two steps, and
/// save several files one after the other.
pub(super) async fn settled(function: &Function) -> Vec<(PathBuf, Option<Stamp>)> {
    let mut before = stamps(function);
    for _ in 0..MOMENTS {
        tokio::time::sleep(MOMENT).await;
        let now = stamps(function);
        if now == before {
            break;
        }
        before = now;
    }
    before
}

/// How many files of a function's code are looked at before each invocation, which has to stay
/// fast. Of the others a change is noticed only when the watcher tells, which waits for more.
const MOST: usize = 64;

/// The files in a folder that Node loads, without packages; first those that are near the top.
fn code(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = VecDeque::from([folder.to_owned()]);
    // Folders without code count too, so that this is over soon.
    for _ in 0..MOST {
        let Some(entries) = folders.pop_front().and_then(|it| fs::read_dir(it).ok()) else {
            continue;
        };
        let entries = entries
            .flatten()
            .filter(|it| !is_ignored(&it.file_name().to_string_lossy()));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push_back(path);
            } else if is_code(&path) && files.len() < MOST {
                files.push(path);
            }
        }
    }
    files
}

fn is_code(path: &Path) -> bool {
    const ENDS: [&str; 7] = ["js", "cjs", "mjs", "json", "ts", "cts", "mts"];
    path.extension()
        .is_some_and(|end| ENDS.iter().any(|it| end == *it))
}

/// What tells whether a file was written, or another put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    file: u64,
}

impl Stamp {
    /// None where there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            file: file_id(&metadata),
        })
    }
}

#[cfg(unix)]
fn file_id(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.ino()
}

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> u64 {
    0
}

/// Why there is no version, for those who wait.
pub(super) fn refusal_of(error: PrepareError) -> Refusal {
    let (message, hint) = Failure::from(error).into_parts();
    let refusal = Refusal::new(Why::Broken, message);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// Why there is no worker.
pub(super) fn refusal_of_worker(error: &WorkerError) -> Refusal {
    Refusal::new(Why::Broken, format!("{error}{}", error.last_lines()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> (tempfile::TempDir, Function) {
        let folder = tempfile::tempdir().expect("a folder");
        let function = Function {
            name: "f".into(),
            kind: Kind::Node,
            folder: folder.path().to_owned(),
        };
        (folder, function)
    }

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn all_code_without_packages_is_looked_at_as_far_as_that_is_fast() {
        let (folder, _) = function();
        for file in [
            "lib/deep/a.js",
            "b.mjs",
            "lib/c.json",
            "node_modules/d/index.js",
            ".hidden/e.js",
            "f.txt",
        ] {
            write(folder.path(), file, "");
        }
        let seen = |path: PathBuf| {
            let below = path.strip_prefix(folder.path()).expect("below");
            below.to_string_lossy().replace('\\', "/")
        };
        let all: Vec<_> = code(folder.path()).into_iter().map(seen).collect();
        assert_eq!(all, ["b.mjs", "lib/c.json", "lib/deep/a.js"]);
        for number in 0..MOST {
            write(folder.path(), &format!("{number}.js"), "");
        }
        let all = code(folder.path());
        assert_eq!(all.len(), MOST);
        assert!(!all.contains(&folder.path().join("lib/c.json")));
    }

    #[tokio::test]
    async fn a_file_that_is_written_in_two_steps_is_seen_whole() {
        let (folder, function) = function();
        write(folder.path(), "index.js", "");
        let written = async {
            // After the first look, which is before the first wait.
            write(folder.path(), "index.js", "whole");
        };
        let (seen, ()) = tokio::join!(settled(&function), written);
        assert_eq!(seen, stamps(&function));
    }
}
