//! What WeChat's reply means.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::first_line;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::openapi::customer_service_message::{TempMedia, temp_media};
use crate::openapi::reply::{Answer, Received};
use crate::openapi::{Content, Reply};
use crate::secret::Redactor;

/// An access token and an app secret, with what is written otherwise in URLs and in JSON.
const SECRETS: [&str; 2] = ["T0K/EN+=", "S3\"CR\\ET"];

/// `STATUS CONTENT-TYPE`, a newline and the body: a reply to a call that gives media, and to one
/// that gives none.
pub fn reply(data: &[u8]) {
    let Some(response) = response(data) else {
        return;
    };
    let mut redactor = Redactor::default();
    for secret in SECRETS {
        redactor.add(&secret.into());
    }
    for api in [
        "customerServiceMessage.getTempMedia",
        "customerServiceMessage.send",
    ] {
        let api = Api::find(api).expect("in the catalog");
        let received = || Received::new(response.clone());
        let read = || received().into_reply(api, &redactor);
        let generic = read().map_err(|error| error.redacted(&redactor));
        match &generic {
            Ok(reply) => good(reply, api, response.body(), &redactor),
            Err(error) => bad(error),
        }
        let typed = read()
            .and_then(temp_media)
            .map_err(|error| error.redacted(&redactor));
        agree(&generic, &typed);

        let answer = received()
            .into_answer(api, &redactor)
            .map_err(|error| error.redacted(&redactor));
        // Without a secret that stands in it, a label may mean something else.
        let label = response.headers().get(CONTENT_TYPE);
        let label = label.map(|label| String::from_utf8_lossy(label.as_bytes()));
        if !label.is_some_and(|label| redactor.finds_in(&label)) {
            relayed(&generic, answer, response.body(), api, &redactor);
        }
    }
}

fn response(data: &[u8]) -> Option<http::Response<Bytes>> {
    let (head, body) = first_line(data);
    let (status, content_type) = head.split_at_checked(3)?;
    let mut response = http::Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = http::StatusCode::from_bytes(status).ok()?;
    if let Some((b' ', content_type)) = content_type.split_first() {
        let content_type = HeaderValue::from_bytes(content_type).ok()?;
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Some(response)
}

fn good(reply: &Reply, api: &Api, body: &Bytes, redactor: &Redactor) {
    assert_eq!(reply.err_code(), 0);
    assert_eq!(reply.err_msg(), format!("openapi.{}:ok", api.name));
    let json = serde_json::to_string(reply).expect("JSON");
    let again: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(again, serde_json::to_value(reply).expect("JSON"));
    assert_eq!(again["errCode"], 0);
    match reply.content() {
        Content::Media {
            content_type,
            buffer,
        } => {
            assert!(!api.media || !buffer.is_empty(), "empty media");
            // What is labelled a text may be a page that quotes the request.
            let expected = if content_type.to_ascii_lowercase().contains("text/plain") {
                redactor.clean_bytes(body)
            } else {
                body.clone()
            };
            assert_eq!(&buffer[..], &expected[..]);
            assert_eq!(again["contentType"], **content_type);
            assert_eq!(content_type.trim(), content_type);
        }
        Content::Json(fields) => {
            for name in fields.keys().filter(|name| !name.starts_with("err")) {
                assert_eq!(reply.get(name), Some(&again[name]));
            }
        }
    }
}

fn bad(error: &Error) {
    assert_ne!(error.err_code(), 0, "an error with the code of success");
    let json = serde_json::to_value(error).expect("JSON");
    assert_eq!(json["errCode"], error.err_code());
    assert_eq!(json["errMsg"], error.err_msg());
    let reply = error.reply().map(Value::to_string).unwrap_or_default();
    for text in [error.err_msg(), &error.to_string(), &reply] {
        holds_no_secret(text);
    }
    assert!(error.err_msg().len() < 5000 + reply.len() * 2);
}

/// In none of the forms in which a server may quote the request.
fn holds_no_secret(text: &str) {
    let of_url = percent_decode_str(text).decode_utf8_lossy();
    let of_json = unescaped(text);
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret: {text}");
        assert!(!of_url.contains(secret), "an encoded secret: {text}");
        assert!(!of_json.contains(secret), "an escaped secret: {text}");
    }
}

/// The text with the escapes of JSON read.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let length = if escape.starts_with('u') { 5 } else { 1 };
        let (code, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        let json = format!("\"\\{code}\"");
        match serde_json::from_str::<String>(&json) {
            Ok(letter) => {
                plain.push_str(&letter);
                rest = after;
            }
            Err(_) => {
                plain.push('\\');
                rest = escape;
            }
        }
    }
    plain + rest
}

/// The typed call gives what the generic one gives, and refuses what is no media.
fn agree(generic: &Result<Reply, Error>, typed: &Result<TempMedia, Error>) {
    match (generic, typed) {
        (Ok(generic), Ok(typed)) => {
            let (content_type, buffer) = generic.media().expect("media");
            assert_eq!(
                (content_type, buffer),
                (&*typed.content_type, &typed.buffer)
            );
            let json = serde_json::to_value(generic).expect("JSON");
            assert_eq!(json, serde_json::to_value(typed).expect("JSON"));
        }
        (Ok(generic), Err(typed)) => {
            assert!(generic.media().is_none(), "media is refused");
            assert_eq!(typed.err_code(), -604_103);
            bad(typed);
        }
        (Err(generic), Err(typed)) => assert_eq!(generic.to_string(), typed.to_string()),
        (Err(_), Ok(_)) => panic!("only the typed call succeeds"),
    }
}

/// A reply that another SDK gets by way of the gateway means the same there.
fn relayed(
    generic: &Result<Reply, Error>,
    answer: Result<Answer, Error>,
    body: &Bytes,
    api: &Api,
    redactor: &Redactor,
) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            bad(&error);
            let generic = generic.as_ref().expect_err("only the relayed call fails");
            assert_eq!(error.to_string(), generic.to_string());
            return;
        }
    };
    let mut response = http::Response::new(answer.body.clone());
    let content_type = HeaderValue::from_maybe_shared(Bytes::from(answer.content_type.clone()))
        .expect("it was a header");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    let received = Received::new(response);
    let relayed = received
        .into_reply(api, redactor)
        .map_err(|error| error.redacted(redactor));
    if let Err(error) = &relayed {
        bad(error);
    }
    // A text may become JSON when a secret with a quote or a backslash is taken out of it.
    let text = String::from_utf8_lossy(body);
    if redactor.finds_in(&text) && serde_json::from_str::<IgnoredAny>(&text).is_err() {
        return;
    }
    match (generic, relayed) {
        (Ok(generic), Ok(relayed)) => match (generic.content(), relayed.content()) {
            // Not an error, so that what it quotes is not looked at.
            (Content::Json(_), Content::Json(fields)) => {
                holds_no_secret(&Value::from(fields.clone()).to_string());
            }
            (media, same) => assert_eq!(media, same),
        },
        (Err(generic), Err(relayed)) => assert_eq!(generic.to_string(), relayed.to_string()),
        (generic, relayed) => panic!("{generic:?} is relayed as {relayed:?}"),
    }
}
