//! The URL of a request, made from that of its server: to parse the host takes as long as all the
//! rest of it.

use bytes::Bytes;
use http::uri::Scheme;
use reqwest::Url;

/// A server that was reached.
pub(super) struct Origin {
    scheme: Scheme,
    /// As a text of its own: an [`Authority`](http::uri::Authority) keeps the whole URI in memory,
    /// secrets too, and does not tell `u:P@host` from `u:p@host`.
    authority: String,
    root: Url,
}

impl Origin {
    /// The root of this URI's server, which becomes the latest; none if the URI names no server.
    pub(super) fn root(latest: &mut Option<Self>, uri: &http::Uri) -> Option<Url> {
        let (scheme, authority) = (uri.scheme()?, uri.authority()?.as_str());
        if let Some(latest) = latest
            && latest.scheme == *scheme
            && latest.authority == authority
        {
            return Some(latest.root.clone());
        }
        let root = Url::parse(&format!("{scheme}://{authority}/")).ok()?;
        *latest = Some(Self {
            scheme: scheme.clone(),
            authority: authority.to_owned(),
            root: root.clone(),
        });
        Some(root)
    }
}

/// The request as reqwest has it.
pub(super) fn request(
    root: Option<Url>,
    request: http::Request<Bytes>,
) -> reqwest::Result<reqwest::Request> {
    let Some(mut url) = root else {
        return request.try_into();
    };
    let (head, body) = request.into_parts();
    url.set_path(head.uri.path());
    url.set_query(head.uri.query());
    let mut request = reqwest::Request::new(head.method, url);
    *request.version_mut() = head.version;
    *request.headers_mut() = head.headers;
    *request.body_mut() = Some(body.into());
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_the_one_that_reqwest_would_parse() {
        let mut latest = None;
        for uri in [
            "http://h",
            "http://h/",
            "http://h?a=b",
            "http://H:80/a",
            "http://h:8080/a/../b/%2e%2e/./c",
            "https://h:8080/a",
            "https://h:443//a//b/?",
            "https://h/a%zz%E4%B8%AD/~-._'\"{}|\\[]^?x=%zz&y='{}|\\[]^`?~",
            "https://h/中/é?中=é",
            "http://[::1]:1/a;b,c:d@e?f/g?h",
            "http://127.1/a",
            "http://0x7f.1/a",
            "http://u:p@h/a",
            "http://u:P@h/a",
            "ftp://h/a",
        ] {
            let made = || {
                http::Request::post(uri)
                    .version(http::Version::HTTP_10)
                    .header("a", "b")
                    .body(Bytes::from("c"))
            };
            let made = || made().expect(uri);
            let expected = reqwest::Request::try_from(made()).expect(uri);
            // Anew, and then from what is known.
            for _ in 0..2 {
                let root = Origin::root(&mut latest, made().uri());
                assert!(root.is_some(), "{uri}");
                let request = request(root, made()).expect(uri);
                assert_eq!(request.url(), expected.url());
                assert_eq!(request.method(), expected.method());
                assert_eq!(request.headers(), expected.headers());
                assert_eq!(request.version(), expected.version());
                let body = request.body().and_then(reqwest::Body::as_bytes);
                assert_eq!(body, Some(&b"c"[..]));
            }
        }
    }

    #[test]
    fn what_is_no_url_fails_as_with_reqwest() {
        for uri in ["/a", "*", "http://256.0.0.1/a"] {
            let made = http::Request::get(uri).body(Bytes::new());
            let made = made.expect("a URI");
            let root = Origin::root(&mut None, made.uri());
            request(root, made).expect_err(uri);
        }
    }
}
