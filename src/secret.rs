//! Texts that are never shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

/// An access token or an app secret. Its `Debug` shows nothing, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    /// The text itself, for the request that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Takes secrets out of texts that came from outside: servers and proxies like to quote the
/// request.
#[derive(Default)]
pub(crate) struct Redactor(Vec<String>);

impl Redactor {
    /// Takes out these secrets too.
    pub(crate) fn extend<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Secret>) {
        secrets.into_iter().for_each(|secret| self.add(secret));
    }

    /// Takes out this secret too, as it is, as it stands in a URL, and as it stands in JSON.
    pub(crate) fn add(&mut self, secret: &Secret) {
        let plain = secret.expose();
        let encoded = crate::openapi::request::encode(plain).to_string();
        let json = serde_json::Value::from(plain).to_string();
        let json = json.trim_matches('"').to_owned();
        for form in [
            lower_case_escapes(&encoded),
            encoded,
            json,
            plain.to_owned(),
        ] {
            if !form.is_empty() && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
    }

    /// Whether the text holds a secret.
    pub(crate) fn finds_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret))
    }

    /// The text with `***` in the place of each secret.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds_in(text) {
            return Cow::Borrowed(text);
        }
        let clean = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        Cow::Owned(clean)
    }

    /// Bytes with `***` in the place of each secret. The same ones, if there is none.
    pub(crate) fn clean_bytes(&self, bytes: &Bytes) -> Bytes {
        self.0.iter().fold(bytes.clone(), |bytes, secret| {
            let finder = memmem::Finder::new(secret);
            let mut clean = Vec::new();
            let mut copied = 0;
            for at in finder.find_iter(&bytes) {
                clean.extend_from_slice(&bytes[copied..at]);
                clean.extend_from_slice(b"***");
                copied = at + secret.len();
            }
            if copied == 0 {
                return bytes;
            }
            clean.extend_from_slice(&bytes[copied..]);
            clean.into()
        })
    }
}

/// `%2F` as `%2f`, the other way to write it.
fn lower_case_escapes(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut lower = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escape, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        lower.push('%');
        lower.push_str(&escape.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::from("a/\"b+c"));
        for text in ["a/\"b+c", "a%2F%22b%2Bc", "a%2f%22b%2bc", "a/\\\"b+c"] {
            assert_eq!(redactor.clean(&format!("<{text}>")), "<***>", "{text}");
        }
        assert_eq!(redactor.clean("a/b"), "a/b");
        let bytes = redactor.clean_bytes(&Bytes::from_static(b"\xffa/\"b+c-a%2F%22b%2Bc\xff"));
        assert_eq!(bytes, &b"\xff***-***\xff"[..]);
    }
}
