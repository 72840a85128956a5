//! Finds a text however it is quoted: as it is, or as URLs, forms, JSON, source code and HTML write
//! it, character by character: servers mix these ways, and decode some characters and not others.

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

/// The lengths of what begins the text and means the letter: as it is, and escaped.
fn lengths(text: &[u8], letter: char) -> [Option<usize>; 2] {
    let mut buffer = [0; 4];
    let utf8 = letter.encode_utf8(&mut buffer).as_bytes();
    let plain = text.starts_with(utf8).then_some(utf8.len());
    // Most texts hold no escape here.
    let escaped = match text.first() {
        Some(b'+') => (letter == ' ').then_some(1),
        Some(b'%') => escapes(text, b"%", utf8.iter().map(|byte| u16::from(*byte)), 2),
        Some(b'\\') => backslash(text, letter),
        Some(b'&') => entity(text, letter),
        _ => None,
    };
    [plain, escaped]
}

/// `\/`, `\n`, `\u002f`, `\u{2f}`, `\x2f`
fn backslash(text: &[u8], letter: char) -> Option<usize> {
    match text.get(1)? {
        b'u' if text.get(2) == Some(&b'{') => {
            let digits = text[3..].split(|byte| *byte == b'}').next()?;
            let is_closed = text.get(3 + digits.len()).is_some();
            (is_closed && hexadecimal(digits) == Some(letter.into()))
                .then_some(r"\u{}".len() + digits.len())
        }
        b'u' => {
            let mut buffer = [0; 2];
            let units = letter.encode_utf16(&mut buffer);
            escapes(text, br"\u", units.iter().copied(), 4)
        }
        b'x' => escapes(
            text,
            br"\x",
            [u16::try_from(u32::from(letter)).ok()?].into_iter(),
            2,
        ),
        sign => {
            let means = match sign {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                sign if sign.is_ascii_punctuation() => char::from(*sign),
                _ => return None,
            };
            (means == letter).then_some(2)
        }
    }
}

/// `&quot;`, `&#34;`, `&#x22;`
fn entity(text: &[u8], letter: char) -> Option<usize> {
    /// Longer ones stand for no character.
    const LONGEST: usize = 10;

    let length = text
        .iter()
        .take(LONGEST + 2)
        .position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..length]).ok()?;
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => hexadecimal(digits.as_bytes())?,
            None => number.parse().ok()?,
        },
        None => match name {
            "quot" => '"',
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "apos" => '\'',
            _ => return None,
        }
        .into(),
    };
    (code == u32::from(letter)).then_some(length + 1)
}

/// A number of digits, and nothing else.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16)?;
        number = number.checked_mul(16)?.checked_add(digit)?;
    }
    (!digits.is_empty()).then_some(number)
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
        if hexadecimal(number) != Some(u32::from(code)) {
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
            (
                r"\x61%2F&quot;b+%5C\x20&lt;%26\'%E4%B8%AD\n",
                "a/\"b+\\ <&'中\n",
            ),
            (
                r"&#x61;&#x2F;&#34;&#38;&apos;&#20013;\u{4e2d}",
                "a/\"&'中中",
            ),
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
            (r"\u{61", "a"),
            (r"\u{}", "a"),
            (r"\x6", "a"),
            ("&", "a"),
            ("&#;", "a"),
            ("&#x;", "a"),
            ("&#97", "a"),
            ("%+1", "\u{1}"),
            ("b", "a"),
            ("A", "a"),
        ] {
            assert_eq!(end(text.as_bytes(), 0, plain), None, "{text}");
        }
    }
}
