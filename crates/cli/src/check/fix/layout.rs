//! How a `config.json` is laid out, and how to add to it in the same way.

use jsonc_parser::ast::{Array, Object};
use jsonc_parser::common::Ranged;

/// The layout of a text.
pub(super) struct Layout<'t> {
    text: &'t str,
    line_end: &'static str,
    /// What one level is indented by.
    unit: &'t str,
}

/// An object or a list.
pub(super) trait Container: Ranged {
    /// Where the last of its elements ends.
    fn last_end(&self) -> Option<usize>;
}

impl Container for Object<'_> {
    fn last_end(&self) -> Option<usize> {
        self.properties.last().map(|property| property.range().end)
    }
}

impl Container for Array<'_> {
    fn last_end(&self) -> Option<usize> {
        self.elements.last().map(|element| element.range().end)
    }
}

impl<'t> Layout<'t> {
    pub(super) fn of(text: &'t str, root: &Object<'_>) -> Self {
        let first = root
            .properties
            .first()
            .map(|property| property.range().start);
        let unit = first
            .filter(|at| text[root.range().start..*at].contains('\n'))
            .map(|at| indentation(text, at))
            .filter(|unit| !unit.is_empty());
        Self {
            text,
            line_end: match text.find('\n') {
                Some(at) if text[..at].ends_with('\r') => "\r\n",
                _ => "\n",
            },
            unit: unit.unwrap_or("  "),
        }
    }

    /// A list, one item a line, whose closing bracket is at this level.
    pub(super) fn list(&self, items: &[String], level: usize) -> String {
        let (end, outer) = (self.line_end, self.unit.repeat(level));
        let separator = format!(",{end}{outer}{}", self.unit);
        let items = items.join(&separator);
        format!("[{end}{outer}{}{items}{end}{outer}]", self.unit)
    }

    /// An object with one property, whose closing brace is at this level.
    pub(super) fn object(&self, key: &str, value: &str, level: usize) -> String {
        let (end, outer) = (self.line_end, self.unit.repeat(level));
        format!(
            "{{{end}{outer}{}\"{key}\": {value}{end}{outer}}}",
            self.unit
        )
    }

    /// The text with items at the end of a container. `tall` items go on lines of their own also
    /// where the container is an empty one on one line.
    pub(super) fn insert(
        &self,
        container: &impl Container,
        items: &[String],
        tall: bool,
    ) -> Option<String> {
        let range = container.range();
        let close = range.end.checked_sub(1)?;
        match container.last_end() {
            Some(last) => Some(self.insert_after(range.start, last, close, items, tall)),
            None => Some(self.insert_into_empty(range.start, close, items, tall)),
        }
    }

    fn insert_after(
        &self,
        open: usize,
        last: usize,
        close: usize,
        items: &[String],
        tall: bool,
    ) -> String {
        let text = self.text;
        let comma = comma(&text[last..close]).map(|at| last + at + 1);
        let is_on_lines =
            text[open..last].contains('\n') || (tall && text[last..close].contains('\n'));
        if !is_on_lines {
            let joined = items.join(", ");
            return match comma {
                Some(after) => splice(text, &[(after, &format!(" {joined},"))]),
                None => splice(text, &[(last, &format!(", {joined}"))]),
            };
        }
        let indent = self.indent_of(last, open);
        let break_before = format!("{}{indent}", self.line_end);
        let joined = items.join(&format!(",{break_before}"));
        let after = comma.unwrap_or(last);
        // A comment behind the last element belongs to it.
        let place = after + comments_of_line(&text[after..close]);
        let trailing = if comma.is_some() { "," } else { "" };
        let block = format!("{break_before}{joined}{trailing}");
        match comma {
            Some(_) => splice(text, &[(place, &block)]),
            None => splice(text, &[(last, ","), (place, &block)]),
        }
    }

    fn insert_into_empty(&self, open: usize, close: usize, items: &[String], tall: bool) -> String {
        let text = self.text;
        let inner = &text[open + 1..close];
        let place = open + 1 + inner.trim_end().len();
        let outer = indentation(text, open);
        let is_on_lines = inner.contains('\n');
        if !is_on_lines && !tall {
            return splice(text, &[(place, &items.join(", "))]);
        }
        let break_before = format!("{}{outer}{}", self.line_end, self.unit);
        let joined = items.join(&format!(",{break_before}"));
        let after = if is_on_lines {
            String::new()
        } else {
            format!("{}{outer}", self.line_end)
        };
        splice(text, &[(place, &format!("{break_before}{joined}{after}"))])
    }

    /// The indentation of the line on which the last element starts or, where it starts behind
    /// something else, of one more than the container's.
    fn indent_of(&self, last: usize, open: usize) -> String {
        let elements = &self.text[open + 1..last];
        let first = elements.find(|letter: char| !letter.is_whitespace());
        match first {
            Some(at) if elements[..at].contains('\n') => {
                indentation(self.text, open + 1 + at).to_owned()
            }
            _ => format!("{}{}", indentation(self.text, open), self.unit),
        }
    }
}

/// The white space that the line of this place starts with.
fn indentation(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Where a comma is behind white space and comments.
fn comma(text: &str) -> Option<usize> {
    let at = trivia(text, true);
    text[at..].starts_with(',').then_some(at)
}

/// How long the comments on the rest of this line are, with the space before them.
fn comments_of_line(text: &str) -> usize {
    let at = trivia(text, false);
    text[..at].trim_end_matches([' ', '\t', '\r']).len()
}

/// How long the white space and comments are, over line ends or up to one.
fn trivia(text: &str, over_lines: bool) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += match rest.chars().next() {
            Some('\n') if !over_lines => return at,
            Some(letter) if letter.is_whitespace() => letter.len_utf8(),
            Some('/') if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            Some('/') if rest.starts_with("/*") => {
                let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
                if !over_lines && rest[..length].contains('\n') {
                    return at;
                }
                length
            }
            _ => return at,
        };
    }
}

/// The text with pieces put in, in the order of their places.
fn splice(text: &str, pieces: &[(usize, &str)]) -> String {
    let mut spliced = String::with_capacity(text.len() + 128);
    let mut from = 0;
    for (at, piece) in pieces {
        spliced.push_str(&text[from..*at]);
        spliced.push_str(piece);
        from = *at;
    }
    spliced.push_str(&text[from..]);
    spliced
}
