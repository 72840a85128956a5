//! Replies that quote the secrets, in every part that can hold a text.

use serde_json::{Value, json};

use super::canaries::{Canary, SECRET, TOKEN};
use super::quoting::Reply;

/// What a server knows: the access token only once the call has come.
pub(crate) const OF_TOKENS: &[&str] = &[SECRET];
pub(crate) const OF_CALLS: &[&str] = &[SECRET, TOKEN];

/// The secrets, in each way in which servers write them.
fn quotation(secrets: &[&str]) -> String {
    let percent = |text: &str, upper: bool| -> String {
        let escaped = |byte: u8| match byte {
            it if it.is_ascii_alphanumeric() => char::from(it).to_string(),
            it if upper => format!("%{it:02X}"),
            it => format!("%{it:02x}"),
        };
        text.bytes().map(escaped).collect()
    };
    let html = |text: &str| {
        let text = text.replace('&', "&amp;").replace('"', "&#34;");
        text.replace('<', "&lt;").replace('+', "&#x2b;")
    };
    let written = secrets.iter().map(|text| {
        let json = Value::from(*text).to_string();
        let json = &json[1..json.len() - 1];
        [
            (*text).to_owned(),
            percent(text, true),
            percent(text, false),
            percent(text, true).replace("%20", "+"),
            json.to_owned(),
            json.replace('/', "\\/").replace('<', "\\u003c"),
            html(text),
        ]
        .join(" , ")
    });
    written.collect::<Vec<_>>().join(" ; ")
}

/// A whole reply, after which the connection ends.
fn reply(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| name.contains("-Encoding")) {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    Reply::Bytes([format!("{head}\r\n").as_bytes(), body].concat())
}

pub(crate) fn in_json(value: &Value) -> Reply {
    let label = ("Content-Type", "application/json");
    reply("200 OK", &[label], value.to_string())
}

/// The access token, as WeChat gives it.
pub(crate) fn token() -> Reply {
    in_json(&json!({"access_token": TOKEN, "expires_in": 7200}))
}

/// A refusal that quotes the secrets.
pub(crate) fn refusal(errcode: i64, secrets: &[&str]) -> Reply {
    let errmsg = format!("refused: {}", quotation(secrets));
    in_json(&json!({"errcode": errcode, "errmsg": errmsg}))
}

/// Every way in which a reply can be wrong.
pub(crate) fn replies(secrets: &[&str]) -> Vec<(String, Reply)> {
    let quoted = quotation(secrets);
    let quotes = |secret: &&str| Canary::new("quoted", secret).is_in(&quoted);
    assert!(secrets.iter().all(quotes));
    let quoted = quoted.as_str();
    let page = format!("<html><a href=\"/?access_token={quoted}\">{quoted}</a></html>");
    let (html, plain) = (
        ("Content-Type", "text/html"),
        ("Content-Type", "text/plain"),
    );
    let labelled = ("Content-Type", "application/json");

    let mut replies: Vec<(String, Reply)> = [
        -1, 40001, 40013, 40014, 40125, 40164, 41001, 42001, 45009, 48001,
    ]
    .map(|errcode| (format!("errcode {errcode}"), refusal(errcode, secrets)))
    .into();
    for status in [
        "401 X", "404 X", "407 X", "413 X", "429 X", "500 X", "503 X",
    ] {
        let asks = ("WWW-Authenticate", quoted);
        replies.push((
            format!("HTTP {status}"),
            reply(status, &[html, asks], &page),
        ));
    }
    for (name, to) in [
        ("to the same host", format!("/again?access_token={quoted}")),
        (
            "to another one",
            format!("http://localhost:1/?access_token={quoted}"),
        ),
        ("to nowhere", format!("://{quoted}")),
    ] {
        let location = ("Location", to.as_str());
        replies.push((
            format!("redirect {name}"),
            reply("302 Found", &[location], &page),
        ));
    }
    let short = format!("HTTP/1.1 200 OK\r\n{}: {}\r\n", labelled.0, labelled.1);
    let raw = |text: String| Reply::Bytes(text.into_bytes());
    let more = [
        ("no JSON", reply("200 OK", &[labelled], &page)),
        (
            "no text",
            reply("200 OK", &[labelled], [b"\xff\0", page.as_bytes()].concat()),
        ),
        ("a text", reply("200 OK", &[plain], quoted)),
        ("a list", in_json(&json!([quoted, {quoted: quoted}]))),
        (
            "a code that is none",
            in_json(&json!({"errcode": {quoted: 1}, "errmsg": quoted})),
        ),
        (
            "a code that is a text",
            in_json(&json!({"errcode": quoted, "errmsg": quoted})),
        ),
        (
            "Cloud Run",
            in_json(&json!({"error_type": quoted, "error_code": 7, "error_message": quoted})),
        ),
        (
            "other JSON",
            in_json(&json!({"errcode": 0, quoted: [quoted], "type": quoted})),
        ),
        (
            "a token of a wrong type",
            in_json(&json!({"access_token": [quoted], "expires_in": quoted})),
        ),
        ("nothing in JSON", reply("200 OK", &[labelled], "")),
        (
            "a label",
            reply(
                "200 OK",
                &[("Content-Type", &format!("application/json; {quoted}"))],
                "{",
            ),
        ),
        (
            "a label of media",
            reply(
                "200 OK",
                &[("Content-Type", &format!("image/{quoted}"))],
                "PNG",
            ),
        ),
        (
            "an encoding",
            reply("200 OK", &[("Content-Encoding", quoted), labelled], "{}"),
        ),
        ("no status", raw(format!("{quoted}\r\n\r\n"))),
        (
            "no header",
            raw(format!("HTTP/1.1 200 OK\r\n{quoted}\r\n\r\n")),
        ),
        (
            "headers without end",
            raw(format!("HTTP/1.1 200 OK\r\nA: {}", quoted.repeat(4000))),
        ),
        (
            "a length that is none",
            raw(format!("{short}Content-Length: {quoted}\r\n\r\n")),
        ),
        (
            "a short body",
            raw(format!("{short}Content-Length: 99999\r\n\r\n{quoted}")),
        ),
        (
            "a chunk that is none",
            raw(format!(
                "{short}Transfer-Encoding: chunked\r\n\r\n{quoted}\r\n"
            )),
        ),
        (
            "too long",
            raw(format!("{short}Content-Length: 99999999\r\n\r\n{quoted}")),
        ),
        ("the end", raw(String::new())),
        ("no answer", Reply::Nothing),
    ];
    replies.extend(more.map(|(name, reply)| (name.to_owned(), reply)));
    replies
}
