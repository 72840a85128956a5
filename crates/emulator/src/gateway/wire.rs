//! The protobuf messages of a Cloud Call, as `wx-server-sdk` declares them in `openapi.proto`.

use bytes::{Buf, Bytes};
use prost::{DecodeError, Message, decode_length_delimiter};

/// A [`CommApiData::api_type`]: a Cloud Call. The others carry what `cloud.getOpenData()` and its
/// like ask for.
pub(super) const OPEN_API: i32 = 0;

/// How many parameters a call may have. WeChat's own calls have less than 20.
pub(super) const MOST_PAIRS: usize = 1024;

/// What the function calls: the part `requestData`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CommApiData {
    #[prost(int32, optional, tag = "1")]
    pub(super) api_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(super) openapi_data: Option<OpenApiData>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OpenApiData {
    #[prost(message, repeated, tag = "1")]
    pub(super) pairs: Vec<KeyValuePair>,
}

/// One parameter: JSON text, or the bytes of a file if `contenttype` or `filename` is there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValuePair {
    #[prost(string, optional, tag = "1")]
    pub(super) key: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(super) value: Option<Bytes>,
    #[prost(string, optional, tag = "3")]
    pub(super) contenttype: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) filename: Option<String>,
}

/// What the call gave.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CommOpenApiResp {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) resp_data: Option<Bytes>,
    #[prost(string, optional, tag = "2")]
    pub(super) content_type: Option<String>,
    /// One of the SDK's own codes, when the call did not come about.
    #[prost(int32, optional, tag = "3")]
    pub(super) error_code: Option<i32>,
}

/// How many [pairs](OpenApiData::pairs) the bytes of a [`CommApiData`] hold, without making them:
/// each takes two bytes there, and a hundred once it is decoded.
pub(super) fn count_pairs(data: &[u8]) -> Result<usize, DecodeError> {
    let mut count = 0;
    each_message(data, 2, |openapi_data| {
        each_message(openapi_data, 1, |_| {
            count += 1;
            Ok(())
        })
    })?;
    Ok(count)
}

/// Passes each field of the bytes that is a message and has this tag.
fn each_message(
    mut data: &[u8],
    tag: usize,
    mut found: impl FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while data.has_remaining() {
        let key = decode_length_delimiter(&mut data)?;
        let length = match key & 7 {
            // A number of variable length, which a length is too.
            0 => {
                while data.try_get_u8().is_ok_and(|byte| byte >= 0x80) {}
                0
            }
            1 => 8,
            2 => decode_length_delimiter(&mut data)?,
            5 => 4,
            // Groups, which nobody has sent for many years. What is behind one is not counted, so
            // there must be none.
            _ => return Err(broken_off()),
        };
        let (content, rest) = data.split_at_checked(length).ok_or_else(broken_off)?;
        if key == tag << 3 | 2 {
            found(content)?;
        }
        data = rest;
    }
    Ok(())
}

/// The error of a message that is shorter than it says.
fn broken_off() -> DecodeError {
    decode_length_delimiter(&[][..]).expect_err("there is no length in no bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_as_they_are_decoded() {
        let pair = KeyValuePair {
            key: Some("key".to_owned()),
            value: Some(Bytes::from_static(b"\x0a\x00\x0a\x00")),
            ..KeyValuePair::default()
        };
        for pairs in [0, 1, 3, 2000] {
            let data = CommApiData {
                api_type: Some(-1),
                openapi_data: Some(OpenApiData {
                    pairs: vec![pair.clone(); pairs],
                }),
            };
            assert_eq!(count_pairs(&data.encode_to_vec()).expect("whole"), pairs);
            // Two messages in a row are one.
            let twice = data.encode_to_vec().repeat(2);
            assert_eq!(count_pairs(&twice).expect("whole"), pairs * 2);
            let decoded = CommApiData::decode(&*twice).expect("whole");
            assert_eq!(
                decoded.openapi_data.unwrap_or_default().pairs.len(),
                pairs * 2
            );
        }
        // Unknown fields: a varint, eight bytes, four bytes, and then a pair.
        let unknown = b"\x18\xff\x01\x21\0\0\0\0\0\0\0\0\x2d\0\0\0\0\x12\x02\x0a\x00";
        assert_eq!(count_pairs(unknown).expect("whole"), 1);
    }

    #[test]
    fn what_is_cut_or_grouped_is_not_counted() {
        for data in [
            &b"\x12"[..],
            b"\x12\x05\x0a\x00",
            b"\x12\x03\x0a\x02\x00",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x21\0\0",
            b"\x13\x14",
            b"\x17",
        ] {
            assert!(count_pairs(data).is_err(), "{data:?}");
        }
    }
}
