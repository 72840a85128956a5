//! One whole exchange: the request sent, the response read to its end.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::response::Parts;

use super::{Body, Transport, TransportError, TransportErrorKind};

/// A transport in use.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<dyn Transport>);

impl Exchange {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Sends the request and reads the whole response. A body that is shorter than its
    /// `Content-Length` is an error, whatever the transport thinks of it, and so is one that is
    /// still compressed.
    pub(crate) async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let Incoming { head, body, .. } = self.open(request).await?;
        let body = body.bytes().await?;
        check_length(&head, body.len() as u64)?;
        Ok(http::Response::from_parts(head, body))
    }

    /// Sends the request and leaves the body to be read piece by piece, by the same rules.
    pub(crate) async fn open(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<Incoming, TransportError> {
        let (head, body) = self.0.send(request).await?.into_parts();
        if let Some(encoding) = encoding(&head) {
            return Err(TransportError::new(
                TransportErrorKind::Other,
                format!("the reply is encoded as {encoding}, which nobody asked for"),
            ));
        }
        Ok(Incoming {
            head,
            body,
            arrived: 0,
        })
    }
}

/// A response whose body is on its way.
pub(crate) struct Incoming {
    pub(crate) head: Parts,
    body: Body,
    arrived: u64,
}

impl Incoming {
    /// The next piece of the body, which is not empty; none at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        let piece = self.body.piece().await?;
        match &piece {
            Some(piece) => self.arrived += piece.len() as u64,
            None => check_length(&self.head, self.arrived)?,
        }
        Ok(piece)
    }
}

/// Whether this is all of the body.
fn check_length(head: &Parts, arrived: u64) -> Result<(), TransportError> {
    match announced_length(head) {
        Some(announced) if arrived < announced => Err(TransportError::new(
            TransportErrorKind::Interrupted,
            format!("the reply ended after {arrived} of {announced} bytes"),
        )),
        _ => Ok(()),
    }
}

/// How the body is encoded, if it is.
fn encoding(head: &Parts) -> Option<&str> {
    let encoding = head.headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("?");
    (!encoding.trim().is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// The `Content-Length`.
pub(super) fn announced_length(head: &Parts) -> Option<u64> {
    head.headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
