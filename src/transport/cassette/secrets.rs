//! The secrets that requests carry and answers give.

use bytes::Bytes;
use serde_json::Value;

use super::request::{decoded, gives_token, pairs};
use crate::secret::{Redactor, Secret};

/// The shortest text that counts as a secret because of its field's name alone, in bytes: WeChat's
/// have 24 and more, and taking every `a` out of a cassette would help nobody.
const SHORTEST: usize = 8;

/// Tells the redactor what secrets the request carries.
pub(super) fn learn_from_request(request: &http::Request<Bytes>, redactor: &mut Redactor) {
    for (name, raw) in pairs(request) {
        if is_secret(&decoded(name)) {
            redactor.add(&Secret::from(decoded(raw)));
            // Escaped in this client's own way.
            redactor.add(&Secret::from(raw));
        }
    }
    let json: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if gives_token(request.uri().path())
        && let Some(secret) = json["secret"].as_str()
    {
        redactor.add(&Secret::from(secret));
    }
    learn_from_json(&json, redactor);
}

/// Tells the redactor what secrets WeChat's answer gives.
pub(super) fn learn_from_answer(answer: &[u8], redactor: &mut Redactor) {
    let json = serde_json::from_slice(answer).unwrap_or_default();
    learn_from_json(&json, redactor);
}

fn learn_from_json(json: &Value, redactor: &mut Redactor) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match is_secret(name) {
                    true => learn_all(value, redactor),
                    false => learn_from_json(value, redactor),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| learn_from_json(item, redactor)),
        _ => {}
    }
}

/// Every text in it, also where a field has not the type it should have.
fn learn_all(json: &Value, redactor: &mut Redactor) {
    match json {
        Value::String(text) if text.len() >= SHORTEST => {
            redactor.add(&Secret::from(text.as_str()));
        }
        Value::Array(items) => items.iter().for_each(|item| learn_all(item, redactor)),
        Value::Object(fields) => fields.values().for_each(|field| learn_all(field, redactor)),
        _ => {}
    }
}

/// Whether a parameter or a field of this name is one, such as `component_appsecret`.
pub(super) fn is_secret(name: &str) -> bool {
    ["access_token", "refresh_token", "secret", "session_key"]
        .iter()
        .any(|end| name.ends_with(end))
}
