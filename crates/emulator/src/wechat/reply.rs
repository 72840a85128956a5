//! What an answer looks like: WeChat's table of errors, and its JSON.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use super::Answer;

/// A call that failed: a row of WeChat's table of error codes.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    code: i64,
    text: Cow<'static, str>,
}

// The numbers are those of the platform API page "Global return codes".
pub(super) const INVALID_CREDENTIAL: Failure = Failure::new(
    40001,
    "invalid credential, access_token is invalid or not latest",
);
pub(super) const INVALID_GRANT_TYPE: Failure = Failure::new(40002, "invalid grant_type");
pub(super) const INVALID_OPENID: Failure = Failure::new(40003, "invalid openid");
pub(super) const INVALID_MEDIA_TYPE: Failure = Failure::new(40004, "invalid media type");
pub(super) const INVALID_MEDIA_ID: Failure = Failure::new(40007, "invalid media_id");
pub(super) const INVALID_MESSAGE_TYPE: Failure = Failure::new(40008, "invalid message type");
pub(super) const INVALID_IMAGE_SIZE: Failure = Failure::new(40009, "invalid image size");
pub(super) const INVALID_APP_ID: Failure = Failure::new(40013, "invalid appid");
pub(super) const INVALID_APP_SECRET: Failure = Failure::new(40125, "invalid appsecret");
pub(super) const ACCESS_TOKEN_MISSING: Failure = Failure::new(41001, "access_token missing");
pub(super) const ACCESS_TOKEN_EXPIRED: Failure = Failure::new(42001, "access_token expired");
pub(super) const EMPTY_CONTENT: Failure = Failure::new(44004, "empty content");
pub(super) const CONTENT_TOO_LARGE: Failure = Failure::new(45002, "content size out of limit");
pub(super) const DAILY_LIMIT: Failure = Failure::new(45009, "reach max api daily quota limit");
pub(super) const MINUTE_LIMIT: Failure = Failure::new(45011, "api minute-quota limit");
pub(super) const REPLY_TIME_OVER: Failure = Failure::new(
    45015,
    "response out of time limit or subscription is canceled",
);
pub(super) const OUT_OF_RESPONSE_COUNT: Failure =
    Failure::new(45047, "out of response count limit");
pub(super) const INVALID_COMMAND: Failure = Failure::new(45072, "invalid command");
pub(super) const NO_MESSAGE_BEFORE_TYPING: Failure =
    Failure::new(45080, "need sending message before typing");
pub(super) const ALREADY_TYPING: Failure = Failure::new(45081, "already typing");
pub(super) const DATA_FORMAT_ERROR: Failure = Failure::new(47001, "data format error");

/// The failures whose text is known by their number: those above, and others that faults are
/// rehearsed with.
static KNOWN: [Failure; 25] = [
    Failure::new(-1, "system error"),
    INVALID_CREDENTIAL,
    INVALID_GRANT_TYPE,
    INVALID_OPENID,
    INVALID_MEDIA_TYPE,
    INVALID_MEDIA_ID,
    INVALID_MESSAGE_TYPE,
    INVALID_IMAGE_SIZE,
    INVALID_APP_ID,
    INVALID_APP_SECRET,
    ACCESS_TOKEN_MISSING,
    ACCESS_TOKEN_EXPIRED,
    Failure::new(43101, "user refuse to accept the msg"),
    EMPTY_CONTENT,
    CONTENT_TOO_LARGE,
    DAILY_LIMIT,
    MINUTE_LIMIT,
    REPLY_TIME_OVER,
    OUT_OF_RESPONSE_COUNT,
    INVALID_COMMAND,
    NO_MESSAGE_BEFORE_TYPING,
    ALREADY_TYPING,
    DATA_FORMAT_ERROR,
    Failure::new(48001, "api unauthorized"),
    Failure::new(50002, "user limited"),
];

impl Failure {
    /// The failure of this number, with WeChat's text if that is known.
    pub(super) fn known(code: i64) -> Self {
        let known = KNOWN.iter().find(|known| known.code == code);
        Self {
            code,
            text: known.map_or("error".into(), |known| known.text.clone()),
        }
    }

    const fn new(code: i64, text: &'static str) -> Self {
        Self {
            code,
            text: Cow::Borrowed(text),
        }
    }

    /// Adds what is wrong with the request, where WeChat's text leaves the caller guessing.
    pub(super) fn because(self, detail: &str) -> Self {
        Self {
            code: self.code,
            text: format!("{}: {detail}", self.text).into(),
        }
    }

    /// HTTP 200 with the newest form of `errmsg`: `<text> hint: [abc123] rid: 8hex-8hex-8hex`.
    pub(super) fn into_answer(self, hint: &str, request_id: &str) -> Answer {
        let Self { code, text } = self;
        let errmsg = format!("{text} hint: [{hint}] rid: {request_id}");
        verbatim(code, &errmsg)
    }
}

/// HTTP 200 with this `errmsg`, word for word.
pub(super) fn verbatim(code: i64, errmsg: &str) -> Answer {
    Answer {
        errcode: Some(code),
        ..json(&ErrorBody::new(code, errmsg)).into()
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    errcode: i64,
    errmsg: &'a str,
}

impl<'a> ErrorBody<'a> {
    fn new(errcode: i64, errmsg: &'a str) -> Self {
        Self { errcode, errmsg }
    }
}

/// HTTP 200 with a JSON body.
pub(crate) fn json(body: &impl Serialize) -> Response {
    let text = serde_json::to_vec(body).expect("plain structs of text and numbers are JSON");
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; encoding=utf-8"),
    );
    response
}

/// The success of a call that gives nothing.
pub(super) fn ok() -> Response {
    json(&ErrorBody::new(0, "ok"))
}

/// A failure of the emulator's own, which WeChat would not answer like this: the HTTP status says
/// so, and is the `errcode` too.
pub(crate) fn plain_failure(status: StatusCode, errmsg: &str) -> Response {
    let mut response = json(&ErrorBody::new(status.as_u16().into(), errmsg));
    *response.status_mut() = status;
    response
}
