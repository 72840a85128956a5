//! What the gateway answers: protobuf, or JSON, which the SDK takes for an error of TCB's.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use prost::Message;
use serde_json::{Value, json};

use super::wire::CommOpenApiResp;

// The codes are those of the CloudBase error code pages. `wx-server-sdk` turns the ones it knows
// into numbers, any other into -501001.

/// -501007.
const INVALID_PARAM: &str = "INVALID_PARAM";
/// -502001.
const DATABASE_REQUEST_FAILED: &str = "DATABASE_REQUEST_FAILED";
/// -503001.
const STORAGE_REQUEST_FAIL: &str = "STORAGE_REQUEST_FAIL";
/// -504001.
const FUNCTIONS_REQUEST_FAIL: &str = "FUNCTIONS_REQUEST_FAIL";
/// -504002.
const FUNCTIONS_EXECUTE_FAIL: &str = "FUNCTIONS_EXECUTE_FAIL";
const FUNCTIONS_TIME_LIMIT_EXCEEDED: &str = "FUNCTIONS_TIME_LIMIT_EXCEEDED";
const FUNCTION_NOT_FOUND: &str = "FUNCTION_NOT_FOUND";

/// A request that is not answered, as TCB words it: a code, and a message that the SDK shows.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// The request is not as it should be.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAM, message)
    }

    /// What the action asks for is not emulated.
    pub(super) fn not_emulated(action: &str) -> Self {
        let code = match action.split('.').next() {
            Some("database") => DATABASE_REQUEST_FAILED,
            Some("storage") => STORAGE_REQUEST_FAIL,
            _ => INVALID_PARAM,
        };
        Self::new(
            code,
            format!(
                "cloudcall does not emulate {action}, only Cloud Calls and callFunction: \
                 replace this call by a stub in tests, or run the function in the cloud"
            ),
        )
    }

    /// There is nobody to run functions.
    pub(super) fn no_invoker() -> Self {
        let message = "cloud.callFunction needs the functions to be run by cloudcall: \
                       start them with `cloudcall invoke` or `cloudcall exec`";
        Self::new(FUNCTIONS_REQUEST_FAIL, message)
    }

    /// The function that was to be called does not exist.
    pub(super) fn no_function(name: &str) -> Self {
        Self::new(FUNCTION_NOT_FOUND, format!("there is no function {name:?}"))
    }

    /// The function that was called failed.
    pub(super) fn function_failed(message: String) -> Self {
        Self::new(FUNCTIONS_EXECUTE_FAIL, message)
    }

    /// The function that was called took too long.
    pub(super) fn function_timed_out(message: String) -> Self {
        Self::new(FUNCTIONS_TIME_LIMIT_EXCEEDED, message)
    }

    /// HTTP 200, because the SDK shows the message of no other.
    pub(super) fn into_response(self, request_id: &str) -> Response {
        json_response(&json!({
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
        }))
    }
}

/// What the function that was called gave.
pub(super) fn function_result(result: &[u8], request_id: &str) -> Response {
    json_response(&json!({
        "requestId": request_id,
        "data": { "response_data": String::from_utf8_lossy(result) },
    }))
}

/// JSON, labelled in the one way that the SDK recognises.
fn json_response(json: &Value) -> Response {
    response("application/json; charset=utf-8", json.to_string().into())
}

/// What a Cloud Call gave, labelled as anything but that.
pub(super) fn call_response(reply: &CommOpenApiResp) -> Response {
    response("application/octet-stream", reply.encode_to_vec().into())
}

fn response(content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
