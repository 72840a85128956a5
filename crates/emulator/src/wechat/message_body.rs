//! The JSON bodies of calls, and what those about messages share.

use axum::body::Body;
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::reply::{CONTENT_TOO_LARGE, DATA_FORMAT_ERROR, Failure, INVALID_OPENID};
use crate::drain::drain;

/// The largest body, in bytes. WeChat's own limit is not documented; a text of 2048 characters,
/// which it is known to take, fits many times.
const LARGEST: usize = 64 << 10;

/// The longest OpenID, in bytes. WeChat's have 28.
const LONGEST_OPENID: usize = 128;

/// The object that the body of a call about messages holds.
pub(super) async fn read(body: Body) -> Result<Map<String, Value>, Failure> {
    read_json(body, CONTENT_TOO_LARGE).await
}

/// What a body holds, or the failure where that is too large. The body is read to its end in any
/// case.
pub(super) async fn read_json<T: DeserializeOwned>(
    body: Body,
    too_large: Failure,
) -> Result<T, Failure> {
    let mut body = body.into_data_stream();
    let mut text = Vec::new();
    while let Some(chunk) = body.try_next().await.map_err(|_| DATA_FORMAT_ERROR)? {
        if text.len() + chunk.len() > LARGEST {
            drain(&mut body).await;
            return Err(too_large);
        }
        text.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&text)
        .map_err(|_| DATA_FORMAT_ERROR.because("the body has to be a JSON object"))
}

/// The OpenID of the user that a body is about.
pub(super) fn touser(body: &Map<String, Value>) -> Result<&str, Failure> {
    let openid = text(body, "touser")?;
    if openid.is_empty() || openid.len() > LONGEST_OPENID {
        return Err(INVALID_OPENID);
    }
    Ok(openid)
}

/// The text in a field, empty if there is no such field.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Failure> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        None => Ok(""),
        Some(_) => Err(DATA_FORMAT_ERROR.because(&format!("{name} is not a text"))),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use crate::testing::{Bed, json};

    #[tokio::test]
    async fn a_body_of_64_kib_passes_and_a_byte_more_does_not() {
        let bed = Bed::new();
        let token = bed.token().await;
        let message = r#"{"touser":"O","msgtype":"text","text":{"content":"hello"}}"#;
        let typing = r#"{"touser":"O","command":"CancelTyping"}"#;
        for (call, body) in [("send", message), ("typing", typing)] {
            for (size, expected) in [(64 << 10, 0), ((64 << 10) + 1, 45002)] {
                let path = format!("/cgi-bin/message/custom/{call}?access_token={token}");
                let body = format!("{body}{}", " ".repeat(size - body.len()));
                let reply = json(bed.send(Method::POST, &path, body).await).await;
                assert_eq!(reply["errcode"], expected, "{call} {size}");
            }
        }
    }
}
