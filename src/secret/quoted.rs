//! Finds a text however it is quoted: as it is, percent-encoded, or escaped as in JSON, character
//! by character, for there are several ways to do either.

/// Where `plain`, quoted in any way, ends, if it begins at `at`. The furthest, if there are
/// several.
pub(super) fn end(text: &[u8], at: usize, plain: &str) -> Option<usize> {
    let mut ends = vec![at];
    for letter in plain.chars() {
        let mut next = Vec::with_capacity(ends.len());
        for at in ends {
            let rest = text.get(at..).unwrap_or_default();
            for length in lengths(rest, letter).into_iter().flatten() {
                if !next.contains(&(at + length)) {
                    next.push(at + length);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.into_iter().max()
}

/// The lengths of what begins the text and means the letter: as it is, in a URL, in JSON.
fn lengths(text: &[u8], letter: char) -> [Option<usize>; 3] {
    let mut buffer = [0; 4];
    let utf8 = letter.encode_utf8(&mut buffer).as_bytes();
    let plain = text.starts_with(utf8).then_some(utf8.len());
    let of_url = match (letter, text.first()) {
        (' ', Some(b'+')) => Some(1),
        _ => escapes(text, b"%", utf8.iter().map(|byte| u16::from(*byte)), 2),
    };
    [plain, of_url, of_json(text, letter)]
}

fn of_json(text: &[u8], letter: char) -> Option<usize> {
    let short = match letter {
        '"' | '\\' | '/' => letter,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        _ => return long(text, letter),
    };
    if text.starts_with(b"\\") && text.get(1).map(|byte| char::from(*byte)) == Some(short) {
        return Some(2);
    }
    long(text, letter)
}

/// `\u002f`
fn long(text: &[u8], letter: char) -> Option<usize> {
    let mut buffer = [0; 2];
    let units = letter.encode_utf16(&mut buffer);
    escapes(text, b"\\u", units.iter().copied(), 4)
}

/// The length of the codes, each behind the mark and of so many hexadecimal digits.
fn escapes(
    text: &[u8],
    mark: &[u8],
    codes: impl Iterator<Item = u16>,
    digits: usize,
) -> Option<usize> {
    let mut rest = text;
    for code in codes {
        let (number, after) = rest.strip_prefix(mark)?.split_at_checked(digits)?;
        let number = number.iter().try_fold(0, |number, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(number * 16 + digit)
        });
        if number != Some(u32::from(code)) {
            return None;
        }
        rest = after;
    }
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_letter_is_found() {
        for (text, plain) in [
            ("中", "中"),
            ("%E4%b8%AD", "中"),
            (r"\u4e2D", "中"),
            (r"\uD83D\ude00", "😀"),
            ("%F0%9F%98%80", "😀"),
            ("+", " "),
            ("%20", " "),
            (r"\n\t\b\f\r", "\n\t\u{8}\u{c}\r"),
            (r"\u002F\/%2f/", "////"),
            // A backslash is one, or the beginning of an escape.
            (r"\\x", r"\x"),
            (r"\x", r"\x"),
            (r"\\", r"\"),
            (r"\\\\x", r"\\x"),
            (r"\\x", r"\\x"),
        ] {
            assert_eq!(end(text.as_bytes(), 0, plain), Some(text.len()), "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for (text, plain) in [
            ("", "a"),
            ("%6", "a"),
            ("%+1", "a"),
            ("%E4%B8", "中"),
            (r"\u006", "a"),
            (r"\uD83D", "😀"),
            ("b", "a"),
            ("A", "a"),
        ] {
            assert_eq!(end(text.as_bytes(), 0, plain), None, "{text}");
        }
    }
}
