//! The text of a file, and where something is in it.

use std::ops::Range;

/// A text whose lines are known.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    /// Where each line starts, in bytes.
    lines: Vec<usize>,
}

/// A place in a text, with its line to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1, in characters.
    pub(crate) column: usize,
    /// The column after the last character; on the same line.
    pub(crate) end_column: usize,
    /// The whole line, without its end.
    pub(crate) source: String,
}

impl Text {
    /// The text without a byte order mark.
    pub(super) fn new(text: &str) -> Self {
        let text = crate::json::without_bom(text).to_owned();
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { text, lines }
    }

    /// The place of a range of bytes; what is beyond its first line is cut off.
    pub(super) fn position(&self, range: Range<usize>) -> Position {
        let at = self.boundary(range.start);
        let line = self.lines.partition_point(|start| *start <= at) - 1;
        let (start, source) = self.line(line);
        let before = &self.text[start..at.min(start + source.len())];
        let column = 1 + before.chars().count();
        let end = self.boundary(range.end).min(start + source.len()).max(at);
        let width = self.text[at.min(end)..end].chars().count().max(1);
        Position {
            line: line + 1,
            column,
            end_column: column + width,
            source: source.to_owned(),
        }
    }

    /// Where a character is, in bytes; line and column are counted from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let (start, source) = self.line(line.saturating_sub(1).min(self.lines.len() - 1));
        let within = source.char_indices().nth(column.saturating_sub(1));
        start + within.map_or(source.len(), |(at, _)| at)
    }

    fn line(&self, line: usize) -> (usize, &str) {
        let start = self.lines[line];
        let end = self.lines.get(line + 1).copied();
        let text = &self.text[start..end.unwrap_or(self.text.len())];
        (start, text.trim_end_matches(['\r', '\n']))
    }

    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_1() {
        let text = Text::new("\u{feff}a\r\n文件 x\n");
        let at = text.text.find('x').expect("there");
        let position = text.position(at..at + 1);
        assert_eq!((position.line, position.column), (2, 4));
        assert_eq!(position.source, "文件 x");
        assert_eq!(text.offset(2, 4), at);
        assert_eq!(text.offset(9, 9), text.text.len());
        assert_eq!(text.position(0..99).end_column, 2);
        assert_eq!(text.position(99..120).line, 3);
        assert_eq!(Text::new("").position(0..0).column, 1);
    }
}
