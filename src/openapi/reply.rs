//! What WeChat's reply means: the rules of `wx-server-sdk` 4.0.2, and where we differ.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::case::{camel, convert_keys};
use super::catalog::Api;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::retry::Outcome;
use crate::secret::Redactor;

/// The longest quotation of a reply in an error, in bytes.
const QUOTED: usize = 4096;

/// The result of a Cloud Call: `errCode` 0, an `errMsg` that ends in `:ok`, and the content.
///
/// As JSON it is one object with the fields of `wx-server-sdk`'s result.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    err_msg: String,
    content: Content,
}

/// What a [`Reply`] holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// JSON, with keys in camelCase, without WeChat's `errcode` and `errmsg`.
    Json(Map<String, Value>),
    /// Media.
    Media {
        /// The MIME type, as WeChat labels it.
        content_type: String,
        /// The bytes.
        buffer: Buffer,
    },
}

impl Reply {
    /// Always 0: any other code is an [`Error`].
    pub fn err_code(&self) -> i64 {
        0
    }

    /// `openapi.<api>:ok`.
    pub fn err_msg(&self) -> &str {
        &self.err_msg
    }

    /// JSON or media.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// JSON or media, without a copy.
    pub fn into_content(self) -> Content {
        self.content
    }

    /// The MIME type and the bytes, if the reply is media.
    pub fn media(&self) -> Option<(&str, &Buffer)> {
        match &self.content {
            Content::Media {
                content_type,
                buffer,
            } => Some((content_type, buffer)),
            Content::Json(_) => None,
        }
    }

    /// `errMsg`, MIME type and bytes, if the reply is media; else the reply again.
    pub(crate) fn into_media(self) -> Result<(String, String, Buffer), Self> {
        match self.content {
            Content::Media {
                content_type,
                buffer,
            } => Ok((self.err_msg, content_type, buffer)),
            Content::Json(_) => Err(self),
        }
    }

    /// A field of a JSON reply, by its name in camelCase.
    pub fn get(&self, field: &str) -> Option<&Value> {
        match &self.content {
            Content::Json(fields) => fields.get(field),
            Content::Media { .. } => None,
        }
    }

    /// Reads the reply into a type of your own, with `errCode` and `errMsg` beside the fields.
    ///
    /// # Errors
    ///
    /// A field is missing or of another type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(self)?)
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("errCode", &self.err_code())?;
        fields.serialize_entry("errMsg", &self.err_msg)?;
        match &self.content {
            Content::Json(json) => {
                // A field of WeChat's with one of these names loses, as in `wx-server-sdk`.
                for (name, value) in json {
                    if name != "errCode" && name != "errMsg" {
                        fields.serialize_entry(name, value)?;
                    }
                }
            }
            Content::Media {
                content_type,
                buffer,
            } => {
                fields.serialize_entry("contentType", content_type)?;
                fields.serialize_entry("buffer", buffer)?;
            }
        }
        fields.end()
    }
}

/// What WeChat answered, unread.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The `Content-Type`; empty if there was none.
    pub content_type: String,
    /// The bytes.
    pub body: Bytes,
}

/// A response whose body has been looked at.
#[derive(Debug)]
pub(crate) struct Received {
    status: StatusCode,
    content_type: String,
    body: Bytes,
    /// The body read as JSON, where its label says that it may be, or where it is an HTTP error.
    json: Option<Value>,
    /// How often the call was made until this came.
    attempts: u32,
}

/// What a reply's head says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// It is JSON, or an HTTP error, which may be.
    Json,
    /// Text, as which WeChat labels JSON and media, too.
    Text,
    /// Anything else.
    Media,
}

impl Label {
    pub(super) fn of(head: &Parts) -> Self {
        let content_type = content_type(head);
        if !head.status.is_success() || is_json(&content_type) {
            Self::Json
        } else if is_plain_text(&content_type) {
            Self::Text
        } else {
            Self::Media
        }
    }
}

/// The `Content-Type`; empty if there is none.
pub(super) fn content_type(head: &Parts) -> Cow<'_, str> {
    head.headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default()
}

impl Received {
    pub(crate) fn new(response: http::Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        let json = match Label::of(&head) {
            Label::Json | Label::Text => parse(&body),
            Label::Media => None,
        };
        Self {
            status: head.status,
            content_type: content_type(&head).into_owned(),
            body,
            json,
            attempts: 1,
        }
    }

    /// The same, as what came of this many attempts.
    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Whether another attempt may give something else.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.refusal() {
            Some(refusal) => refusal.number().map_or(Outcome::Final, Outcome::of_errcode),
            None => Outcome::of_status(self.status),
        }
    }

    /// WeChat says that the access token is wrong or has expired.
    pub(crate) fn rejects_token(&self) -> bool {
        /// Invalid or not the newest; invalid; expired.
        const REJECTED: [i64; 3] = [40001, 40014, 42001];

        self.refusal()
            .and_then(|refusal| refusal.number())
            .is_some_and(|errcode| REJECTED.contains(&errcode))
    }

    /// The refusal that the JSON tells of, if it does: in WeChat's own shape, or in that of WeChat
    /// Cloud Run's open-interface service.
    fn refusal(&self) -> Option<Refusal<'_>> {
        let json = self.json.as_ref()?;
        let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default();
        if json.get("error_type").is_some() {
            return Some(Refusal {
                code: json.get("error_code").unwrap_or(&Value::Null),
                text: text("error_message"),
            });
        }
        let code = json.get("errcode").filter(|code| !is_falsy(code))?;
        Some(Refusal {
            code,
            text: text("errmsg"),
        })
    }

    /// The answer as it came, or the error where it is none of WeChat's API itself: an HTTP error,
    /// or one of WeChat Cloud Run.
    pub(crate) fn into_answer(self, api: &Api, redactor: &Redactor) -> Result<Answer, Error> {
        let this = self.cleaned(redactor);
        let of_api = this
            .json
            .as_ref()
            .is_some_and(|json| json.get("errcode").is_some());
        match this.refusal() {
            Some(refusal) if !of_api => return Err(refusal.error(api).tried(this.attempts)),
            None if !this.status.is_success() => {
                return Err(this.http_error().tried(this.attempts));
            }
            _ => {}
        }
        let labelled = is_json(&this.content_type) || is_plain_text(&this.content_type);
        Ok(Answer {
            // The refusal in an HTTP error is one whatever its label says.
            content_type: if this.json.is_some() && !labelled {
                "application/json".to_owned()
            } else {
                this.content_type
            },
            body: this.body,
        })
    }

    /// The result of the call, or its error.
    pub(crate) fn into_reply(self, api: &Api, redactor: &Redactor) -> Result<Reply, Error> {
        let this = self.cleaned(redactor);
        if let Some(refusal) = this.refusal() {
            return Err(refusal.error(api).tried(this.attempts));
        }
        if !this.status.is_success() {
            return Err(this.http_error().tried(this.attempts));
        }
        let content = match this.json {
            Some(Value::Object(mut fields)) => {
                fields.shift_remove("errcode");
                fields.shift_remove("errmsg");
                Content::Json(convert_keys(fields, camel))
            }
            None if is_json(&this.content_type) => {
                return Err(Error::invalid_json(api.name, &quote(&this.body)));
            }
            Some(other) if is_json(&this.content_type) || !api.media => {
                Content::Json(Map::from_iter([("result".to_owned(), other)]))
            }
            None if is_plain_text(&this.content_type) && !api.media => {
                let text = String::from_utf8_lossy(&this.body).into_owned();
                Content::Json(Map::from_iter([("result".to_owned(), text.into())]))
            }
            _ => Content::Media {
                content_type: this.content_type.trim().to_owned(),
                buffer: this.body.into(),
            },
        };
        if let Content::Media { buffer, .. } = &content
            && buffer.is_empty()
            && api.media
        {
            return Err(Error::unexpected_reply("the reply is empty"));
        }
        Ok(Reply {
            err_msg: ["openapi.", api.name, ":ok"].concat(),
            content,
        })
    }

    /// The same without secrets, which a server may quote; in media nobody looks for them.
    fn cleaned(mut self, redactor: &Redactor) -> Self {
        if let Cow::Owned(clean) = redactor.clean(&self.content_type) {
            self.content_type = clean;
        }
        self.body = self.body_without_secrets(redactor);
        self.json = self.json.map(|json| redactor.clean_json(json));
        self
    }

    /// The body, with `***` in the place of a secret where it is text: in JSON, in what fails to be
    /// JSON, and in an HTTP error. JSON stays JSON.
    fn body_without_secrets(&self, redactor: &Redactor) -> Bytes {
        let is_text = !self.status.is_success()
            || is_json(&self.content_type)
            || is_plain_text(&self.content_type);
        if !is_text {
            return self.body.clone();
        }
        let clean = redactor.clean_bytes(&self.body);
        let Some(json) = &self.json else {
            return clean;
        };
        // A secret that was escaped twice is only found in what the JSON says.
        let is_clean = |json: &Value| !redactor.finds_in_json(json);
        if clean == self.body && is_clean(json) {
            return clean;
        }
        match parse(&clean) {
            Some(json) if is_clean(&json) => clean,
            _ => redactor.clean_json(json.clone()).to_string().into(),
        }
    }

    fn http_error(&self) -> Error {
        let status = self.status;
        if status.is_redirection() {
            // Where to is not said: the address may hold the access token.
            return Error::unexpected_reply(&format!("HTTP {status}, which was not followed"));
        }
        let body = quote(&self.body);
        let separator = if body.is_empty() { "" } else { ": " };
        Error::unexpected_reply(&format!("HTTP {status}{separator}{body}"))
    }
}

/// What a refusal says of itself.
struct Refusal<'a> {
    code: &'a Value,
    text: &'a str,
}

impl Refusal<'_> {
    /// The code, which is a number or a text that is one.
    fn number(&self) -> Option<i64> {
        let code = self.code;
        code.as_i64()
            .or_else(|| whole(code.as_f64()?))
            .or_else(|| code.as_str()?.parse().ok())
    }

    fn error(&self, api: &Api) -> Error {
        match self.number() {
            // An error with the code of success would be taken for one.
            Some(errcode) if errcode != 0 => {
                let error = Error::wechat(api.name, errcode, self.text);
                match advice(errcode) {
                    Some(advice) => error.with_hint(advice),
                    None => error,
                }
            }
            _ => {
                let Self { code, text } = self;
                Error::unexpected_reply(&format!(
                    "the reply is a refusal with the code {code}: {text}"
                ))
            }
        }
    }
}

/// A number with a fraction of zero, within what a double counts exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < (1_u64 << 53) as f64).then_some(number as i64)
}

/// Whether the SDK, which asks `if (errcode)`, takes it for none.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // "0" is true in JavaScript, but no error to anyone.
        Value::String(text) => text.is_empty() || text.parse() == Ok(0_i64),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_json(content_type: &str) -> bool {
    holds(content_type, "application/json")
}

fn is_plain_text(content_type: &str) -> bool {
    holds(content_type, "text/plain")
}

/// Whether the text holds the other one, in large letters or small.
fn holds(text: &str, other: &str) -> bool {
    let mut parts = text.as_bytes().windows(other.len());
    parts.any(|part| part.eq_ignore_ascii_case(other.as_bytes()))
}

/// What is known to help.
fn advice(errcode: i64) -> Option<&'static str> {
    Some(match errcode {
        -1 => "WeChat is busy: try again in a moment",
        40007 => "a media id is valid for 3 days, and only in the app that received the media",
        41001 => "no access token was sent: set WECHAT_APPID and WECHAT_SECRET",
        48001 => "the app has no right to this API: see the API permissions in the WeChat console",
        _ => return None,
    })
}

/// The beginning of a body, as text. The body has been cleaned, or half a secret could stay.
fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.len() <= QUOTED {
        return text.into_owned();
    }
    let end = (0..=QUOTED)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    format!("{}… ({} bytes in all)", &text[..end], body.len())
}

/// JSON in which no integer loses digits: one that does not fit 64 bits becomes a text of its
/// digits, which is also what `wx-server-sdk`'s numbers become in a function's result.
pub(crate) fn parse(body: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    let value = serde_json::from_str(&text);
    match quote_large_integers(&text) {
        Cow::Borrowed(_) => value.ok(),
        // An integer of hundreds of digits is refused as it is; whether the rest is JSON shows when
        // it is quoted.
        Cow::Owned(quoted) if value.as_ref().map_or_else(is_out_of_range, |_| true) => {
            serde_json::from_str(&quoted).ok()
        }
        Cow::Owned(_) => None,
    }
}

fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

/// Puts quotes around each integer that fits neither `i64` nor `u64`, in text that is valid JSON.
fn quote_large_integers(text: &str) -> Cow<'_, str> {
    /// Every integer of fewer characters fits.
    const SHORTEST: usize = 20;

    let bytes = text.as_bytes();
    let mut quoted = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while bytes.get(at).is_some_and(|byte| {
                    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                }) {
                    at += 1;
                }
                let number = &text[start..at];
                if number.len() >= SHORTEST
                    && number
                        .bytes()
                        .all(|byte| byte == b'-' || byte.is_ascii_digit())
                    && number.parse::<i64>().is_err()
                    && number.parse::<u64>().is_err()
                {
                    quoted.push_str(&text[copied..start]);
                    quoted.push('"');
                    quoted.push_str(number);
                    quoted.push('"');
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(&text[copied..]);
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_keep_their_digits() {
        for (text, expected) in [
            ("9007199254740993", json!(9_007_199_254_740_993_i64)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-9223372036854775809", json!("-9223372036854775809")),
            (
                r#"{"a":[123456789012345678901234567890,1],"b":"123456789012345678901234567890\"9"}"#,
                json!({"a": ["123456789012345678901234567890", 1], "b": "123456789012345678901234567890\"9"}),
            ),
            (&"9".repeat(400), json!("9".repeat(400))),
            ("1.25", json!(1.25)),
            // The nearest double, as in JavaScript.
            ("1844670955164459.0", json!(1_844_670_955_164_459_f64)),
            ("113.99451205878995", json!(113.994_512_058_789_95)),
            (
                "1234567890123456789012e-2",
                json!(12_345_678_901_234_567_890.12_f64),
            ),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text}");
        }
        for invalid in [
            "",
            "{",
            "01",
            r#"{123456789012345678901234: 1}"#,
            "\u{feff}{}",
        ] {
            assert_eq!(parse(invalid.as_bytes()), None, "{invalid}");
        }
    }

    #[test]
    fn no_error_has_the_code_of_success() {
        let reply = |body: &str| {
            let response = http::Response::builder()
                .header(CONTENT_TYPE, "application/json")
                .body(Bytes::copy_from_slice(body.as_bytes()))
                .expect("a response");
            let api = Api::find("customerServiceMessage.send").expect("in the catalog");
            Received::new(response).into_reply(api, &Redactor::default())
        };
        for body in [
            r#"{"errcode":"00"}"#,
            r#"{"errcode":"-0"}"#,
            r#"{"errcode":-0.0}"#,
        ] {
            assert_eq!(reply(body).expect(body).err_code(), 0);
        }
        for code in ["0", "\"0\"", "0.0"] {
            let body = format!(r#"{{"error_type":"x","error_code":{code}}}"#);
            assert_eq!(reply(&body).expect_err(code).err_code(), -604_103);
        }
    }

    #[test]
    fn a_long_body_is_quoted_in_part_and_no_secret_is_cut_in_two() {
        assert_eq!(quote(b"short"), "short");
        let quoted = quote(&[b'x'; QUOTED + 1]);
        assert!(quoted.len() < QUOTED + 100);
        assert!(quoted.ends_with("(4097 bytes in all)"), "{quoted}");
        let body = format!("{}secret-token{}", "x".repeat(QUOTED - 4), "y".repeat(100));
        let error = received("application/json", body).into_reply(api(), &redactor());
        assert!(!error.expect_err("no JSON").err_msg().contains("secr"));
    }

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(&"secret-token".into());
        redactor
    }

    fn received(content_type: &str, body: impl Into<Bytes>) -> Received {
        let response = http::Response::builder().header(CONTENT_TYPE, content_type);
        Received::new(response.body(body.into()).expect("a response"))
    }

    fn api() -> &'static Api {
        Api::find("customerServiceMessage.getTempMedia").expect("in the catalog")
    }

    #[test]
    fn a_result_and_an_answer_hold_no_secret_that_a_server_quotes() {
        for (content_type, body) in [
            (
                "application/json",
                &br#"{"secret-token":["secret-token"]}"#[..],
            ),
            ("application/json", b"{\"a\":\"\xffsecret-token\"}"),
            ("application/json", b"\xff no JSON: secret-token"),
            ("text/plain", b"secret-token"),
            ("image/secret-token", b"PNG"),
        ] {
            let shown = received(content_type, body).into_reply(api(), &redactor());
            let shown = match shown {
                Ok(reply) => serde_json::to_string(&reply).expect("JSON"),
                Err(error) => error.to_string(),
            };
            assert!(!shown.contains("secret-token"), "{shown}");
            let answer = received(content_type, body).into_answer(api(), &redactor());
            let Answer { content_type, body } = answer.expect("an answer");
            let shown = format!("{content_type} {}", String::from_utf8_lossy(&body));
            assert!(!shown.contains("secret-token"), "{shown}");
        }
        // Media is what it is.
        let media = received("image/png", &b"\x89PNG secret-token"[..]);
        let answer = media.into_answer(api(), &redactor()).expect("an answer");
        assert_eq!(answer.body, &b"\x89PNG secret-token"[..]);
    }
}
