//! JSON that the user gives as text, as `@FILE`, or as `-` for stdin.

use std::io::{self, Read};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::json;

/// The largest input, in bytes: what the runtime API passes on.
pub(crate) const LARGEST: u64 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("{flag}: the file {file} cannot be read: {source}")]
    File {
        flag: &'static str,
        file: String,
        source: io::Error,
    },
    #[error("{flag}: stdin cannot be read: {source}")]
    Stdin {
        flag: &'static str,
        source: io::Error,
    },
    #[error("{flag}: {origin} is larger than {} MiB", LARGEST >> 20)]
    TooLarge { flag: &'static str, origin: String },
    #[error("{flag}: {origin} is not UTF-8")]
    NotUtf8 { flag: &'static str, origin: String },
    #[error("{flag}: {origin} is not JSON: line {}, column {}: {}", .source.line(), .source.column(), reason(.source))]
    NotJson {
        flag: &'static str,
        origin: String,
        source: serde_json::Error,
    },
}

/// serde's text without the place, which is said before it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The JSON text that `value` stands for, checked.
pub(crate) fn read(flag: &'static str, value: &str) -> Result<String, InputError> {
    let (origin, bytes) = if value == "-" {
        let bytes =
            bounded(io::stdin().lock()).map_err(|source| InputError::Stdin { flag, source })?;
        ("stdin".to_owned(), bytes)
    } else if let Some(file) = value.strip_prefix('@') {
        let bytes = std::fs::File::open(Path::new(file))
            .and_then(bounded)
            .map_err(|source| InputError::File {
                flag,
                file: file.to_owned(),
                source,
            })?;
        (file.to_owned(), bytes)
    } else {
        ("the text".to_owned(), value.as_bytes().to_vec())
    };
    if bytes.len() as u64 > LARGEST {
        return Err(InputError::TooLarge { flag, origin });
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(InputError::NotUtf8 { flag, origin });
    };
    let text = json::without_bom(&text);
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => Ok(text.to_owned()),
        Err(source) => Err(InputError::NotJson {
            flag,
            origin,
            source,
        }),
    }
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &str) -> String {
        read("--event", value).expect_err(value).to_string()
    }

    #[test]
    fn text_passes_as_it_is() {
        assert_eq!(read("--event", "{\"a\": 1}").expect("JSON"), "{\"a\": 1}");
    }

    #[test]
    fn a_file_may_start_with_a_byte_order_mark() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "\u{feff}{}").expect("write");
        let value = format!("@{}", file.path().display());
        assert_eq!(read("--event", &value).expect("JSON"), "{}");
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(
            message("{mediaId:1}"),
            "--event: the text is not JSON: line 1, column 2: key must be a string"
        );
        assert!(
            message("@no/such.json").starts_with("--event: the file no/such.json cannot be read: ")
        );
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), b"\xff\xfe{\0}\0").expect("write");
        let value = format!("@{}", file.path().display());
        assert!(message(&value).ends_with("is not UTF-8"));
    }
}
