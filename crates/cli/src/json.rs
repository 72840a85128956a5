//! JSON text that passes through the tool as it is.

use serde::de::IgnoredAny;
use serde_json::Value;

/// The document in one line: checked, and without the white space between its tokens.
///
/// Numbers and texts stay as they were written, also those that Rust's types cannot hold: long
/// integers, and half of a surrogate pair.
pub(crate) fn one_line(text: &str) -> serde_json::Result<String> {
    serde_json::from_str::<IgnoredAny>(text)?;
    let mut line = String::with_capacity(text.len());
    let (mut in_text, mut escaped) = (false, false);
    for character in text.chars() {
        if in_text {
            in_text = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if matches!(character, ' ' | '\t' | '\r' | '\n') {
            continue;
        } else {
            in_text = character == '"';
        }
        line.push(character);
    }
    Ok(line)
}

/// Whether bytes are a JSON document. Says why not.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    Ok(())
}

/// What `--event` and the like may hold; a BOM is what some editors put in front.
pub(crate) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// What a value is, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The beginning of a text for a message: one line, at most `most` characters.
pub(crate) fn beginning(bytes: &[u8], most: usize) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * most)]);
    let mut start: String = head
        .chars()
        .take(most)
        .flat_map(char::escape_debug)
        .collect();
    if bytes.len() > 4 * most || head.chars().count() > most {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        for (text, expected) in [
            (
                "{\n  \"a b\" : [ 1 , 2.50 ],\r\n\t\"c\": null\n}\n",
                r#"{"a b":[1,2.50],"c":null}"#,
            ),
            (r#" "a \" b \\" "#, r#""a \" b \\""#),
            (r#"["\\ ", " \\\" ", "\\"]"#, r#"["\\ "," \\\" ","\\"]"#),
            (r#"["\" x", 1 ]"#, r#"["\" x",1]"#),
            (r#"["\n x\\", 1 ]"#, r#"["\n x\\",1]"#),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (r#"{"half": "\ud800"}"#, r#"{"half":"\ud800"}"#),
            (r#""文 件""#, r#""文 件""#),
        ] {
            assert_eq!(one_line(text).expect(text), expected);
        }
        assert!(one_line("").is_err());
        assert!(one_line("{} {}").is_err());
        assert!(one_line("undefined").is_err());
    }

    #[test]
    fn the_beginning_is_short_and_on_one_line() {
        assert_eq!(beginning(b"abc", 3), "abc");
        assert_eq!(beginning(b"abcd", 3), "abc…");
        assert_eq!(beginning(b"a\nb\xff", 9), "a\\nb\u{fffd}");
    }
}
