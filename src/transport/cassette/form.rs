//! Forms: the parts of a `multipart/form-data` body.

use bytes::Bytes;
use memchr::memmem;

/// A part, as it was sent.
pub(super) struct SentPart {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Bytes,
}

/// The parts; none when the body is not such a form.
pub(super) fn parts(content_type: &str, body: &Bytes) -> Option<Vec<SentPart>> {
    let (essence, _) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let delimiter = format!("\r\n--{}", parameter(content_type, "boundary")?);
    let delimiter = delimiter.as_bytes();
    let mut at = body
        .strip_prefix(&delimiter[2..])
        .map(|_| delimiter.len() - 2)?;
    let mut parts = Vec::new();
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let head = at + rest.strip_prefix(b"\r\n").map(|_| 2)?;
        let start = head + memmem::find(&body[head..], b"\r\n\r\n")?;
        let end = start + memmem::find(&body[start..], delimiter)?;
        let content = body.slice((start + 4).min(end)..end);
        parts.push(part(&body[head..start], content)?);
        at = end + delimiter.len();
    }
}

fn part(head: &[u8], bytes: Bytes) -> Option<SentPart> {
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let found = name.trim().eq_ignore_ascii_case(wanted);
            found.then(|| value.trim())
        })
    };
    let disposition = header("content-disposition")?;
    Some(SentPart {
        name: parameter(disposition, "name")?.to_owned(),
        file_name: parameter(disposition, "filename").map(str::to_owned),
        content_type: header("content-type").map(str::to_owned),
        bytes,
    })
}

/// A parameter of a header's value, such as `name` in `form-data; name="media"`.
fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let (_, mut rest) = value.split_once(';')?;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (found, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(found.trim());
        }
        rest = after.trim_start().strip_prefix(';')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; charset=x; boundary=\"B\"";

    #[test]
    fn parts_are_taken_apart_whatever_is_in_them() {
        let body = Bytes::from_static(
            b"--B\r\ncontent-disposition: form-data; filename=\"a;name=b.png\"; name=\"media\"\r\n\
              Content-Type: image/png\r\n\r\n\x89--B\r\n\r\n\r\n--B\r\n\
              Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--B--\r\n",
        );
        let parts = parts(TYPE, &body).expect("a form");
        let seen: Vec<_> = parts
            .iter()
            .map(|part| {
                (
                    part.name.as_str(),
                    part.file_name.as_deref(),
                    part.content_type.as_deref(),
                    &part.bytes[..],
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "media",
                    Some("a;name=b.png"),
                    Some("image/png"),
                    &b"\x89--B\r\n\r\n"[..]
                ),
                ("empty", None, None, &b""[..]),
            ]
        );
    }

    #[test]
    fn what_is_no_whole_form_is_none() {
        for (content_type, body) in [
            ("application/json", "--B--"),
            ("multipart/form-data", "--B--"),
            (TYPE, ""),
            (TYPE, "--B"),
            (
                TYPE,
                "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
            ),
            (TYPE, "--B\r\nA: b\r\n\r\nx\r\n--B--"),
        ] {
            assert!(parts(content_type, &Bytes::from(body)).is_none(), "{body}");
        }
    }
}
