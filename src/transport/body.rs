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
    /// A body of up to this many bytes is joined when it is there. Where many are on their way, each
    /// would else be copied into memory of its own that has left the processor's caches meanwhile.
    const MOST_HELD: u64 = 2 << 20;
    /// In more pieces than these it is not held, because a piece takes more memory than its bytes.
    const MOST_PIECES: usize = 64;
    /// What is set aside at once for a body that announces its length. One that announces more
    /// grows as it arrives, so that a false length cannot claim memory.
    const MOST_RESERVED: u64 = 16 << 20;

    let expected = http_body::Body::size_hint(&body).lower();
    let (mut pieces, mut size) = (Vec::new(), 0);
    while pieces.len() < 2 || (expected.max(size) <= MOST_HELD && pieces.len() < MOST_PIECES) {
        let Some(piece) = next_data(&mut body).await? else {
            return Ok(joined(pieces));
        };
        size += piece.len() as u64;
        pieces.push(piece);
    }
    let reserved = expected.min(MOST_RESERVED).max(size);
    let mut whole = BytesMut::with_capacity(usize::try_from(reserved).unwrap_or_default());
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    while let Some(piece) = next_data(&mut body).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A body in pieces, which announces a length or none.
    struct Pieces {
        left: Box<dyn Iterator<Item = Bytes> + Send>,
        announced: u64,
    }

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
            Poll::Ready(self.left.next().map(|piece| Ok(Frame::data(piece))))
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    #[tokio::test]
    async fn pieces_are_joined_in_their_order() {
        for (pieces, of_size) in [
            (0, 0),
            (2, 1),
            (5, 0),
            (63, 7),
            (65, 7),
            (300, 1),
            (8, 500_000),
        ] {
            let pieces: Vec<_> = (0..pieces)
                .map(|number| Bytes::from(vec![number as u8; of_size]))
                .collect();
            let expected = pieces.concat();
            for announced in [0, expected.len() as u64, u64::MAX] {
                let body = Body::new(Pieces {
                    left: Box::new(pieces.clone().into_iter()),
                    announced,
                });
                let whole = body.bytes().await.expect("whole");
                let told = (pieces.len(), of_size, announced);
                assert!(whole == expected, "{told:?}: {} bytes", whole.len());
            }
        }
    }

    #[tokio::test]
    async fn of_a_long_body_few_pieces_are_held() {
        /// A piece, and what all that are held have in common.
        struct Piece {
            bytes: Vec<u8>,
            _held: Arc<()>,
        }

        impl AsRef<[u8]> for Piece {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }

        for (of_size, announced, expected) in [
            (1, 0, 63),
            (1, 300, 63),
            (100_000, 0, 20),
            (100_000, 30_000_000, 1),
        ] {
            let most_held = Arc::new(AtomicUsize::new(0));
            let (most, held) = (Arc::clone(&most_held), Arc::new(()));
            let body = Body::new(Pieces {
                left: Box::new((0..300).map(move |_| {
                    most.fetch_max(Arc::strong_count(&held) - 1, Ordering::Relaxed);
                    Bytes::from_owner(Piece {
                        bytes: vec![7; of_size],
                        _held: Arc::clone(&held),
                    })
                })),
                announced,
            });
            let whole = body.bytes().await.expect("whole");
            assert_eq!(whole.len(), 300 * of_size);
            let most_held = most_held.load(Ordering::Relaxed);
            assert_eq!(most_held, expected, "{of_size} {announced}");
        }
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        for size in [1, 3 << 20] {
            let piece = Bytes::from(vec![7; size]);
            let body = Body::new(Pieces {
                left: Box::new([Bytes::new(), piece.clone()].into_iter()),
                announced: size as u64,
            });
            let whole = body.bytes().await.expect("whole");
            assert_eq!(whole.as_ptr(), piece.as_ptr());
        }
    }
}
