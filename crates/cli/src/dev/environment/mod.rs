//! What leads another process here, such as a test runner or a debugger: `GET /_cloudcall/env`.
//!
//! The answer is `{"variables": {…}, "nodeOptions": "…", "notes": […]}`. `NODE_OPTIONS` is apart,
//! because the shell that takes it may have some of its own, which are kept.

mod shell;

use std::sync::Arc;

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

/// Gives a process what it needs, with the permissions of a function if one is named; an error is
/// what to say where there is none. The secret of WeChat itself is never in it.
pub(crate) type Offer = Arc<dyn Fn(Option<&str>) -> Result<Offered, String> + Send + Sync>;

/// The route.
pub(crate) fn router(offer: Offer) -> Router {
    Router::new()
        .route(PATH, get(environment))
        .with_state(offer)
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

async fn environment(State(offer): State<Offer>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let named = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("function="))
        .map(decoded);
    let (status, body) = match offer(named.as_deref()) {
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
    /// All variables, with `NODE_OPTIONS` added to those that the shell has. Asked twice, it has
    /// them once.
    pub(crate) fn with_node_options(mut self, before: Option<&str>) -> Vec<(String, String)> {
        let options = match before {
            Some(before) if before.contains(&self.node_options) => before.to_owned(),
            Some(before) => format!("{before} {}", self.node_options),
            None => self.node_options,
        };
        self.variables.push(("NODE_OPTIONS".into(), options));
        self.variables
    }
}

#[cfg(test)]
mod tests {
    use cloudcall_emulator::Emulator;
    use tokio::net::TcpListener;

    use super::*;
    use crate::commands::dev_client::ask;

    #[tokio::test]
    async fn the_environment_of_a_function_is_given() {
        let offer: Offer = Arc::new(|function| match function {
            Some("f & 函数") => Ok(Offered {
                variables: vec![("B".into(), "2".into()), ("A".into(), "1".into())],
                node_options: "--require \"x\"".into(),
                notes: vec!["n".into()],
            }),
            other => Err(format!("there is no function {other:?}")),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let emulator = Emulator::builder().build().expect("an emulator");
        let _server = emulator
            .start_with(listener, router(offer))
            .expect("a server");
        let get = |function| {
            let path = path_for(function);
            async move {
                ask(port, http::Method::GET, &path, "")
                    .await
                    .expect("an answer")
            }
        };
        let answer = get(Some("f & 函数")).await;
        let offered: Offered = serde_json::from_slice(&answer.body).expect("an offer");
        assert_eq!(
            (answer.status, &offered.notes[0]),
            (StatusCode::OK, &"n".to_owned())
        );
        let pairs = |before| offered.clone().with_node_options(before);
        let names: Vec<_> = pairs(None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["B", "A", "NODE_OPTIONS"]);
        let options = |before| pairs(before).pop().map(|(_, value)| value);
        let both = options(Some("--no-warnings"));
        assert_eq!(both.as_deref(), Some("--no-warnings --require \"x\""));
        assert_eq!(options(both.as_deref()), both, "asked for twice");
        let answer = get(None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}
