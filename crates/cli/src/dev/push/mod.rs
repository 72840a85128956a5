//! Pushes: what a user sends to customer service, as an event of a function.
//!
//! `POST /_cloudcall/push` takes `{"message": {"type": "image", "mediaId": "…"}, "openId": "…",
//! "function": "…"}`, of which only the message must be there. The answer has the status of the
//! function's, and the body `{"function", "openId", "event", "result" or "error", "notes"}`. Where
//! no function is found it is 404, with `{"errorMessage", "hint"}`.

mod handler;
mod message;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::handler::{Claims, choose, types};
pub(crate) use self::message::Message;
use super::deliver::{By, Deliverer, Delivery};
use super::server::LONGEST_ID;
use super::triggers::Clock;
use crate::runner::LARGEST;

/// Where pushes are taken.
pub(crate) const PATH: &str = "/_cloudcall/push";

/// The user who writes when nobody else is named; as long as WeChat's own ids.
pub(crate) const DEFAULT_OPEN_ID: &str = "o-a-user-of-customer-service";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Push {
    pub(crate) message: Message,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) open_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
}

/// What pushes need.
#[derive(Clone)]
pub(crate) struct Pushes {
    pub(crate) deliverer: Deliverer,
    pub(crate) clock: Clock,
}

/// The route.
pub(crate) fn router(pushes: Pushes) -> Router {
    Router::new()
        .route(PATH, post(push))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(pushes)
}

async fn push(State(pushes): State<Pushes>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let (status, text) = (rejection.status(), rejection.body_text());
            return refusal(status, &text, "a message of a user is far smaller");
        }
    };
    let push: Push = match serde_json::from_slice(&body) {
        Ok(push) => push,
        Err(error) => {
            let hint = r#"send {"message":{"type":"image","mediaId":"sample"}}"#;
            let message = format!("this is no push: {error}");
            return refusal(StatusCode::BAD_REQUEST, &message, hint);
        }
    };
    let given = push.open_id.filter(|id| !id.is_empty());
    if given.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
        let message = format!("the id of the user is longer than {LONGEST_ID} bytes");
        return refusal(StatusCode::BAD_REQUEST, &message, "real ones have 28");
    }
    let files = pushes.deliverer.functions().await;
    let claims = tokio::task::spawn_blocking(move || claims(files)).await;
    let claims = claims.unwrap_or_default();
    let function = match choose(&claims, push.function.as_deref(), push.message.kind()) {
        Ok(function) => function.to_owned(),
        Err(error) => return refusal(StatusCode::NOT_FOUND, &error.message, &error.hint),
    };
    let open_id = given.unwrap_or_else(|| DEFAULT_OPEN_ID.to_owned());
    let mut notes = Vec::new();
    if let Some(emulator) = pushes.deliverer.emulator().await {
        emulator.user_message(&open_id);
        if let Some(id) = push.message.media_id().filter(|id| !emulator.has_media(id)) {
            notes.push(format!(
                "the emulator has no media {id:?}: getTempMedia will fail with 40007; put a file of this name into the media folder, or upload it"
            ));
        }
    }
    let now = (pushes.clock)();
    let app_id = pushes.deliverer.app_id().await;
    let event = push.message.event(&app_id, &open_id, now);
    let delivery = Delivery {
        function: function.clone(),
        event: event.to_string(),
        by: By::User {
            open_id: open_id.clone(),
        },
    };
    let answered = pushes.deliverer.deliver(delivery).await;
    let done = answered.status == StatusCode::OK;
    if done && !is_accepted(&answered.body) {
        notes.push(
            "the result is neither \"success\" nor \"\": WeChat's page on receiving messages asks servers for one of them, and shows the user an error else"
                .into(),
        );
    }
    // Raw, because a result may have numbers that would change on the way.
    let outcome = str::from_utf8(&answered.body)
        .ok()
        .and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let answer = json!({"function": function, "openId": open_id, "event": event, "notes": notes});
    let outcome = outcome.map_or("null", RawValue::get);
    let name = if done { "result" } else { "error" };
    let mut text = answer.to_string();
    text.pop();
    text.push_str(&format!(",\"{name}\":{outcome}}}"));
    json_response(answered.status, text)
}

fn claims(files: Vec<(String, std::path::PathBuf)>) -> Vec<Claims> {
    files
        .into_iter()
        .map(|(function, config)| Claims {
            function,
            // One that is not there claims nothing, as one without the entry.
            types: types(&std::fs::read_to_string(config).unwrap_or_else(|_| "{}".into())),
        })
        .collect()
}

/// Whether WeChat would take the result for an answer.
fn is_accepted(result: &[u8]) -> bool {
    matches!(
        serde_json::from_slice(result),
        Ok(Value::String(text)) if text == "success" || text.is_empty()
    )
}

fn refusal(status: StatusCode, message: &str, hint: &str) -> Response {
    json_response(
        status,
        json!({"errorMessage": message, "hint": hint}).to_string(),
    )
}

fn json_response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
