//! The parameters of a query.

use std::borrow::Cow;

use http::Uri;
use memchr::{memchr, memchr2};

/// The first query parameter of this name, decoded.
///
/// Nothing is decoded but what has to be: an access token is long, and most requests carry one.
pub(crate) fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = uri.query()?;
    loop {
        let (pair, behind) = match cut(rest, b'&') {
            Some((pair, behind)) => (pair, Some(behind)),
            None => (rest, None),
        };
        if let Some(value) = value(pair, name) {
            return Some(value);
        }
        rest = behind?;
    }
}

/// The value of a pair, if it has this name.
fn value<'a>(pair: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (key, value) = cut(pair, b'=').unwrap_or((pair, ""));
    if is_plain(key) && (key != name || is_plain(value)) {
        return (key == name).then_some(Cow::Borrowed(value));
    }
    let (key, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    (key == name).then_some(value)
}

/// What is before and behind the first of these, which is ASCII.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let at = memchr(at, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// Whether this stands for itself.
fn is_plain(text: &str) -> bool {
    memchr2(b'%', b'+', text.as_bytes()).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_what_a_form_has_first_under_its_name() {
        for query in [
            "",
            "a",
            "a=",
            "=1",
            "a=1",
            "a=1&a=2",
            "b=1&a=2&b=3",
            "&&a=1&",
            "a=1=2&b",
            "a=x%26y+z%3D&b=%2B",
            "a=x=%3D",
            "%61=1&a=2",
            "a%3D=1&a+b=2&%62=3",
            "aa=1&A=2&ab=3",
            "a=%&b=%4&a%=1",
            "a=%ff%E5%9B%BE",
            "a=图&图=b",
        ] {
            let uri: Uri = format!("/?{query}").parse().expect("a URI");
            for name in ["a", "b", "a b", "a=", "a%", "ab", "图", "c"] {
                let expected = form_urlencoded::parse(query.as_bytes())
                    .find_map(|(key, value)| (key == name).then_some(value));
                assert_eq!(parameter(&uri, name), expected, "{query} {name}");
            }
        }
        assert_eq!(parameter(&Uri::from_static("/path"), "a"), None);
    }
}
