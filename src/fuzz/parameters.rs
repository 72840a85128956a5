//! The parameters of a Cloud Call, and the request that they make.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::first_line;
use crate::buffer::Buffer;
use crate::openapi::arguments::Arguments;
use crate::openapi::catalog::{Api, Place};
use crate::openapi::request;
use crate::secret::Secret;

const BASE: &str = "https://h";
const TOKEN: &str = "T0K/EN+=&#?";

/// The end of an API's name, a newline, and its arguments: as JSON, and as a text that stands
/// wherever a text can.
pub fn parameters(data: &[u8]) {
    let (name, rest) = first_line(data);
    let name = format!("customerServiceMessage.{}", String::from_utf8_lossy(name));
    let Some(api) = Api::find(&name) else {
        return;
    };
    if let Ok(arguments) = serde_json::from_slice(rest) {
        sent(api, arguments);
    }
    let text = String::from_utf8_lossy(rest);
    let mut arguments = Map::new();
    for parameter in api.parameters {
        let value = match parameter.place {
            Place::File => json!({
                "contentType": text,
                "value": Buffer::from(rest),
                "fileName": text,
            }),
            Place::Query | Place::Json => text.clone().into(),
        };
        arguments.insert(parameter.name.to_owned(), value);
    }
    arguments.insert(text.clone().into_owned(), text.into());
    sent(api, arguments.into());
}

/// The arguments are refused, or the request holds them and nothing else.
fn sent(api: &'static Api, arguments: Value) {
    let checked = Arguments::from_json(api, arguments)
        .and_then(|arguments| arguments.check(api).map(|()| arguments))
        .and_then(|arguments| request::check(api, BASE, &arguments).map(|()| arguments));
    let arguments = match checked {
        Ok(arguments) => arguments,
        Err(error) => {
            assert!(error.is_invalid_argument(), "{error}");
            return;
        }
    };
    let token = Secret::from(TOKEN);
    let request =
        request::build(api, BASE, Some(&token), &arguments).expect("what is checked can be sent");
    assert_eq!(request.uri().path(), api.path);
    let listed = request.headers().len();
    assert_eq!(listed, usize::from(api.method == http::Method::POST));

    let mut expected = vec![("access_token".to_owned(), TOKEN.to_owned())];
    let mut others = Map::new();
    for (name, value) in &arguments.fields {
        if api.place_of(name) == Place::Query {
            expected.push((name.clone(), as_text(value)));
        } else {
            others.insert(name.clone(), value.clone());
        }
    }
    assert_eq!(query(&request), expected);
    if api.method == http::Method::GET {
        assert!(request.body().is_empty());
    } else if arguments.files.is_empty() {
        let json: Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(json, Value::Object(others));
    } else {
        form(&request, &arguments, &others);
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The query, decoded as every server does.
fn query(request: &http::Request<Bytes>) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        assert!(!text.contains('+'), "a server may read a space");
        percent_decode_str(text)
            .decode_utf8()
            .expect("UTF-8")
            .into_owned()
    };
    let query = request.uri().query().expect("the token is there");
    query
        .split('&')
        .map(|pair| pair.split_once('=').expect("a name and a value"))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The boundary stands between the parts and nowhere in them, and the parts are the arguments.
fn form(request: &http::Request<Bytes>, arguments: &Arguments, fields: &Map<String, Value>) {
    let content_type = request.headers()[CONTENT_TYPE].to_str().expect("ASCII");
    let boundary = content_type
        .strip_prefix("multipart/form-data; boundary=")
        .expect("a form");
    let finder = memchr::memmem::Finder::new(boundary);
    let found: Vec<usize> = finder.find_iter(request.body()).collect();
    let parts = fields.len() + arguments.files.len();
    assert_eq!(found.len(), parts + 1, "the boundary stands in a part");

    let values = fields
        .iter()
        .map(|(name, value)| (name.as_str(), Bytes::from(as_text(value))));
    let files = arguments
        .files
        .iter()
        .map(|file| (file.field.as_str(), file.bytes.clone()));
    for (at, (name, content)) in values.chain(files).enumerate() {
        let part = &request.body()[found[at] + boundary.len()..found[at + 1]];
        let part = part.strip_prefix(b"\r\n").expect("a line break");
        let part = part.strip_suffix(b"\r\n--").expect("a line break");
        let end = memchr::memmem::find(part, b"\r\n\r\n").expect("a head");
        let (head, body) = (&part[..end], &part[end + 4..]);
        assert_eq!(body, &content[..], "the content of {name:?}");
        let lines = head.split(|byte| *byte == b'\n').count();
        let is_file = at >= fields.len();
        assert_eq!(lines, if is_file { 2 } else { 1 }, "the head of {name:?}");
    }
}
