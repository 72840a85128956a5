//! The loop of a function: takes events and gives results, as an SCF custom runtime does.
//!
//! A function is a plain binary whose `main` calls [`run`]. The same binary, named `bootstrap`,
//! is what Tencent SCF runs; `cloudcall invoke` runs it on your machine.

mod api;
mod context;
mod link;

use std::error::Error as StdError;
use std::panic;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinSet;

use crate::deadline;
use crate::env::Env;
use api::{Invocation, RuntimeApi};
pub use context::{Context, WxContext};

/// The runtime API cannot be reached: the function cannot take events.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RuntimeError {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Serves a function's events with `handler`, one after the other, until the process is ended.
///
/// The event is deserialised into the handler's first argument (take
/// [`serde_json::Value`] for any), and the result is serialised. An event that does not fit, an
/// error and a panic of the handler are reported as the failure of that invocation, and the
/// next event is served.
///
/// A Cloud Call in the handler ends shortly before the invocation does
/// ([`call_deadline`](Context::call_deadline)), with -604102, so that the function can report it
/// before the platform ends it. That holds for the handler's own task. A task that it spawns knows
/// nothing of the invocation, and gets its deadline by hand:
///
/// ```
/// # use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
/// # use cloudcall::{Cloud, runtime::Context};
/// # fn example(cloud: &Cloud, context: &Context, event: GetTempMedia) {
/// let cloud = cloud.with_deadline(context.call_deadline());
/// tokio::spawn(async move { get_temp_media(&cloud, event).await });
/// # }
/// ```
///
/// ```no_run
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, TempMedia, get_temp_media};
/// use cloudcall::{Cloud, runtime};
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let cloud = Cloud::init()?;
///     runtime::run(move |event: GetTempMedia, _context| {
///         let cloud = cloud.clone();
///         async move { get_temp_media(&cloud, event).await }
///     })
///     .await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// The variables `SCF_RUNTIME_API` and `SCF_RUNTIME_API_PORT` are not set, or nobody answers
/// there any more.
pub async fn run<E, R, X, H, F>(handler: H) -> Result<(), RuntimeError>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    X: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, X>> + Send + 'static,
{
    let Some(host) = Env::read().runtime_api else {
        return Err(RuntimeError {
            message: "SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are not set: a function is run by \
                      `cloudcall invoke NAME`, or by SCF"
                .into(),
            source: None,
        });
    };
    let mut api = RuntimeApi::at(&host)?;
    in_a_task(async move { serve(&mut api, handler).await }).await
}

/// The thread of `main` is not one of those that wait for sockets: an event would have to wake it, too.
async fn in_a_task<T: Send + 'static>(serving: impl Future<Output = T> + Send + 'static) -> T {
    // Ends the task when it is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn(serving);
    match tasks.join_next().await {
        Some(Ok(ended)) => ended,
        Some(Err(error)) if error.is_panic() => panic::resume_unwind(error.into_panic()),
        // The whole runtime is being shut down.
        Some(Err(_)) | None => std::future::pending().await,
    }
}

async fn serve<E, R, X, H, F>(api: &mut RuntimeApi, handler: H) -> Result<(), RuntimeError>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    X: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, X>> + Send + 'static,
{
    let handler = Arc::new(handler);
    api.ready().await?;
    let mut invocation = api.next().await?;
    loop {
        let wishes = invocation.wishes.clone();
        let posted = match outcome(&handler, invocation).await {
            Ok(result) => api.respond(result, &wishes).await,
            Err(message) => api.fail(failure(&message), &wishes).await,
        };
        let next = match posted {
            Ok(next) => next,
            // Refused, for being too large say: the caller shall not wait until the time limit.
            Err(refused) => api.fail(failure(&refused.to_string()), &wishes).await?,
        };
        invocation = match next {
            Some(next) => next,
            None => api.next().await?,
        };
    }
}

/// The result as JSON, or why there is none.
async fn outcome<E, R, X, H, F>(handler: &Arc<H>, invocation: Invocation) -> Result<String, String>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    X: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, X>> + Send + 'static,
{
    let Invocation {
        event,
        context,
        wishes,
    } = invocation;
    let handler = Arc::clone(handler);
    // A task of its own, with all code of the function, so that a panic ends the invocation and
    // not the function.
    let calls_end = context.call_deadline();
    let handling = deadline::in_invocation(calls_end, async move {
        let event = serde_json::from_slice(&event)
            .map_err(|error| format!("the event is not what the function takes: {error}"))?;
        let result = handler(event, context).await.map_err(|error| {
            let error: Box<dyn StdError + Send + Sync> = error.into();
            with_causes(error.as_ref())
        })?;
        serde_json::to_string(&result)
            .map_err(|error| format!("the function's result is not JSON: {error}"))
    });
    let task = match wishes.denied {
        Some(denied) => tokio::spawn(denied.during(handling)),
        None => tokio::spawn(handling),
    };
    task.await
        .unwrap_or_else(|stopped| Err(panic_message(stopped)))
}

/// The platform's shape of a failed invocation.
fn failure(message: &str) -> String {
    json!({"errorCode": 1, "errorMessage": message}).to_string()
}

/// The error's text and those of its causes, each said once.
fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn panic_message(stopped: tokio::task::JoinError) -> String {
    let message = match stopped.try_into_panic() {
        Ok(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(text) => (*text).to_owned(),
                Err(_) => "with a value that is no text".into(),
            },
        },
        Err(cancelled) => cancelled.to_string(),
    };
    format!("the function panicked: {message}")
}

#[cfg(test)]
mod tests;
