//! The one error of a Cloud Call, with the codes of `wx-server-sdk`.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::secret::Redactor;
use crate::transport::{TransportError, TransportErrorKind};

/// The SDK's own codes, as `wx-server-sdk` numbers them.
pub(crate) mod code {
    pub(crate) const SYSTEM: i64 = -601_001;
    pub(crate) const ARGUMENTS: i64 = -601_002;
    pub(crate) const NETWORK: i64 = -601_003;
    pub(crate) const API_NOT_FOUND: i64 = -604_100;
    pub(crate) const NO_PERMISSION: i64 = -604_101;
    pub(crate) const TIMEOUT: i64 = -604_102;
    pub(crate) const API_SYSTEM: i64 = -604_103;
}

/// Why a Cloud Call gave no result.
///
/// It is what `wx-server-sdk` throws: a number, [`err_code`](Self::err_code), and a text,
/// [`err_msg`](Self::err_msg). As JSON it is `{"errCode": …, "errMsg": …}`; displayed it reads
/// like the SDK's `String(err)`.
///
/// | `err_code` | meaning | ask with | what to do |
/// |---|---|---|---|
/// | > 0, -1 | WeChat refused; the number is WeChat's `errcode` | [`is_wechat`](Self::is_wechat) | look the number up on the API's page |
/// | -604101 | `config.json` does not permit this API | [`is_permission_denied`](Self::is_permission_denied) | add the entry that [`hint`](Self::hint) shows |
/// | -604100 | no API of this name | [`is_unknown_api`](Self::is_unknown_api) | check the spelling |
/// | -604102 | no whole answer in time: the transport's limit, or the [deadline](crate::Cloud::with_deadline) of the call or the invocation, passed | [`is_timeout`](Self::is_timeout) | give it more time, or try again |
/// | -604103 | the answer was an HTTP error, or not of the kind the API gives | | see `err_msg`; [`reply`](Self::reply) holds a JSON answer |
/// | -601001 | the answer claims to be JSON and is not | | try again; a proxy may stand in between |
/// | -601001 | media could not be written to where it was to go | | see [`source`](StdError::source), an [`io::Error`](std::io::Error) |
/// | -601002 | wrong arguments or settings; nothing was sent | [`is_invalid_argument`](Self::is_invalid_argument) | see `err_msg` |
/// | -601003 | no connection, or it broke | [`is_network`](Self::is_network) | check the network, then try again |
/// | -601003 | a [`Replayer`](crate::transport::Replayer) has no such exchange | [`is_not_recorded`](Self::is_not_recorded) | record the session again |
///
/// No text of an error holds an access token or an app secret.
///
/// ```
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, json_reply}};
/// # use serde_json::json;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
/// #     .access_token("TOKEN")
/// #     .transport(MockTransport::replies([json_reply(json!({"errcode": 40007, "errmsg": "invalid media_id"}))]))
/// #     .build()?;
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
///
/// let error = get_temp_media(&cloud, GetTempMedia::new("EXPIRED")).await.unwrap_err();
/// assert!(error.is_wechat());
/// assert_eq!(error.err_code(), 40007);
/// assert_eq!(
///     error.err_msg(),
///     "openapi.customerServiceMessage.getTempMedia:fail invalid media_id",
/// );
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    err_code: i64,
    err_msg: String,
    hint: Option<String>,
    reply: Option<Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WeChat,
    PermissionDenied,
    UnknownApi,
    Argument,
    Timeout,
    Network,
    NotRecorded,
    Reply,
    Output,
}

impl Error {
    fn new(kind: Kind, err_code: i64, err_msg: String) -> Self {
        Self(Box::new(Inner {
            kind,
            err_code,
            err_msg,
            hint: None,
            reply: None,
            source: None,
        }))
    }

    /// WeChat answered with an `errcode`.
    pub(crate) fn wechat(api: &str, errcode: i64, errmsg: &str) -> Self {
        Self::new(Kind::WeChat, errcode, fail(api, errmsg))
    }

    pub(crate) fn unknown_api(api: &str) -> Self {
        Self::new(
            Kind::UnknownApi,
            code::API_NOT_FOUND,
            gateway(code::API_NOT_FOUND, &format!("there is no API {api:?}")),
        )
    }

    pub(crate) fn permission_denied(detail: &str) -> Self {
        Self::new(
            Kind::PermissionDenied,
            code::NO_PERMISSION,
            gateway(code::NO_PERMISSION, detail),
        )
    }

    /// A wrong argument of the call to `api`.
    pub(crate) fn argument(api: &str, detail: &str) -> Self {
        let detail = format!("{} system args error. {detail}", code::ARGUMENTS);
        Self::new(Kind::Argument, code::ARGUMENTS, fail(api, &detail))
    }

    /// A wrong setting, outside of any call.
    pub(crate) fn settings(detail: impl Into<String>) -> Self {
        Self::new(Kind::Argument, code::ARGUMENTS, detail.into())
    }

    /// The reply says it is JSON, but it is not.
    pub(crate) fn invalid_json(api: &str, body: &str) -> Self {
        let detail = format!("wechat server internal error, response body is invalid json: {body}");
        Self::new(Kind::Reply, code::SYSTEM, fail(api, &detail))
    }

    /// The reply was an HTTP error, or of a kind that the API does not give.
    pub(crate) fn unexpected_reply(detail: &str) -> Self {
        Self::new(
            Kind::Reply,
            code::API_SYSTEM,
            gateway(code::API_SYSTEM, detail),
        )
    }

    /// The time that the caller had given is over.
    pub(crate) fn deadline(detail: &str) -> Self {
        Self::new(Kind::Timeout, code::TIMEOUT, gateway(code::TIMEOUT, detail))
    }

    /// Where the media was to go did not take it.
    pub(crate) fn not_written(api: &str, error: std::io::Error) -> Self {
        let detail = format!(
            "{} system error. the media cannot be written: {error}",
            code::SYSTEM
        );
        Self::new(Kind::Output, code::SYSTEM, fail(api, &detail)).with_source(error)
    }

    /// The transport failed after this much of the media had been written.
    pub(crate) fn transport_after(api: &str, error: TransportError, written: u64) -> Self {
        let mut error = Self::transport(api, error);
        if written > 0 {
            let after = format!("; {written} bytes of the media had been written");
            error.0.err_msg.push_str(&after);
        }
        error
    }

    pub(crate) fn transport(api: &str, error: TransportError) -> Self {
        let hint = match error.kind() {
            TransportErrorKind::Certificate => Some(
                "make this machine trust who signed the certificate, of the server or of a proxy \
                 in between: on Linux SSL_CERT_FILE names a file with trusted certificates, \
                 elsewhere they are the system's",
            ),
            TransportErrorKind::Connect | TransportErrorKind::Interrupted => {
                Some("check the address and the network, then try again")
            }
            TransportErrorKind::NotRecorded => {
                Some("record the session again: --record FILE, or transport::Recorder")
            }
            TransportErrorKind::Timeout
            | TransportErrorKind::TooLarge
            | TransportErrorKind::Other => None,
        };
        let new = match error.kind() {
            TransportErrorKind::Timeout => Self::new(
                Kind::Timeout,
                code::TIMEOUT,
                gateway(code::TIMEOUT, &error.to_string()),
            ),
            TransportErrorKind::TooLarge => Self::unexpected_reply(&error.to_string()),
            TransportErrorKind::NotRecorded => {
                let detail = format!("{} system network error. {error}", code::NETWORK);
                Self::new(Kind::NotRecorded, code::NETWORK, fail(api, &detail))
            }
            TransportErrorKind::Connect
            | TransportErrorKind::Certificate
            | TransportErrorKind::Interrupted
            | TransportErrorKind::Other => {
                let detail = format!("{} system network error. {error}", code::NETWORK);
                Self::new(Kind::Network, code::NETWORK, fail(api, &detail))
            }
        };
        let new = new.with_source(error);
        match hint {
            Some(hint) => new.with_hint(hint),
            None => new,
        }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says how often the call was made, if that was more than once.
    #[must_use]
    pub(crate) fn tried(self, attempts: u32) -> Self {
        if attempts <= 1 {
            return self;
        }
        let hint = match &self.0.hint {
            Some(hint) => format!("{hint}; it was tried {attempts} times"),
            None => format!("it was tried {attempts} times"),
        };
        self.with_hint(hint)
    }

    #[must_use]
    pub(crate) fn with_reply(mut self, reply: Value) -> Self {
        self.0.reply = Some(reply);
        self
    }

    #[must_use]
    fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Takes secrets out of every text that came from outside.
    #[must_use]
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        let clean = |text: &mut String| {
            if let Cow::Owned(clean) = redactor.clean(text) {
                *text = clean;
            }
        };
        clean(&mut self.0.err_msg);
        if let Some(hint) = &mut self.0.hint {
            clean(hint);
        }
        self.0.reply = self.0.reply.map(|reply| redactor.clean_json(reply));
        self.0.source = self
            .0
            .source
            .filter(|source| !mentions(source.as_ref(), redactor));
        self
    }

    /// The number that tells errors apart: WeChat's `errcode`, or one of the SDK's own codes in
    /// the table above.
    pub fn err_code(&self) -> i64 {
        self.0.err_code
    }

    /// The text, as `wx-server-sdk` words it. Do not match on it: WeChat appends varying
    /// `hint: […] rid: …` suffixes.
    pub fn err_msg(&self) -> &str {
        &self.0.err_msg
    }

    /// What to do next, where the SDK knows.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The JSON that was received where something else was expected, with keys in camelCase as in
    /// every reply.
    pub fn reply(&self) -> Option<&Value> {
        self.0.reply.as_ref()
    }

    /// WeChat received the call and refused it; [`err_code`](Self::err_code) is its `errcode`.
    ///
    /// Troubleshooting: look the number up on the page of the API. The access token has already
    /// been renewed once, where that could help.
    pub fn is_wechat(&self) -> bool {
        self.0.kind == Kind::WeChat
    }

    /// `config.json` does not permit the API. Nothing was sent.
    ///
    /// Troubleshooting: add the exact name to `permissions.openapi`; [`hint`](Self::hint) says in
    /// which file.
    pub fn is_permission_denied(&self) -> bool {
        self.0.kind == Kind::PermissionDenied
    }

    /// The name is not in the catalog of APIs. Nothing was sent.
    ///
    /// Troubleshooting: names are `category.method`, without `openapi.`, and case matters.
    pub fn is_unknown_api(&self) -> bool {
        self.0.kind == Kind::UnknownApi
    }

    /// An argument or a setting is wrong. Nothing was sent.
    ///
    /// Troubleshooting: [`err_msg`](Self::err_msg) names the parameter or the variable.
    pub fn is_invalid_argument(&self) -> bool {
        self.0.kind == Kind::Argument
    }

    /// No whole answer came within the transport's time limit, or before the deadline.
    ///
    /// Troubleshooting: WeChat may have acted all the same; repeat only what may happen twice.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// The connection could not be made, or it broke.
    ///
    /// Troubleshooting: [`source`](StdError::source) has the transport's own error; its kind says
    /// whether the request may have been sent.
    pub fn is_network(&self) -> bool {
        self.0.kind == Kind::Network
    }

    /// A [`Replayer`](crate::transport::Replayer) was asked for an exchange that its cassette does
    /// not hold. Nothing was sent.
    ///
    /// Troubleshooting: [`err_msg`](Self::err_msg) names the nearest recorded exchange, and how it
    /// differs.
    pub fn is_not_recorded(&self) -> bool {
        self.0.kind == Kind::NotRecorded
    }
}

/// The SDK's wording of a failed call.
fn fail(api: &str, detail: &str) -> String {
    format!("openapi.{api}:fail {detail}")
}

/// The SDK's wording of a code that its gateway gives, and what we know beyond it.
fn gateway(code: i64, detail: &str) -> String {
    format!("system error: error code: {code}, {detail}")
}

/// Whether an error, or what caused it, holds a secret.
fn mentions(error: &(dyn StdError + 'static), redactor: &Redactor) -> bool {
    redactor.finds_in(&error.to_string())
        || error
            .source()
            .is_some_and(|cause| mentions(cause, redactor))
}

/// What the SDK's table says of a code; empty for WeChat's own numbers.
fn meaning(err_code: i64) -> &'static str {
    match err_code {
        -1 => "unknown error",
        code::SYSTEM => "system error",
        code::ARGUMENTS => "system args error",
        code::NETWORK => "system network error",
        code::API_NOT_FOUND => "API not found",
        code::NO_PERMISSION => "function has no permission to call this API",
        code::TIMEOUT => "call open API timeout",
        code::API_SYSTEM => "call open API system error",
        _ => "",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (err_code, err_msg) = (self.err_code(), self.err_msg());
        write!(
            f,
            "errCode: {err_code} {} | errMsg: {err_msg}",
            meaning(err_code)
        )
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("err_code", &self.0.err_code)
            .field("err_msg", &self.0.err_msg)
            .field("hint", &self.0.hint)
            .field("reply", &self.0.reply)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Error", 2)?;
        fields.serialize_field("errCode", &self.err_code())?;
        fields.serialize_field("errMsg", self.err_msg())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_sdk() {
        assert_eq!(
            Error::wechat("a.b", 40007, "invalid media_id").to_string(),
            "errCode: 40007  | errMsg: openapi.a.b:fail invalid media_id"
        );
        assert_eq!(
            Error::invalid_json("a.b", "<html>").to_string(),
            "errCode: -601001 system error | errMsg: openapi.a.b:fail wechat server internal error, response body is invalid json: <html>"
        );
        let denied = Error::permission_denied("add it").to_string();
        assert!(
            denied.starts_with(
                "errCode: -604101 function has no permission to call this API | errMsg: system error: error code: -604101"
            ),
            "{denied}"
        );
    }

    #[test]
    fn json_has_two_fields() {
        let json = serde_json::to_string(&Error::wechat("a.b", 1, "x").with_hint("h"));
        assert_eq!(
            json.expect("plain fields"),
            r#"{"errCode":1,"errMsg":"openapi.a.b:fail x"}"#
        );
    }

    #[test]
    fn a_secret_is_taken_out_of_every_text() {
        let mut redactor = Redactor::default();
        redactor.add(&"s3cret".into());
        let error = Error::wechat("a.b", 1, "GET /?access_token=s3cret")
            .with_hint("s3cret")
            .with_reply(serde_json::json!({"s3cret": ["http://x/?t=s3cret"]}))
            .with_source("s3cret")
            .redacted(&redactor);
        let shown = format!("{error} {error:?} {:?} {:?}", error.reply(), error.hint());
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("access_token=***"), "{shown}");
        assert!(error.source().is_none());
    }

    #[test]
    fn transport_errors_keep_their_source() {
        let cause = TransportError::new(TransportErrorKind::Connect, "connection refused");
        let error = Error::transport("a.b", cause);
        assert!(error.is_network());
        assert_eq!(error.err_code(), code::NETWORK);
        assert!(error.source().is_some());
    }
}
