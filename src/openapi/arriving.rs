//! A reply that is told apart while it arrives: JSON is read whole, media is left to be stored.

use bytes::{Bytes, BytesMut};

use super::reply::{Label, Received, content_type};
use crate::transport::{Incoming, TransportError, TransportErrorKind};

/// The most of a reply that is held to find out whether it is JSON, in bytes. WeChat's refusals
/// have some hundred.
const LONGEST_JSON: usize = 1 << 20;

/// A reply, told apart.
pub(super) enum Arriving {
    /// JSON, an error, or media so small that it was read to find out.
    Whole(Received),
    /// Media.
    Media(Media),
}

/// Media that is on its way.
pub(super) struct Media {
    pub(super) content_type: String,
    begun: Bytes,
    rest: Incoming,
}

impl Arriving {
    /// Reads as much as it takes to tell.
    pub(super) async fn tell(mut incoming: Incoming) -> Result<Self, TransportError> {
        let label = Label::of(&incoming.head);
        let mut begun = Held::default();
        loop {
            let Some(piece) = incoming.piece().await? else {
                let response = http::Response::from_parts(incoming.head, begun.into_bytes());
                return Ok(Self::Whole(Received::new(response)));
            };
            begun.add(piece);
            let is_media = match label {
                Label::Json => false,
                Label::Text => begun.is_no_object() || begun.len() > LONGEST_JSON,
                Label::Media => true,
            };
            if is_media {
                return Ok(Self::Media(Media {
                    content_type: content_type(&incoming.head).trim().to_owned(),
                    begun: begun.into_bytes(),
                    rest: incoming,
                }));
            }
            if begun.len() > LONGEST_JSON {
                return Err(TransportError::new(
                    TransportErrorKind::TooLarge,
                    format!(
                        "HTTP {} and, where media was expected, JSON or an error of more than \
                         {LONGEST_JSON} bytes",
                        incoming.head.status
                    ),
                ));
            }
        }
    }
}

impl Media {
    /// The next piece, which is not empty; none at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        if self.begun.is_empty() {
            self.rest.piece().await
        } else {
            Ok(Some(std::mem::take(&mut self.begun)))
        }
    }
}

/// The beginning of a body. One piece, which is what media has, is not copied.
#[derive(Default)]
struct Held {
    first: Bytes,
    more: BytesMut,
}

impl Held {
    fn add(&mut self, piece: Bytes) {
        if self.first.is_empty() && self.more.is_empty() {
            self.first = piece;
            return;
        }
        if self.more.is_empty() {
            self.more
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&piece);
    }

    fn bytes(&self) -> &[u8] {
        if self.more.is_empty() {
            &self.first
        } else {
            &self.more
        }
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether it can no longer become a JSON object.
    fn is_no_object(&self) -> bool {
        let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let first = self.bytes().iter().find(|byte| !space(byte));
        first.is_some_and(|byte| *byte != b'{')
    }

    fn into_bytes(self) -> Bytes {
        if self.more.is_empty() {
            self.first
        } else {
            self.more.freeze()
        }
    }
}
