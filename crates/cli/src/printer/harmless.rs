//! Control characters, by which a text would command the terminal, made visible.

use std::borrow::Cow;

/// A text from anywhere, with its lines and tabs as they are.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |_| 0)
}

/// A line of a function's, which may be coloured.
pub(super) fn line(line: &str) -> Cow<'_, str> {
    escaped(line, colour)
}

/// JSON whose strings hold no control character. Below U+0020 it has none in the first place.
pub(super) fn json(document: &str) -> Cow<'_, str> {
    let is_control = |character: &char| ('\u{7f}'..='\u{9f}').contains(character);
    if !document.chars().any(|character| is_control(&character)) {
        return Cow::Borrowed(document);
    }
    let mut harmless = String::with_capacity(document.len() + 64);
    for character in document.chars() {
        match character {
            it if is_control(&it) => harmless.push_str(&format!("\\u{:04x}", u32::from(it))),
            it => harmless.push(it),
        }
    }
    Cow::Owned(harmless)
}

/// The text with its control characters as `\u{1b}`, except for newlines, tabs, and what `pass`
/// says: how many bytes at the beginning of the rest may stay.
fn escaped(text: &str, pass: impl Fn(&str) -> usize) -> Cow<'_, str> {
    let is_command = |it: char| it.is_control() && !matches!(it, '\n' | '\t');
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(is_command) {
        harmless.push_str(&rest[..at]);
        rest = &rest[at..];
        match pass(rest) {
            0 => {
                let command = rest.chars().next().unwrap_or_default();
                harmless.extend(command.escape_default());
                rest = &rest[command.len_utf8()..];
            }
            length => {
                harmless.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    harmless.push_str(rest);
    Cow::Owned(harmless)
}

/// How long the colour is at the beginning: `ESC [`, numbers, `m`. 0 where there is none.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    match parameters.find(|it: char| !matches!(it, '0'..='9' | ';' | ':')) {
        Some(end) if parameters[end..].starts_with('m') => "\u{1b}[m".len() + end,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_commands_no_terminal() {
        for (from_outside, printed) in [
            ("plain\ttext\nof 两 lines", "plain\ttext\nof 两 lines"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("\u{9b}2J\u{7f}", r"\u{9b}2J\u{7f}"),
            ("over\rwritten\u{8}\0", r"over\rwritten\u{8}\u{0}"),
        ] {
            assert_eq!(text(from_outside), printed);
        }
    }

    #[test]
    fn a_function_may_colour_its_lines_and_nothing_else() {
        for (written, printed) in [
            ("plain", "plain"),
            (
                "\u{1b}[1;31mred\u{1b}[0m\u{1b}[m",
                "\u{1b}[1;31mred\u{1b}[0m\u{1b}[m",
            ),
            ("\u{1b}[2J\u{1b}[", r"\u{1b}[2J\u{1b}["),
            ("\u{1b}[31\u{1b}[1m", "\\u{1b}[31\u{1b}[1m"),
            ("\u{1b}]52;c;eA==\u{7}", r"\u{1b}]52;c;eA==\u{7}"),
            ("10%\r20%", r"10%\r20%"),
        ] {
            assert_eq!(line(written), printed);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        for value in ["plain", "两", "\u{7f}\u{80}\u{9b}2J\u{9f}\u{a0}"] {
            let document = serde_json::Value::from(value).to_string();
            let printed = json(&document);
            assert_eq!(
                serde_json::from_str::<String>(&printed).expect("JSON"),
                value
            );
            assert!(!printed.contains(char::is_control), "{printed:?}");
        }
    }
}
