//! One whole exchange: the request sent, the response read to its end.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::{Transport, TransportError, TransportErrorKind};

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
        let (head, body) = self.0.send(request).await?.into_parts();
        if let Some(encoding) = encoding(&head) {
            return Err(TransportError::new(
                TransportErrorKind::Other,
                format!("the reply is encoded as {encoding}, which nobody asked for"),
            ));
        }
        let body = body.bytes().await?;
        if let Some(announced) = announced_length(&head)
            && (body.len() as u64) < announced
        {
            return Err(TransportError::new(
                TransportErrorKind::Interrupted,
                format!("the reply ended after {} of {announced} bytes", body.len()),
            ));
        }
        Ok(http::Response::from_parts(head, body))
    }
}

/// How the body is encoded, if it is.
fn encoding(head: &http::response::Parts) -> Option<&str> {
    let encoding = head.headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("?");
    (!encoding.trim().is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

fn announced_length(head: &http::response::Parts) -> Option<u64> {
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
