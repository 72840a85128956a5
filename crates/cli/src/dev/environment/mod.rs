//! What leads another process here, such as a test runner or a debugger: `GET /_cloudcall/env`.
//!
//! The answer is `{"variables": {…}, "nodeOptions": "…", "notes": […]}`. `NODE_OPTIONS` is apart,
//! because the shell that takes it may have some of its own, which are kept.

mod shell;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::shell::Shell;
use super::served::Served;
use crate::env::NODE_OPTIONS;

/// Where it is asked for.
pub(crate) const PATH: &str = "/_cloudcall/env";

/// What another process needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offered {
    /// By name, in the order in which they are shown.
    pub(crate) variables: Vec<(String, String)>,
    /// What Node is to load first.
    pub(crate) node_options: String,
    /// What is left out, for one.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

/// The route.
pub(crate) fn router(served: Served) -> Router {
    Router::new()
        .route(PATH, get(environment))
        .with_state(served)
}

/// The path that asks for it.
pub(crate) fn path_for(function: Option<&str>) -> String {
    match function {
        None => PATH.to_owned(),
        Some(name) => {
            let mut path = format!("{PATH}?function=");
            for byte in name.bytes() {
                path.push_str(&format!("%{byte:02X}"));
            }
            path
        }
    }
}

async fn environment(State(served): State<Served>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let named = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("function="))
        .map(decoded);
    let (status, body) = match served.offer(named.as_deref()).await {
        Ok(offered) => (StatusCode::OK, json!(offered)),
        Err(message) => (StatusCode::NOT_FOUND, json!({"errorMessage": message})),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Text with `%20` and the like. What is none of these stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let coded = after.get(..2).filter(|_| *first == b'%');
        let coded = coded.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(coded.unwrap_or(*first));
        rest = if coded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Offered {
    /// All variables, with `NODE_OPTIONS` added to those that the shell has beside ours.
    pub(crate) fn with_node_options(mut self, before: Option<&str>) -> Vec<(String, String)> {
        let options = match before {
            Some(before) => format!("{before} {}", self.node_options),
            None => self.node_options,
        };
        self.variables.push((NODE_OPTIONS.into(), options));
        self.variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_the_path() {
        for name in ["get-temp-media", "f & 函数%", ""] {
            let path = path_for(Some(name));
            let (_, coded) = path.split_once("?function=").expect("a query");
            assert_eq!(decoded(coded), name);
        }
        assert_eq!(decoded("a%2"), "a%2");
    }

    #[test]
    fn node_options_of_the_shell_are_kept() {
        let offered = Offered {
            variables: vec![("B".into(), "2".into()), ("A".into(), "1".into())],
            node_options: "--require \"x\"".into(),
            notes: Vec::new(),
        };
        let pairs = |before| offered.clone().with_node_options(before);
        let names: Vec<_> = pairs(None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["B", "A", "NODE_OPTIONS"]);
        let options = |before| pairs(before).pop().map(|(_, value)| value);
        let both = options(Some("--no-warnings"));
        assert_eq!(both.as_deref(), Some("--no-warnings --require \"x\""));
    }
}
