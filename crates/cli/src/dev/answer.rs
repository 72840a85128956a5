//! What comes of an invocation, as data and over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use crate::error_object;
use crate::runner::{Caller, LARGEST, Outcome, Source, WorkerError, WorkerId};

/// An invocation that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) request_id: String,
    /// JSON text.
    pub(crate) event: Bytes,
    pub(crate) caller: Caller,
    pub(crate) source: Source,
}

/// What came of an invocation, and where.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) end: End,
    pub(crate) worker: WorkerId,
    /// Which version of the function it was, from 1 on.
    pub(crate) version: u64,
    /// How long it waited for its worker.
    pub(crate) queued: Duration,
    /// How long it took then.
    pub(crate) duration: Duration,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The result, as the function sent it.
    Result(Bytes),
    /// The function's error object.
    Error(Bytes),
    /// The time limit passed.
    TimedOut(String),
    /// It ended without either: the process died, say.
    Died(String),
}

impl End {
    /// Of what a worker made of an event.
    pub(super) fn of(outcome: Result<Outcome, WorkerError>) -> Self {
        match outcome {
            Ok(Outcome::Response(result)) => checked(result),
            Ok(Outcome::Error(error)) => Self::Error(error),
            Ok(Outcome::TooLarge) => Self::Died(format!(
                "the function's result is larger than {} MiB",
                LARGEST >> 20
            )),
            Err(error @ WorkerError::TimedOut(_)) => Self::TimedOut(error.to_string()),
            Err(error) => Self::Died(format!("{error}{}", error.last_lines())),
        }
    }

    /// The status that says it over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Result(_) => StatusCode::OK,
            Self::Error(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Died(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// The result, or the error in the platform's form.
    pub(crate) fn body(self) -> Bytes {
        match self {
            Self::Result(body) | Self::Error(body) => body,
            Self::TimedOut(message) | Self::Died(message) => error_object(&message),
        }
    }

    /// The error's message, of one.
    pub(crate) fn error_message(&self) -> Option<String> {
        match self {
            Self::Result(_) => None,
            Self::Error(body) => Some(message_in(body)),
            Self::TimedOut(message) | Self::Died(message) => Some(message.clone()),
        }
    }
}

/// Only our own SDKs are sure to send JSON.
fn checked(result: Bytes) -> End {
    match crate::json::check(&result) {
        Ok(()) => End::Result(result),
        Err(_) if result.is_empty() => {
            End::Died("the function's response is empty, which is not JSON".into())
        }
        Err(why) => {
            let start = crate::json::beginning(&result, 100);
            End::Died(format!(
                "the function's response is not JSON ({why}); it starts with: {start}"
            ))
        }
    }
}

/// What an error object says, or else all of it.
fn message_in(body: &[u8]) -> String {
    let error = serde_json::from_slice(body).ok();
    let message = error.as_ref().and_then(error_object::brief);
    message.unwrap_or_else(|| crate::json::beginning(body, 200))
}

/// Why an invocation did not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Why,
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no such function.
    Unknown,
    /// Too many wait.
    QueueFull,
    /// The function cannot be run as it is: it does not build or start, say.
    Broken,
    /// The tool is about to end, or the function is gone.
    Closed,
}

impl Refusal {
    pub(crate) fn new(why: Why, message: impl Into<String>) -> Self {
        Self {
            why,
            message: message.into(),
            hint: None,
        }
    }

    /// What to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The status that says it over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        match self.why {
            Why::Unknown => StatusCode::NOT_FOUND,
            Why::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Why::Broken => StatusCode::BAD_GATEWAY,
            Why::Closed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Everything that there is to say, in one text.
    pub(crate) fn text(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; hint: {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// An error object in the platform's form.
    pub(crate) fn body(&self) -> Bytes {
        error_object(&self.text())
    }
}

/// An error of the platform's own: -1, and not 1, which is the function's.
pub(super) fn error_object(message: &str) -> Bytes {
    json!({"errorCode": -1, "errorMessage": message})
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(outcome: Result<Outcome, WorkerError>) -> (u16, String) {
        let end = End::of(outcome);
        let status = end.status().as_u16();
        (status, String::from_utf8(end.body().into()).expect("UTF-8"))
    }

    #[test]
    fn each_end_has_a_status_and_a_body() {
        for (outcome, status, body) in [
            (Ok(Outcome::Response("[1]".into())), 200, "[1]"),
            (
                Ok(Outcome::Error(r#"{"errorCode":1}"#.into())),
                500,
                r#"{"errorCode":1}"#,
            ),
            (
                Err(WorkerError::TimedOut(Duration::from_secs(3))),
                504,
                r#"{"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds"}"#,
            ),
            (
                Ok(Outcome::TooLarge),
                502,
                r#"{"errorCode":-1,"errorMessage":"the function's result is larger than 64 MiB"}"#,
            ),
        ] {
            assert_eq!(end(outcome), (status, body.to_owned()));
        }
        let (status, body) = end(Ok(Outcome::Response("oops".into())));
        assert_eq!(status, 502);
        assert!(body.contains("not JSON") && body.contains("oops"), "{body}");
    }

    #[test]
    fn an_error_tells_its_message() {
        let message = |body: &'static str| End::Error(body.into()).error_message();
        assert_eq!(message(r#"{"errorMessage":"m"}"#), Some("m".into()));
        assert_eq!(message("plain"), Some("plain".into()));
    }
}
