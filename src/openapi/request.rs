//! The HTTP request of a call.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

use super::arguments::{Arguments, FilePart};
use super::catalog::{Api, Place};
use crate::error::Error;
use crate::secret::Secret;

/// What is encoded in a query: everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a value of a query.
pub(crate) fn encode(value: &str) -> PercentEncode<'_> {
    utf8_percent_encode(value, ENCODED)
}

/// The longest URL that arguments may make, in bytes, which leaves room for the access token. No
/// server takes one as long.
const LONGEST_URL: usize = 32 << 10;

/// Refuses arguments that no request can hold, before anything is sent.
pub(crate) fn check(api: &Api, api_base: &str, arguments: &Arguments) -> Result<(), Error> {
    // Encoded, a byte becomes three at most, so few URLs have to be written to know their length.
    let size = |value: &Value| value.as_str().map_or(LONGEST_URL, str::len);
    let fields = arguments.fields.iter();
    let fields = fields.map(|(name, value)| name.len() + size(value) + "&=".len());
    let most = 3 * (api_base.len() + api.path.len() + fields.sum::<usize>());
    if most > LONGEST_URL && url(api, api_base, None, arguments).len() > LONGEST_URL {
        let detail = format!("the arguments make a URL of more than {LONGEST_URL} bytes");
        return Err(Error::argument(api.name, &detail));
    }
    for file in &arguments.files {
        content_type(api, file)?;
    }
    Ok(())
}

fn url(api: &Api, api_base: &str, token: Option<&Secret>, arguments: &Arguments) -> String {
    /// Room for the arguments, which are short mostly.
    const ROOM: usize = 256;

    let mut url = String::with_capacity(
        api_base.len() + api.path.len() + token.map_or(0, |token| token.expose().len()) + ROOM,
    );
    url.push_str(api_base);
    url.push_str(api.path);
    let mut separator = '?';
    let mut add = |name: &str, value: &str| {
        url.push(separator);
        push_encoded(&mut url, name);
        url.push('=');
        push_encoded(&mut url, value);
        separator = '&';
    };
    if let Some(token) = token {
        add("access_token", token.expose());
    }
    for (name, value) in &arguments.fields {
        if api.place_of(name) == Place::Query {
            match value {
                Value::String(text) => add(name, text),
                other => add(name, &other.to_string()),
            }
        }
    }
    url
}

/// Most values need no encoding, and an access token is long.
fn push_encoded(url: &mut String, value: &str) {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if value.bytes().all(stays) {
        url.push_str(value);
    } else {
        url.extend(encode(value));
    }
}

/// Builds the request of a call with checked arguments.
pub(crate) fn build(
    api: &Api,
    api_base: &str,
    token: Option<&Secret>,
    arguments: &Arguments,
) -> Result<http::Request<Bytes>, Error> {
    let uri = url(api, api_base, token, arguments);
    let json = || {
        let fields = arguments.fields.iter();
        let fields = fields.filter(|(name, _)| api.place_of(name) != Place::Query);
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };

    let request = http::Request::builder().method(&api.method);
    let built = if !arguments.files.is_empty() {
        let (content_type, body) = multipart(api, json(), &arguments.files)?;
        request
            .uri(uri)
            .header(CONTENT_TYPE, content_type)
            .body(body)
    } else if api.method == http::Method::GET {
        request.uri(uri).body(Bytes::new())
    } else {
        let body = Value::Object(json()).to_string();
        request
            .uri(uri)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.into())
    };
    // Only an access token could be too much for it now.
    built.map_err(|error| Error::argument(api.name, &format!("no request can be made: {error}")))
}

/// A body with the files, and the fields that go beside them.
fn multipart(
    api: &Api,
    fields: serde_json::Map<String, Value>,
    files: &[FilePart],
) -> Result<(HeaderValue, Bytes), Error> {
    let mut parts = Vec::with_capacity(fields.len() + files.len());
    for (name, value) in fields {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(&name));
        parts.push((head.into_bytes(), Bytes::from(value)));
    }
    for file in files {
        // WeChat takes a part for a file only when it has a name.
        let file_name = file.file_name.as_deref().unwrap_or("file");
        let mut head = format!(
            "Content-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: ",
            quoted(&file.field),
            quoted(file_name)
        )
        .into_bytes();
        head.extend_from_slice(content_type(api, file)?.as_bytes());
        parts.push((head, file.bytes.clone()));
    }

    let boundary = boundary(&parts);
    let size = parts
        .iter()
        .map(|(head, content)| head.len() + content.len() + 64)
        .sum();
    let mut body = BytesMut::with_capacity(size);
    for (head, content) in parts {
        body.put_slice(format!("--{boundary}\r\n").as_bytes());
        body.put_slice(&head);
        body.put_slice(b"\r\n\r\n");
        body.put_slice(&content);
        body.put_slice(b"\r\n");
    }
    body.put_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"))
        .expect("a boundary of letters, digits and hyphens can stand in a header");
    Ok((content_type, body.freeze()))
}

fn content_type(api: &Api, file: &FilePart) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(&file.content_type).map_err(|_| {
        let detail = format!("contentType of parameter {} is not a MIME type", file.field);
        Error::argument(api.name, &detail)
    })
}

/// A boundary that stands in none of the parts. Counted rather than drawn, so that the same call
/// is the same request.
fn boundary(parts: &[(Vec<u8>, Bytes)]) -> String {
    let taken = |boundary: &str| {
        let finder = memmem::Finder::new(boundary);
        parts
            .iter()
            .any(|(head, content)| finder.find(head).is_some() || finder.find(content).is_some())
    };
    (0_u64..)
        .map(|number| format!("cloudcall-form-boundary-{number}"))
        .find(|boundary| !taken(boundary))
        .expect("a form cannot hold every boundary")
}

/// A name inside the quotes of a part's header, as HTML forms write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(api: &str, token: Option<&str>, arguments: Value) -> http::Request<Bytes> {
        let api = Api::find(api).expect("in the catalog");
        let arguments = Arguments::from_json(api, arguments).expect("valid");
        let token = token.map(Secret::from);
        build(api, "https://h", token.as_ref(), &arguments).expect("short")
    }

    #[test]
    fn both_values_of_a_query_are_percent_encoded() {
        let request = request(
            "customerServiceMessage.getTempMedia",
            Some("T/+= &"),
            json!({"mediaId": "a?b#c%d=中~-._"}),
        );
        assert_eq!(request.method(), http::Method::GET);
        assert_eq!(
            request.uri().to_string(),
            "https://h/cgi-bin/media/get?access_token=T%2F%2B%3D%20%26&media_id=a%3Fb%23c%25d%3D%E4%B8%AD~-._"
        );
        assert!(request.body().is_empty());
    }

    #[test]
    fn what_stays_as_it_is_is_what_no_encoding_changes() {
        for letter in (0..=127).map(char::from).chain(['é', '中']) {
            let mut url = String::new();
            push_encoded(&mut url, &letter.to_string());
            assert_eq!(url, encode(&letter.to_string()).to_string());
        }
    }

    #[test]
    fn json_goes_into_the_body_and_no_token_means_no_parameter() {
        let request = request(
            "customerServiceMessage.send",
            None,
            json!({"touser": "O", "msgtype": "text", "text": {"content": "你好"}}),
        );
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(request.uri(), "https://h/cgi-bin/message/custom/send");
        assert_eq!(
            request.headers()[CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        assert_eq!(
            request.body(),
            r#"{"touser":"O","msgtype":"text","text":{"content":"你好"}}"#
        );
    }

    #[test]
    fn a_file_goes_into_a_form_whose_boundary_it_does_not_hold() {
        let upload = |bytes: &[u8]| {
            let file = json!({
                "contentType": "image/png", "value": Buffer::from(bytes), "fileName": "a\"b\r\n.png"
            });
            request(
                "customerServiceMessage.uploadTempMedia",
                Some("T"),
                json!({"type": "image", "media": file}),
            )
        };
        let plain = upload(b"\x89PNG");
        assert_eq!(
            plain.uri(),
            "https://h/cgi-bin/media/upload?access_token=T&type=image"
        );
        assert_eq!(
            plain.headers()[CONTENT_TYPE],
            "multipart/form-data; boundary=cloudcall-form-boundary-0"
        );
        assert_eq!(
            &plain.body()[..],
            b"--cloudcall-form-boundary-0\r\n\
              Content-Disposition: form-data; name=\"media\"; filename=\"a%22b%0D%0A.png\"\r\n\
              Content-Type: image/png\r\n\r\n\
              \x89PNG\r\n\
              --cloudcall-form-boundary-0--\r\n"
        );
        assert_eq!(
            upload(b"--cloudcall-form-boundary-0").headers()[CONTENT_TYPE],
            "multipart/form-data; boundary=cloudcall-form-boundary-1"
        );
    }

    #[test]
    fn a_field_beside_the_file_cannot_end_its_part() {
        for (name, value) in [
            ("note", "\r\n--cloudcall-form-boundary-0\r\n"),
            ("cloudcall-form-boundary-0", "x"),
        ] {
            let request = request(
                "customerServiceMessage.uploadTempMedia",
                None,
                json!({"type": "image", name: value, "media": {"contentType": "x/y", "value": ""}}),
            );
            assert_eq!(
                request.headers()[CONTENT_TYPE],
                "multipart/form-data; boundary=cloudcall-form-boundary-1",
                "{name}"
            );
        }
    }

    use crate::buffer::Buffer;

    #[test]
    fn what_no_request_can_hold_is_refused() {
        for (api, arguments, expected) in [
            (
                "customerServiceMessage.getTempMedia",
                json!({"mediaId": "x".repeat(70_000)}),
                "a URL of more than 32768 bytes",
            ),
            (
                "customerServiceMessage.getTempMedia",
                json!({"mediaId": "/".repeat(11_000)}),
                "a URL of more than 32768 bytes",
            ),
            (
                "customerServiceMessage.getTempMedia",
                json!({"mediaId": "M", "other": ["x".repeat(33_000)]}),
                "a URL of more than 32768 bytes",
            ),
            (
                "customerServiceMessage.uploadTempMedia",
                json!({"type": "image", "media": {"contentType": "a\nb", "value": ""}}),
                "contentType of parameter media is not a MIME type",
            ),
        ] {
            let api = Api::find(api).expect("in the catalog");
            let arguments = Arguments::from_json(api, arguments).expect("valid");
            let error = check(api, "https://h", &arguments).expect_err(expected);
            assert_eq!(error.err_code(), -601_002);
            assert!(error.err_msg().ends_with(expected), "{error}");
        }
    }
}
