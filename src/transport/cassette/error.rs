//! Why a cassette cannot be read or written.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use crate::transport::{TransportError, TransportErrorKind};

/// Why a cassette cannot be read or written. Its text names the file, and the place in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CassetteError {
    /// The cassette is missing, or cannot be read.
    #[error("the cassette {} cannot be read", path.display())]
    Unreadable {
        /// The cassette.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is no cassette, or a damaged one.
    #[error("{}:{line}:{column}: not a cassette: {message}", path.display())]
    Malformed {
        /// The cassette.
        path: PathBuf,
        /// The line of the mistake, from 1.
        line: usize,
        /// The column of the mistake, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// An exchange that no request or response can be made of.
    #[error("{}: exchange {number} is not complete: {message}", path.display())]
    Exchange {
        /// The cassette.
        path: PathBuf,
        /// Which of the exchanges, from 1.
        number: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The cassette is of a format that came after this version of the crate.
    #[error(
        "the cassette {} has format {found}, and only {supported} is known here: update cloudcall",
        path.display()
    )]
    TooNew {
        /// The cassette.
        path: PathBuf,
        /// The version it says.
        found: u64,
        /// The version that is known.
        supported: u64,
    },
    /// A file beside the cassette is missing, or cannot be read.
    #[error("the cassette's file {} cannot be read", path.display())]
    MediaUnreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file beside the cassette is not as long as the cassette says.
    #[error(
        "the cassette's file {} has {found} bytes, but {expected} were recorded",
        path.display()
    )]
    MediaAltered {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// What the cassette says.
        expected: u64,
    },
    /// The cassette, or a file beside it, cannot be written.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        /// The cassette or the file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The name is none that a cassette can have.
    #[error("{} cannot be a cassette: {message}", path.display())]
    Name {
        /// The path, as it was given.
        path: PathBuf,
        /// What is wrong with it.
        message: &'static str,
    },
    /// Somebody else has written the cassette since this recorder was made. Nothing was
    /// overwritten.
    #[error(
        "the cassette {} was changed by somebody else while it was being recorded",
        path.display()
    )]
    Changed {
        /// The cassette.
        path: PathBuf,
    },
}

impl CassetteError {
    /// The error of the exchange that it spoiled. `before` says what else is to say of that.
    pub(super) fn of_exchange(self, before: &str) -> TransportError {
        let message = match self.source() {
            Some(source) => format!("{before}{self}: {source}"),
            None => format!("{before}{self}"),
        };
        TransportError::new(TransportErrorKind::Other, message).caused_by(self)
    }
}
