//! A function as it was at one time: what its workers are started from, and whether the files
//! still are what they were then.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::super::answer::{Refusal, Why};
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

    /// Whether it is noticed without being told that this file has changed.
    pub(super) fn looks_at(&self, path: &Path) -> bool {
        self.stamps.iter().any(|(it, _)| it == path)
    }
}

/// The files of a function that decide the most, as they are.
pub(super) fn stamps(function: &Function) -> Vec<(PathBuf, Option<Stamp>)> {
    let folder = absolute(&function.folder);
    let mut paths = vec![absolute(&function.config())];
    if function.kind == Kind::Node {
        paths.push(folder.join("package.json"));
        paths.extend(["index.js", "index.cjs", "index.mjs"].map(|name| folder.join(name)));
    }
    let stamp = |path: PathBuf| {
        let stamp = Stamp::of(&path);
        (path, stamp)
    };
    paths.into_iter().map(stamp).collect()
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
        let metadata = std::fs::metadata(path).ok()?;
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
