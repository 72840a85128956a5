//! What whoever watches should know about how it is done.

use std::fmt;

use notify::{Error, ErrorKind};

/// The system cannot tell all changes: from now on all files are looked at, which is slower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// inotify's watches are used up.
    TooManyFolders,
    /// Anything else, in the system's words.
    Unavailable(String),
}

impl Notice {
    pub(super) fn new(error: &Error) -> Self {
        match &error.kind {
            ErrorKind::MaxFilesWatch => Self::TooManyFolders,
            ErrorKind::Io(error) => Self::Unavailable(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }

    /// What can be done about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooManyFolders => {
                Some("raise the limit: sudo sysctl fs.inotify.max_user_watches=524288")
            }
            Self::Unavailable(_) if cfg!(target_os = "linux") => Some(
                "where too many files are open, raise `ulimit -n` or fs.inotify.max_user_instances",
            ),
            Self::Unavailable(_) => None,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyFolders => f.write_str(
                "the system watches no more folders (fs.inotify.max_user_watches is reached)",
            )?,
            Self::Unavailable(error) => {
                write!(f, "the system tells no changes of files ({error})")?
            }
        }
        f.write_str(": all files are looked at every half second instead")
    }
}
