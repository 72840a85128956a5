//! A call in WeChat's own terms, for a gateway between another SDK and WeChat.
//!
//! Permission, access token, retries and transport are those of [`call`](super::call); the arguments go
//! out as they are, and what WeChat answers comes back unread, its errors too. Functions want
//! [`call`](super::call) instead.

pub use super::arguments::{Arguments, FilePart};
pub use super::reply::Answer;
use std::borrow::Cow;

use crate::cloud::Cloud;
use crate::deadline;
use crate::error::Error;
use crate::secret::{Redactor, Secret};

/// Calls an API by its cloud-call name with arguments as WeChat names them.
///
/// Of the arguments only that is checked which cannot be sent: what else is wrong with them WeChat
/// says. An answer in JSON that quotes the access token or the app secret has `***` in its place.
///
/// # Errors
///
/// The call did not come about (unknown, not permitted, no token, no connection), or the answer
/// is none of WeChat's API (an HTTP error, or a refusal of WeChat Cloud Run). An `errcode` of
/// WeChat's is no error here: it is in the [`Answer`].
pub async fn call(cloud: &Cloud, api: &str, arguments: &Arguments) -> Result<Answer, Error> {
    let api = super::find(api)?;
    let mut redactor = cloud.redactor();
    let exchange = super::exchange(cloud, api, arguments, &mut redactor);
    deadline::bounded(cloud, exchange)
        .await
        .and_then(|received| received.into_answer(api, &redactor))
        .map_err(|error| error.redacted(&redactor))
}

/// A text from outside with `***` in the place of these secrets, also where they are written with
/// the escapes of URLs, JSON or HTML: for who shows what a server says.
///
/// ```
/// use cloudcall::openapi::wire::without_secrets;
///
/// assert_eq!(without_secrets("?token=T0K%2fEN", &["T0K/EN"]), "?token=***");
/// ```
pub fn without_secrets<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut redactor = Redactor::default();
    for secret in secrets {
        redactor.add(&Secret::from(*secret));
    }
    redactor.clean(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::catalog::Api;
    use super::super::reply::Received;
    use super::*;

    const GET: &str = "customerServiceMessage.getTempMedia";
    const SEND: &str = "customerServiceMessage.send";
    const TOKEN: &str = "T0K/EN";

    fn answer(api: &str, status: u16, label: &str, body: &[u8]) -> Result<Answer, Error> {
        let response = http::Response::builder()
            .status(status)
            .header(http::header::CONTENT_TYPE, label)
            .body(Bytes::copy_from_slice(body))
            .expect("a response");
        let api = Api::find(api).expect("in the catalog");
        let mut redactor = Redactor::default();
        redactor.add(&TOKEN.into());
        Received::new(response).into_answer(api, &redactor)
    }

    #[test]
    fn a_refusal_in_an_http_error_is_json_whatever_its_label_says() {
        let body = br#"{"errcode":-1,"errmsg":"system error"}"#;
        for (label, expected) in [
            ("image/png", "application/json"),
            ("text/plain", "text/plain"),
            ("application/json; charset=x", "application/json; charset=x"),
        ] {
            let answer = answer(GET, 500, label, body).expect("a refusal of WeChat's");
            assert_eq!(answer.content_type, expected);
            assert_eq!(answer.body, &body[..]);
        }
    }

    #[test]
    fn an_http_error_with_the_code_of_success_is_an_error() {
        let error = answer(GET, 500, "application/json", br#"{"errcode":0}"#);
        assert_eq!(error.expect_err("HTTP 500").err_code(), -604_103);
    }

    #[test]
    fn no_secret_is_in_what_the_other_sdk_may_show() {
        for (api, label, body, expected) in [
            (
                SEND,
                "text/html; application/json",
                &br"{T0K/EN"[..],
                &b"{***"[..],
            ),
            (GET, "application/json", b"\"\xffT0K\\/EN\"", b"\"\xff***\""),
            (GET, "application/json", br#""T0K\u002fEN""#, br#""***""#),
            // Escaped twice: taken out of the text, it would leave half an escape behind.
            (
                GET,
                "application/json",
                br#""\\u0054\\u0030K/EN""#,
                br#""***""#,
            ),
            (
                SEND,
                "text/plain",
                b"GET /?access_token=T0K%2FEN",
                b"GET /?access_token=***",
            ),
            (GET, "text/plain", b"\xff, T0K/EN", b"\xff, ***"),
            (GET, "image/png", b"T0K/EN", b"T0K/EN"),
        ] {
            let answer = answer(api, 200, label, body).expect("an answer");
            assert_eq!(answer.body, expected, "{label}");
        }
    }
}
