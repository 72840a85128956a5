//! Texts that are never shown.

mod quoted;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

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
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    /// Takes out these secrets too.
    pub(crate) fn extend<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Secret>) {
        secrets.into_iter().for_each(|secret| self.add(secret));
    }

    /// Takes out this secret too, however it is written.
    pub(crate) fn add(&mut self, secret: &Secret) {
        if !secret.expose().is_empty() && !self.0.contains(secret) {
            self.0.push(secret.clone());
        }
    }

    /// Whether the text holds a secret.
    pub(crate) fn finds_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        (0..text.len()).any(|at| self.end_of_secret(text, at).is_some())
    }

    /// The text with `***` in the place of each secret.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.cleaned(text.as_bytes()) {
            Some(clean) => {
                let clean = String::from_utf8(clean);
                Cow::Owned(clean.expect("whole letters are taken out"))
            }
            None => Cow::Borrowed(text),
        }
    }

    /// Bytes with `***` in the place of each secret. The same ones, if there is none.
    pub(crate) fn clean_bytes(&self, bytes: &Bytes) -> Bytes {
        self.cleaned(bytes)
            .map_or_else(|| bytes.clone(), Bytes::from)
    }

    /// The text with `***` in the place of each secret, if there is any.
    fn cleaned(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut clean = Vec::new();
        let (mut copied, mut at) = (0, 0);
        while at < text.len() {
            match self.end_of_secret(text, at) {
                Some(end) => {
                    clean.extend_from_slice(&text[copied..at]);
                    clean.extend_from_slice(b"***");
                    (copied, at) = (end, end);
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return None;
        }
        clean.extend_from_slice(&text[copied..]);
        Some(clean)
    }

    /// Whether a key, text or number of the JSON holds a secret.
    pub(crate) fn finds_in_json(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.finds_in(text),
            Value::Number(number) => self.finds_in(&number.to_string()),
            Value::Array(items) => items.iter().any(|item| self.finds_in_json(item)),
            Value::Object(fields) => fields
                .iter()
                .any(|(name, field)| self.finds_in(name) || self.finds_in_json(field)),
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// The JSON with `***` in the place of each secret, in keys, texts and numbers.
    pub(crate) fn clean_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.clean(&text).into(),
            Value::Number(number) if self.finds_in(&number.to_string()) => "***".into(),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.clean_json(item))
                .collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, field)| (self.clean(&name).into_owned(), self.clean_json(field)))
                .collect(),
            plain => plain,
        }
    }

    /// The end of the longest secret that begins here.
    fn end_of_secret(&self, text: &[u8], at: usize) -> Option<usize> {
        let ends = self.0.iter().filter_map(|secret| {
            let plain = secret.expose();
            let byte = text[at];
            // Most bytes can begin none of a secret's forms.
            let begins = plain.as_bytes()[0] == byte || matches!(byte, b'%' | b'\\' | b'+' | b'&');
            if begins {
                quoted::end(text, at, plain)
            } else {
                None
            }
        });
        ends.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::from("a/\"b+c"));
        for text in [
            "a/\"b+c",
            "a%2F%22b%2Bc",
            "a%2f%22b%2bc",
            "a/%22b%2Bc",
            "a/\\\"b+c",
            r#"a\/\"b\u002bc"#,
            r"\u0061\u002F\u0022b+c",
        ] {
            assert_eq!(redactor.clean(&format!("<{text}>")), "<***>", "{text}");
        }
        assert_eq!(redactor.clean("a/b"), "a/b");
        let bytes = redactor.clean_bytes(&Bytes::from_static(b"\xffa/\"b+c-a%2F%22b%2Bc\xff"));
        assert_eq!(bytes, &b"\xff***-***\xff"[..]);
    }

    #[test]
    fn a_secret_that_begins_with_another_goes_as_a_whole() {
        let mut redactor = Redactor::default();
        redactor.extend(&["abc".into(), "abcdef".into()]);
        assert_eq!(redactor.clean("abcdef abc"), "*** ***");
    }

    #[test]
    fn json_is_cleaned_in_keys_texts_and_numbers() {
        let mut redactor = Redactor::default();
        redactor.add(&"1234".into());
        let json = serde_json::json!({"a1234": [1234, 12.5, "x1234", null]});
        let clean = serde_json::json!({"a***": ["***", 12.5, "x***", null]});
        assert!(redactor.finds_in_json(&json) && !redactor.finds_in_json(&clean));
        assert_eq!(redactor.clean_json(json), clean);
    }
}
