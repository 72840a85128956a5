//! Findings as rustc shows them: the message, the place, the line with a caret, and what to do.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::path;
use crate::check::Report;
use crate::check::finding::{Finding, Level};
use crate::check::text::Position;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const MESSAGE: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// The most columns of a source line that are shown.
const WIDEST: usize = 120;

pub(super) fn render(report: &Report) -> String {
    let findings: Vec<_> = report.findings.iter().map(finding).collect();
    findings.join("\n")
}

fn finding(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Error => ERROR,
        Level::Warning => WARNING,
    };
    let mut text = format!(
        "{level}{}[{}]{level:#}{MESSAGE}: {}{MESSAGE:#}\n",
        finding.level.name(),
        finding.rule.id(),
        shown(&finding.message),
    );
    let file = shown(&path(&finding.file));
    let margin = match &finding.position {
        None => {
            line(&mut text, format_args!("{FRAME}-->{FRAME:#} {file}"), 1);
            1
        }
        Some(position) => {
            let number = position.line.to_string();
            let margin = number.len();
            let place = format_args!(
                "{FRAME}-->{FRAME:#} {file}:{}:{}",
                position.line, position.column
            );
            line(&mut text, place, margin);
            let (source, before, carets) = excerpt(position);
            line(&mut text, format_args!(" {FRAME}|{FRAME:#}"), margin);
            text.push_str(&format!("{FRAME}{number} |{FRAME:#} {source}\n",));
            let (before, carets) = (" ".repeat(before), "^".repeat(carets));
            let marked = format_args!(" {FRAME}|{FRAME:#} {before}{level}{carets}{level:#}");
            line(&mut text, marked, margin);
            margin
        }
    };
    if let Some(help) = &finding.help {
        let help = shown(help);
        let help = format_args!(" {FRAME}={FRAME:#} {MESSAGE}help{MESSAGE:#}: {help}");
        line(&mut text, help, margin);
    }
    text
}

/// A line behind the margin.
fn line(text: &mut String, content: std::fmt::Arguments<'_>, margin: usize) {
    // Writing into a text cannot fail.
    let _ = writeln!(text, "{:margin$}{content}", "");
}

/// The source line, cut where it is long, and the columns before the carets and of them.
fn excerpt(position: &Position) -> (String, usize, usize) {
    let letters: Vec<char> = position.source.chars().collect();
    let start = (position.column - 1).min(letters.len());
    let end = (position.end_column - 1).clamp(start, letters.len());
    let from = if letters.len() > WIDEST {
        start.saturating_sub(WIDEST / 4)
    } else {
        0
    };
    let to = (from + WIDEST).min(letters.len());
    let end = end.min(to);
    let shown = |letters: &[char]| letters.iter().copied().map(visible).collect::<String>();
    let (left, right) = (
        if from > 0 { "…" } else { "" },
        if to < letters.len() { "…" } else { "" },
    );
    let before = format!("{left}{}", shown(&letters[from..start]));
    let marked = shown(&letters[start..end]);
    let source = format!("{before}{marked}{}{right}", shown(&letters[end..to]));
    let carets = marked.width().max(1);
    (source.trim_end().to_owned(), before.width(), carets)
}

/// A text as it is shown: names and paths come from files that anybody may have written.
fn shown(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// A letter as it is shown: a tab as spaces, and what has no width or moves the cursor as `·`.
fn visible(letter: char) -> String {
    match letter {
        '\t' => "    ".into(),
        letter if letter.is_control() || letter.width() == Some(0) => "·".into(),
        letter => letter.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(source: &str, column: usize, end_column: usize) -> Position {
        Position {
            line: 1,
            column,
            end_column,
            source: source.into(),
        }
    }

    #[test]
    fn carets_stand_below_wide_letters_and_tabs() {
        let (source, before, carets) = excerpt(&position("\t\"图片\": x(文),", 8, 12));
        assert_eq!(source, "    \"图片\": x(文),");
        assert_eq!((before, carets), (4 + 8, 5));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let long = format!("{}HERE{}", "a".repeat(5000), "b".repeat(5000));
        let (source, before, carets) = excerpt(&position(&long, 5001, 5005));
        assert!(
            source.starts_with("…aaa") && source.ends_with("bbb…"),
            "{source}"
        );
        assert_eq!((before, carets), (1 + WIDEST / 4, 4));
    }

    #[test]
    fn a_line_cannot_move_the_cursor() {
        let (source, ..) = excerpt(&position("a\u{1b}[2Jb\u{200b}", 1, 2));
        assert_eq!(source, "a·[2Jb·");
    }

    #[test]
    fn the_end_of_a_line_has_a_caret() {
        let (_, before, carets) = excerpt(&position("{", 2, 3));
        assert_eq!((before, carets), (1, 1));
    }
}
