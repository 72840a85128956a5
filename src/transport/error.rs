//! Why an exchange gave no whole response.

use std::error::Error as StdError;

/// How far an exchange came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name resolution, TCP, TLS or proxy. Not a byte of the request was sent, so
    /// that any call may be made again: report it only where that is certain.
    Connect,
    /// The server's certificate is not trusted, or there is nothing here to judge it by. The
    /// request was not sent.
    Certificate,
    /// The time limit passed. The request may have been sent.
    Timeout,
    /// The connection broke after the request had been sent, or the body ended early.
    Interrupted,
    /// The response's body is larger than the transport accepts.
    TooLarge,
    /// A [`Replayer`](super::Replayer)'s cassette does not hold the exchange. Nothing was sent.
    NotRecorded,
    /// Anything else, such as a request that the transport cannot express.
    Other,
}

/// An exchange that gave no whole response.
///
/// Its text never holds the request's URL, because that holds the access token.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// An error of the given kind. `message` says what failed, without the request's URL.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the underlying error, for callers that walk [`source`](StdError::source).
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How far the exchange came.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}
