//! The functions over HTTP.
//!
//! | request | answer |
//! |---|---|
//! | `POST /functions/NAME` | invokes a function with the body as its event: its result, or an error's status and object |
//! | `GET /functions` | the functions, with what they are and how they are |

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::{Job, Refusal, Why, error_object};
use super::functions::{Functions, LateFunctions, Shown};
use super::triggers::Trigger;
use crate::ids;
use crate::runner::{Kind, LARGEST, Source};

/// WeChat Cloud Run says who calls in these.
const OPEN_ID: HeaderName = HeaderName::from_static("x-wx-openid");
const APP_ID: HeaderName = HeaderName::from_static("x-wx-appid");
const UNION_ID: HeaderName = HeaderName::from_static("x-wx-unionid");

/// Names the invocation, in each answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a caller, in bytes. Real ones have 28.
pub(super) const LONGEST_ID: usize = 256;

/// The routes.
pub(crate) fn router(functions: LateFunctions) -> Router {
    Router::new()
        .route("/functions", get(list))
        .route("/functions/{name}", post(invoke).fallback(no_such_method))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(functions)
}

/// The functions, once they are there. Not kept beyond the request.
async fn functions(late: &LateFunctions) -> Result<Arc<Functions>, Refusal> {
    late.wait()
        .await
        .upgrade()
        .ok_or_else(|| Refusal::new(Why::Closed, "the tool is about to end"))
}

async fn invoke(
    State(late): State<LateFunctions>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let request_id = ids::request_id();
    let (status, body) = match answer(&late, &name, &headers, body, &request_id).await {
        Ok(answered) => answered,
        Err(Refused::Before(status, message)) => {
            if let Some(functions) = late.get().and_then(Weak::upgrade) {
                functions.not_asked(&name, &request_id, status, &message);
            }
            (status, error_object(&message))
        }
        Err(Refused::By(refusal)) => (refusal.status(), refusal.body()),
    };
    let mut response = json_response(status, body);
    let headers = response.headers_mut();
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// A browser that was led here, perhaps.
async fn no_such_method() -> Response {
    let message = "a function is invoked with POST, and the event as the body";
    let mut response = json_response(StatusCode::METHOD_NOT_ALLOWED, error_object(message));
    let post = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, post);
    response
}

/// Why there is nothing to answer.
enum Refused {
    /// The request is not sound.
    Before(StatusCode, String),
    By(Refusal),
}

async fn answer(
    late: &LateFunctions,
    name: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    request_id: &str,
) -> Result<(StatusCode, Bytes), Refused> {
    let event = event(body)?;
    let id = |header| caller_id(headers, &header);
    let (open_id, app_id, union_id) = (id(OPEN_ID)?, id(APP_ID)?, id(UNION_ID)?);
    let functions = functions(late).await.map_err(Refused::By)?;
    let job = Job {
        request_id: request_id.to_owned(),
        event,
        caller: functions.caller().with(open_id, app_id, union_id),
        source: Source::Http,
    };
    let answer = functions.invoke(name, job).await.map_err(Refused::By)?;
    Ok((answer.end.status(), answer.end.body()))
}

/// The event: JSON text, `{}` where there is none.
fn event(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refused> {
    let body = body.map_err(|rejection| {
        let message = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("the event is larger than {} MiB", LARGEST >> 20)
            }
            _ => rejection.body_text(),
        };
        Refused::Before(rejection.status(), message)
    })?;
    let body = match body.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => body.slice_ref(rest),
        None => body,
    };
    if body.trim_ascii().is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match crate::json::check(&body) {
        Ok(()) => Ok(body),
        Err(why) => Err(Refused::Before(
            StatusCode::BAD_REQUEST,
            format!("the body is the event, and this one is not JSON: {why}"),
        )),
    }
}

fn caller_id(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match str::from_utf8(value.as_bytes()) {
        Ok(id) if id.len() <= LONGEST_ID => Ok(Some(id.to_owned())),
        _ => Err(Refused::Before(
            StatusCode::BAD_REQUEST,
            format!("{name} must be UTF-8, and not longer than {LONGEST_ID} bytes"),
        )),
    }
}

async fn list(State(late): State<LateFunctions>) -> Response {
    match functions(&late).await {
        Ok(functions) => {
            let all: Vec<_> = functions.list().iter().map(shown).collect();
            let body = json!({"functions": all}).to_string();
            json_response(StatusCode::OK, body.into())
        }
        Err(refusal) => json_response(refusal.status(), refusal.body()),
    }
}

fn shown(function: &Shown) -> Value {
    let look = function.look;
    let config = std::fs::read_to_string(function.function.config()).unwrap_or_default();
    let trigger = Trigger::of_config(&config).ok().flatten();
    let triggers: Vec<_> = trigger
        .map(|it| json!({"name": it.name, "next": it.next_text(SystemTime::now())}))
        .into_iter()
        .collect();
    json!({
        "name": function.function.name,
        "kind": kind(function.function.kind),
        "permissions": function.declared.permissions,
        "triggers": triggers,
        "version": look.version,
        "workers": look.workers,
        "busy": look.busy,
        "waiting": look.waiting,
    })
}

/// What a function is written in, as data.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Rust => "rust",
        Kind::Node => "node",
    }
}

fn json_response(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
