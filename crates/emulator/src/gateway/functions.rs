//! The action `functions.invokeFunction`: a function calls another with `cloud.callFunction`.

use async_trait::async_trait;
use axum::response::Response;
use bytes::Bytes;
use serde::de::IgnoredAny;

use super::Gateway;
use super::callers::Caller;
use super::reply::{self, Refusal};
use crate::journal::clipped;

/// A call from one function to another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FunctionCall {
    /// The function that calls.
    pub caller: String,
    /// The [id](Caller::id) of the caller, if it has one.
    pub caller_id: Option<u64>,
    /// The function that is called. Nothing says that it exists; but it is the name of a file, and
    /// no path.
    pub function: String,
    /// The event for it, as JSON text; `{}` when the caller gave no data.
    pub event: Bytes,
    /// The request id of the call, a UUID, which the caller is told too.
    pub request_id: String,
}

/// Runs the functions that others call.
#[async_trait]
pub trait FunctionInvoker: Send + Sync + 'static {
    /// Runs the function to its end and gives its result as JSON text.
    ///
    /// It is dropped midway when the caller goes away: the SDK waits 15 seconds by default.
    ///
    /// # Errors
    ///
    /// The caller gets to see the error's message.
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError>;
}

/// Why a function that was called gave no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// There is no such function: `FUNCTION_NOT_FOUND`, which the SDK numbers -501001.
    #[error("there is no such function")]
    NotFound,
    /// The function threw, or its process ended: `FUNCTIONS_EXECUTE_FAIL`, -504002.
    #[error("{0}")]
    Failed(String),
    /// The function took too long: `FUNCTIONS_TIME_LIMIT_EXCEEDED`, which the SDK numbers
    /// -501001.
    #[error("{0}")]
    TimedOut(String),
}

/// The longest name, in bytes: that of a file. WeChat's own names have 60 at most.
const LONGEST_NAME: usize = 255;

/// Whether a name could be that of a folder with a function. Who runs functions should not rely on
/// it, but one that does make a path of the name stays below its folder.
fn is_file_name(name: &str) -> bool {
    let is_of_a_path = |char: char| matches!(char, '/' | '\\' | ':') || char.is_control();
    name.len() <= LONGEST_NAME && !matches!(name, "." | "..") && !name.contains(is_of_a_path)
}

/// Has the function run, and answers with its result.
pub(super) async fn invoke(
    gateway: &Gateway,
    caller: &Caller,
    function: String,
    event: String,
    request_id: &str,
) -> Result<Response, Refusal> {
    if function.is_empty() {
        return Err(Refusal::invalid("missing function_name"));
    }
    if !is_file_name(&function) {
        return Err(Refusal::no_function(clipped(&function)));
    }
    let event = if event.is_empty() {
        Bytes::from_static(b"{}")
    } else if serde_json::from_str::<IgnoredAny>(&event).is_ok() {
        event.into()
    } else {
        return Err(Refusal::invalid("request_data is not JSON"));
    };
    let invoker = gateway.invoker().ok_or_else(Refusal::no_invoker)?;
    let call = FunctionCall {
        caller: caller.name.clone(),
        caller_id: caller.id,
        function: function.clone(),
        event,
        request_id: request_id.to_owned(),
    };
    match invoker.invoke(call).await {
        Ok(result) => Ok(reply::function_result(&result, request_id)),
        Err(InvokeError::NotFound) => Err(Refusal::no_function(&function)),
        Err(InvokeError::Failed(message)) => Err(Refusal::function_failed(message)),
        Err(InvokeError::TimedOut(message)) => Err(Refusal::function_timed_out(message)),
    }
}
