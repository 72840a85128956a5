//! A child process with all its descendants: they end as a whole, and not after the tool, even
//! where that is killed and can do nothing any more.

#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::Path;

use tempfile::TempDir;

#[cfg(all(test, unix))]
pub(crate) use guard::in_tests;
#[cfg(unix)]
pub(super) use unix::Group;
#[cfg(unix)]
pub(crate) use unix::Groups;
#[cfg(windows)]
pub(super) use windows::Group;
#[cfg(windows)]
pub(crate) use windows::Groups;
#[cfg(all(test, windows))]
pub(crate) use windows::in_tests;

/// A folder that is removed when this is dropped or, on Unix, when the tool is gone.
#[derive(Debug)]
pub(crate) struct TempFolder {
    folder: TempDir,
    /// Dropped last: what is removed needs no guard.
    #[cfg(unix)]
    _guard: Option<guard::Guard>,
}

impl TempFolder {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// What the names of our temporary folders begin with.
pub(super) const PREFIX: &str = "cloudcall-";
