//! A body as a cassette holds it: JSON, a text, a form, or a file.

use bytes::Bytes;
use serde_json::Value;

use super::files::{self, Files};
use super::form::{self, SentPart};
use super::format::{Body, Part};
use crate::secret::Redactor;

/// The body of a request; none when it is empty.
pub(super) fn of_request(
    content_type: &str,
    bytes: &Bytes,
    redactor: &Redactor,
    files: &mut Files,
) -> Option<Body> {
    let Some(parts) = form::parts(content_type, bytes) else {
        return of_response(content_type, bytes, redactor, files);
    };
    let parts = parts
        .into_iter()
        .map(|part| of_part(&part, redactor, files))
        .collect();
    Some(Body::Form(parts))
}

/// The body of a response; none when it is empty.
pub(super) fn of_response(
    content_type: &str,
    bytes: &Bytes,
    redactor: &Redactor,
    files: &mut Files,
) -> Option<Body> {
    if bytes.is_empty() {
        return None;
    }
    let text = str::from_utf8(bytes)
        .ok()
        .filter(|_| !is_media(content_type));
    let Some(text) = text else {
        let clean = redactor.clean_bytes(bytes);
        return Some(Body::File(files::keep(clean, files)));
    };
    Some(match lossless_json(text) {
        Some(json) => Body::Json(redactor.clean_json(json)),
        None => Body::Text(redactor.clean(text).into_owned()),
    })
}

fn of_part(part: &SentPart, redactor: &Redactor, files: &mut Files) -> Part {
    let clean = |text: &String| redactor.clean(text).into_owned();
    let text = str::from_utf8(&part.bytes).ok();
    let body = match text.filter(|_| part.file_name.is_none()) {
        Some("") => None,
        Some(text) => Some(Body::Text(redactor.clean(text).into_owned())),
        None => {
            let clean = redactor.clean_bytes(&part.bytes);
            Some(Body::File(files::keep(clean, files)))
        }
    };
    Part {
        name: clean(&part.name),
        file_name: part.file_name.as_ref().map(clean),
        content_type: part.content_type.as_ref().map(clean),
        body,
    }
}

/// Whether the label says that it is nothing to read.
fn is_media(content_type: &str) -> bool {
    let content_type = content_type.trim_start().to_ascii_lowercase();
    ["image/", "audio/", "video/", "application/octet-stream"]
        .iter()
        .any(|media| content_type.starts_with(media))
}

/// The JSON of a text, if the text can be made of it again but for white space: digits that no
/// number holds, names that are there twice, and escapes that nobody needs would be lost.
fn lossless_json(text: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(text).ok()?;
    let again = json.to_string();
    (again == without_space(text)).then_some(json)
}

/// JSON without the white space between its tokens.
fn without_space(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    json.chars()
        .filter(|&it| {
            if escaped {
                escaped = false;
            } else if it == '"' {
                in_text = !in_text;
            } else if it == '\\' {
                escaped = true;
            }
            in_text || !it.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(content_type: &str, body: &'static [u8]) -> Option<Body> {
        of_response(
            content_type,
            &Bytes::from_static(body),
            &Redactor::default(),
            &mut Files::new(),
        )
    }

    #[test]
    fn json_that_would_change_is_kept_as_text() {
        assert_eq!(
            kept("text/plain", b"{ \"a b\" : [1,\n \"\\\" x\"] }\n"),
            Some(Body::Json(serde_json::json!({"a b": [1, "\" x"]})))
        );
        for text in [
            r#"{"id":123456789012345678901234567890}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":1.10}"#,
            "plain",
        ] {
            assert_eq!(
                kept("application/json", text.as_bytes()),
                Some(Body::Text(text.into()))
            );
        }
    }

    #[test]
    fn bytes_and_what_is_labelled_as_media_go_into_a_file() {
        for (content_type, body) in [
            ("text/plain", &b"\xff"[..]),
            ("Image/PNG", b"{}"),
            ("application/octet-stream", b"x"),
        ] {
            let kept = kept(content_type, body);
            assert!(matches!(kept, Some(Body::File(_))), "{kept:?}");
        }
        assert_eq!(kept("image/png", b""), None);
    }
}
