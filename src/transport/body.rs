//! The body of a response: whole, or still arriving.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use super::TransportError;

/// The body of a [`Transport`](super::Transport)'s response.
///
/// It implements [`http_body::Body`]; make one from bytes or text with `from`, or from any other
/// body with [`Body::new`].
///
/// ```
/// use cloudcall::transport::Body;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let body = Body::from("hello");
/// assert_eq!(body.bytes().await?, "hello");
/// # Ok::<_, cloudcall::transport::TransportError>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Body(Inner);

enum Inner {
    Whole(Full<Bytes>),
    Arriving(UnsyncBoxBody<Bytes, TransportError>),
}

impl Body {
    /// Wraps a body that is still arriving.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error = TransportError> + Send + 'static,
    {
        Self(Inner::Arriving(body.boxed_unsync()))
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// What the transport reports when the body cannot be read to its end.
    pub async fn bytes(self) -> Result<Bytes, TransportError> {
        match self.0 {
            Inner::Whole(mut full) => Ok(next_data(&mut full).await?.unwrap_or_default()),
            Inner::Arriving(body) => read_to_end(body).await,
        }
    }

    /// The next piece that is not empty; none at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        next_data(self).await
    }
}

/// Collects the pieces, without copying a body that came in one piece.
async fn read_to_end(
    mut body: UnsyncBoxBody<Bytes, TransportError>,
) -> Result<Bytes, TransportError> {
    /// What is set aside at once for a body that announces its length. One that announces more
    /// grows as it arrives, so that a false length cannot claim memory.
    const MOST_RESERVED: u64 = 16 << 20;

    let expected = http_body::Body::size_hint(&body).lower();
    let Some(first) = next_data(&mut body).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = next_data(&mut body).await? else {
        return Ok(first);
    };
    let reserved = usize::try_from(expected.min(MOST_RESERVED)).unwrap_or_default();
    let mut whole = BytesMut::with_capacity(reserved.max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(piece) = next_data(&mut body).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece that is not empty; trailers are passed over.
async fn next_data<B>(body: &mut B) -> Result<Option<Bytes>, TransportError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<TransportError>,
{
    while let Some(frame) = body.frame().await {
        match frame.map_err(Into::into)?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

impl From<std::convert::Infallible> for TransportError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match &mut self.0 {
            Inner::Whole(full) => Pin::new(full).poll_frame(cx).map_err(Into::into),
            Inner::Arriving(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(full) => full.is_end_stream(),
            Inner::Arriving(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(full) => full.size_hint(),
            Inner::Arriving(body) => body.size_hint(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Whole(Full::new(bytes)))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl Default for Body {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = http_body::Body::size_hint(self);
        f.debug_struct("Body").field("size", &size).finish()
    }
}
