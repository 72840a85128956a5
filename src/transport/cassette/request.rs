//! A request as a cassette holds it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use percent_encoding::percent_decode_str;

use super::body;
use super::files::Files;
use super::format::{Request, Texts};
use super::secrets::is_secret;
use crate::secret::Redactor;

/// The parameter that is in no cassette.
const ACCESS_TOKEN: &str = "access_token";

/// What stands in the place of a secret.
const PLACEHOLDER: &str = "***";

/// Whether this path gives access tokens.
pub(super) fn gives_token(path: &str) -> bool {
    path.ends_with("/cgi-bin/token") || path.ends_with("/cgi-bin/stable_token")
}

/// The request without its secrets, and the files that it uploads. Of one for an access token only
/// where it goes.
pub(super) fn recorded(
    request: &http::Request<Bytes>,
    redactor: &Redactor,
    files: &mut Files,
) -> Request {
    let path = request.uri().path();
    let bare = Request {
        method: request.method().to_string(),
        path: redactor.clean(path).into_owned(),
        query: BTreeMap::new(),
        body: None,
    };
    if gives_token(path) {
        return bare;
    }
    let content_type = content_type(request.headers());
    Request {
        query: query(request, redactor),
        body: body::of_request(content_type, request.body(), redactor, files),
        ..bare
    }
}

/// The label of a body.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

fn query(request: &http::Request<Bytes>, redactor: &Redactor) -> BTreeMap<String, Texts> {
    let mut query = BTreeMap::new();
    for (name, value) in parameters(request) {
        if name == ACCESS_TOKEN {
            continue;
        }
        let value = match is_secret(&name) {
            true => PLACEHOLDER.to_owned(),
            false => redactor.clean(&value).into_owned(),
        };
        query
            .entry(redactor.clean(&name).into_owned())
            .and_modify(|texts: &mut Texts| texts.add(value.clone()))
            .or_insert(Texts::One(value));
    }
    query
}

impl Texts {
    fn add(&mut self, text: String) {
        *self = match std::mem::replace(self, Self::Several(Vec::new())) {
            Self::One(first) => Self::Several(vec![first, text]),
            Self::Several(mut texts) => {
                texts.push(text);
                Self::Several(texts)
            }
        };
    }
}

/// The parameters of the query, decoded.
fn parameters(request: &http::Request<Bytes>) -> impl Iterator<Item = (String, String)> {
    pairs(request).map(|(name, value)| (decoded(name), decoded(value)))
}

/// The parameters of the query, as they were sent.
pub(super) fn pairs(request: &http::Request<Bytes>) -> impl Iterator<Item = (&str, &str)> {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

pub(super) fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}
