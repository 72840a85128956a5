//! Bytes that travel through JSON: the media in a reply.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, cheap to clone, that serialise to base64 text.
///
/// Reads base64 text, with or without padding, and the form that a Node `Buffer` has in JSON, so
/// a result of a Node function can be read too:
///
/// ```
/// use cloudcall::Buffer;
///
/// let from_node: Buffer = serde_json::from_str(r#"{"type":"Buffer","data":[104,105]}"#)?;
/// let from_text: Buffer = serde_json::from_str(r#""aGk=""#)?;
///
/// assert_eq!(from_node, from_text);
/// assert_eq!(&from_node[..], b"hi");
/// assert_eq!(serde_json::to_string(&from_node)?, r#""aGk=""#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Buffer(Bytes);

impl Buffer {
    /// Wraps the bytes without copying them.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, as the [`bytes`] crate has them.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Buffer {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        buffer.0
    }
}

/// Shows the size: a media file in a log line helps nobody.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self))
    }
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BufferVisitor)
    }
}

struct BufferVisitor;

impl<'de> Visitor<'de> for BufferVisitor {
    type Value = Buffer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"base64 text or {"type":"Buffer","data":[…]}"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Buffer, E> {
        let engine = if text.ends_with('=') {
            &STANDARD
        } else {
            &STANDARD_NO_PAD
        };
        engine
            .decode(text)
            .map(Buffer::from)
            .map_err(|error| E::custom(format!("not base64: {error}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Buffer, A::Error> {
        let (mut kind, mut data) = (None::<String>, None::<Octets>);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => kind = Some(map.next_value()?),
                "data" => data = Some(map.next_value()?),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        match (kind.as_deref(), data) {
            (Some("Buffer"), Some(Octets(data))) => Ok(data.into()),
            (Some("Buffer"), None) => Err(de::Error::missing_field("data")),
            (Some(other), _) => Err(de::Error::invalid_value(
                de::Unexpected::Str(other),
                &r#"the type "Buffer""#,
            )),
            (None, _) => Err(de::Error::missing_field("type")),
        }
    }
}

/// The `data` of a Node buffer. Read without trusting an announced length.
struct Octets(Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OctetsVisitor;

        impl<'de> Visitor<'de> for OctetsVisitor {
            type Value = Octets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of integers from 0 to 255, or base64 text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Octets, A::Error> {
                let mut octets = Vec::new();
                while let Some(octet) = seq.next_element()? {
                    octets.push(octet);
                }
                Ok(Octets(octets))
            }

            /// Older versions of Node wrote the data of a buffer as base64.
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Octets, E> {
                BufferVisitor
                    .visit_str(text)
                    .map(|buffer| Octets(buffer.to_vec()))
            }
        }

        deserializer.deserialize_any(OctetsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Buffer, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_every_form() {
        for (json, expected) in [
            (r#""""#, &b""[..]),
            (r#""AA==""#, b"\0"),
            (r#""AA""#, b"\0"),
            (r#""/9j/""#, b"\xff\xd8\xff"),
            (r#"{"type":"Buffer","data":[0,255]}"#, b"\0\xff"),
            (r#"{"data":[7],"extra":1,"type":"Buffer"}"#, b"\x07"),
        ] {
            assert_eq!(read(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn says_what_it_cannot_read() {
        for (json, expected) in [
            (r#""a*==""#, "not base64"),
            (r#"{"type":"Buffer","data":[256]}"#, "integer `256`"),
            (r#"{"type":"Blob","data":[]}"#, r#"the type "Buffer""#),
            (r#"{"type":"Buffer"}"#, "missing field `data`"),
            (r#"{"data":[1]}"#, "missing field `type`"),
            ("[1,2]", "base64 text or"),
            ("null", "base64 text or"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn every_length_survives_the_round_trip() {
        for length in 0..=300_usize {
            let buffer = Buffer::from((0..length).map(|i| (i * 7) as u8).collect::<Vec<_>>());
            let json = serde_json::to_string(&buffer).expect("base64 is JSON text");
            assert_eq!(read(&json).as_ref(), Ok(&buffer));
        }
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(
            format!("{:?}", Buffer::from(&b"secret"[..])),
            "Buffer(6 bytes)"
        );
    }
}
