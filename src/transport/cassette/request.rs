//! A request as a cassette holds it, and the secrets that it carries.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::body;
use super::files::Files;
use super::format::{Request, Texts};
use crate::secret::{Redactor, Secret};

/// The parameter that is in no cassette.
const ACCESS_TOKEN: &str = "access_token";

/// What stands in the place of a secret.
const PLACEHOLDER: &str = "***";

/// Whether this path gives access tokens.
pub(super) fn gives_token(path: &str) -> bool {
    path.ends_with("/cgi-bin/token") || path.ends_with("/cgi-bin/stable_token")
}

/// The request without its secrets, and the files that it uploads. Of one for an access token only
/// where it goes.
pub(super) fn recorded(
    request: &http::Request<Bytes>,
    redactor: &Redactor,
    files: &mut Files,
) -> Request {
    let path = request.uri().path();
    let bare = Request {
        method: request.method().to_string(),
        path: redactor.clean(path).into_owned(),
        query: BTreeMap::new(),
        body: None,
    };
    if gives_token(path) {
        return bare;
    }
    let content_type = content_type(request.headers());
    Request {
        query: query(request, redactor),
        body: body::of_request(content_type, request.body(), redactor, files),
        ..bare
    }
}

/// The label of a body.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

fn query(request: &http::Request<Bytes>, redactor: &Redactor) -> BTreeMap<String, Texts> {
    let mut query = BTreeMap::new();
    for (name, value) in parameters(request) {
        if name == ACCESS_TOKEN {
            continue;
        }
        let value = match is_secret(&name) {
            true => PLACEHOLDER.to_owned(),
            false => redactor.clean(&value).into_owned(),
        };
        query
            .entry(redactor.clean(&name).into_owned())
            .and_modify(|texts: &mut Texts| texts.add(value.clone()))
            .or_insert(Texts::One(value));
    }
    query
}

impl Texts {
    fn add(&mut self, text: String) {
        *self = match std::mem::replace(self, Self::Several(Vec::new())) {
            Self::One(first) => Self::Several(vec![first, text]),
            Self::Several(mut texts) => {
                texts.push(text);
                Self::Several(texts)
            }
        };
    }
}

/// Tells the redactor what secrets the request carries.
pub(super) fn learn_from_request(request: &http::Request<Bytes>, redactor: &mut Redactor) {
    for (name, raw) in pairs(request) {
        if is_secret(&decoded(name)) {
            redactor.add(&Secret::from(decoded(raw)));
            // Escaped in this client's own way.
            redactor.add(&Secret::from(raw));
        }
    }
    if gives_token(request.uri().path())
        && let Ok(Value::Object(fields)) = serde_json::from_slice(request.body())
        && let Some(Value::String(secret)) = fields.get("secret")
    {
        redactor.add(&Secret::from(secret.as_str()));
    }
}

/// Tells the redactor what secrets WeChat's answer gives.
pub(super) fn learn_from_answer(answer: &[u8], redactor: &mut Redactor) {
    // Media of many megabytes are not read as JSON for nothing.
    if memchr::memmem::find(answer, b"_token").is_some()
        || memchr::memmem::find(answer, b"session_key").is_some()
    {
        let json = serde_json::from_slice(answer).unwrap_or_default();
        learn_from_json(&json, redactor);
    }
}

fn learn_from_json(json: &Value, redactor: &mut Redactor) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(secret) if is_secret(name) => {
                        redactor.add(&Secret::from(secret.as_str()));
                    }
                    value => learn_from_json(value, redactor),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| learn_from_json(item, redactor)),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    name.ends_with(ACCESS_TOKEN)
        || name.ends_with("refresh_token")
        || ["secret", "appsecret", "session_key"].contains(&name)
}

/// The parameters of the query, decoded.
fn parameters(request: &http::Request<Bytes>) -> impl Iterator<Item = (String, String)> {
    pairs(request).map(|(name, value)| (decoded(name), decoded(value)))
}

/// The parameters of the query, as they were sent.
fn pairs(request: &http::Request<Bytes>) -> impl Iterator<Item = (&str, &str)> {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}
