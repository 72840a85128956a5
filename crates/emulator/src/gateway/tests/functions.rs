//! `callFunction`: what the invoker is asked, and what the caller is told.

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::gateway::{FunctionCall, FunctionInvoker, InvokeError};

/// Answers by the name of the function; an `echo` gives the call itself.
struct Invoker;

#[async_trait]
impl FunctionInvoker for Invoker {
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
        match &*call.function {
            "echo" => {
                let event = String::from_utf8(call.event.to_vec()).expect("text");
                Ok(json!([call.caller, call.caller_id, event, call.request_id])
                    .to_string()
                    .into())
            }
            "raw" => Ok(Bytes::from_static(b"not JSON \xff")),
            "throws" => Err(InvokeError::Failed("Error: boom".into())),
            "sleeps" => Err(InvokeError::TimedOut("too slow".into())),
            _ => Err(InvokeError::NotFound),
        }
    }
}

fn call(token: &FunctionToken, function: &str, event: &str) -> Value {
    json!({
        "action": "functions.invokeFunction",
        "function_name": function,
        "request_data": event,
        "envName": "test-env",
        "wxCloudApiToken": token.expose(),
        "timestamp": 1_795_567_189_613_u64,
        "tcb_sessionToken": "",
    })
}

#[tokio::test]
async fn the_result_is_json_text_in_the_reply() {
    let bed = Bed::new();
    bed.gateway.set_invoker(Invoker);
    let caller = bed.caller("caller", [], SECRET).id(7);
    let token = bed.gateway.register(caller);
    for (event, expected) in [
        (r#"{"a":1,"s":"中"}"#, r#"{"a":1,"s":"中"}"#),
        ("", "{}"),
        ("7", "7"),
    ] {
        let reply = tcb(bed.post_json(call(&token, "echo", event)).await).await;
        let result = testing::text(&reply["data"]["response_data"]);
        assert_eq!(
            serde_json::from_str::<Value>(&result).expect("JSON"),
            json!(["caller", 7, expected, reply["requestId"]])
        );
        assert_eq!(reply.get("code"), None);
    }
    let reply = tcb(bed.post_json(call(&token, "raw", "")).await).await;
    assert_eq!(reply["data"]["response_data"], "not JSON \u{fffd}");
    assert_eq!(bed.told(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_fails_has_tcbs_code_and_the_reason() {
    let bed = Bed::new();
    let token = bed.function("caller", []);
    let refused = async |function: &str, event: &str| {
        refusal(bed.post_json(call(&token, function, event)).await).await
    };
    let (code, message) = refused("echo", "").await;
    assert_eq!(code, "FUNCTIONS_REQUEST_FAIL");
    assert!(message.contains("cloudcall exec"), "{message}");

    bed.gateway.set_invoker(Invoker);
    for (function, event, code, message) in [
        (
            "none",
            "",
            "FUNCTION_NOT_FOUND",
            "there is no function \"none\"",
        ),
        ("throws", "", "FUNCTIONS_EXECUTE_FAIL", "Error: boom"),
        ("sleeps", "", "FUNCTIONS_TIME_LIMIT_EXCEEDED", "too slow"),
        ("", "", "INVALID_PARAM", "missing function_name"),
        ("echo", "{", "INVALID_PARAM", "request_data is not JSON"),
    ] {
        assert_eq!(
            refused(function, event).await,
            (code.to_owned(), message.to_owned())
        );
    }
    assert_eq!(bed.told().len(), 6);
    assert_eq!(
        bed.told()[2],
        "Some(\"caller\") functions.invokeFunction Error: boom"
    );
}

#[tokio::test]
async fn only_functions_can_call() {
    let bed = Bed::new();
    bed.gateway.set_invoker(Invoker);
    let mut request = call(&bed.function("caller", []), "echo", "");
    let (_, message) = refusal(bed.post_json(request.clone()).await).await;
    assert_eq!(message, "Invalid wxCloudApiToken");
    request["wxCloudApiToken"] = Value::Null;
    let (_, message) = refusal(bed.post_json(request).await).await;
    assert_eq!(message, "missing wxCloudApiToken");
}

#[tokio::test]
async fn a_form_does_as_well_as_json() {
    let bed = Bed::new();
    bed.gateway.set_invoker(Invoker);
    let token = bed.function("caller", []);
    let reply = bed
        .post_form(&[
            ("action", b"functions.invokeFunction"),
            ("function_name", b"echo"),
            ("request_data", br#"{"a":1}"#),
            ("wxCloudApiToken", token.expose().as_bytes()),
        ])
        .await;
    let result = testing::text(&tcb(reply).await["data"]["response_data"]);
    assert!(
        result.starts_with(r#"["caller",null,"{\"a\":1}","#),
        "{result}"
    );
}

#[tokio::test]
async fn a_name_that_is_no_file_name_does_not_reach_the_invoker() {
    /// Tells the names that it is asked for.
    struct Telling(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl FunctionInvoker for Telling {
        async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
            self.0.lock().expect("no panic").push(call.function);
            Err(InvokeError::NotFound)
        }
    }

    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let bed = Bed::new();
    bed.gateway.set_invoker(Telling(Arc::clone(&asked)));
    let token = bed.function("caller", []);
    let long = "x".repeat(256);
    let huge = "x".repeat(1 << 20);
    for name in [
        ".", "..", "../x", "a/b", "/etc", "a\\b", "..\\x", "C:x", "x::$DATA", "x\0", "x\n", &long,
        &huge,
    ] {
        let (code, message) = refusal(bed.post_json(call(&token, name, "")).await).await;
        assert_eq!(code, "FUNCTION_NOT_FOUND", "{name}");
        assert!(message.len() < 600, "{}", message.len());
    }
    assert_eq!(*asked.lock().expect("no panic"), [""; 0]);
    // These name files, so whether they are functions is the invoker's to say.
    let names = [
        "a",
        "a.b",
        "%2e%2e",
        "..%2fx",
        "CON",
        "name.",
        "函数",
        &long[1..],
    ];
    for name in names {
        let (code, _) = refusal(bed.post_json(call(&token, name, "")).await).await;
        assert_eq!(code, "FUNCTION_NOT_FOUND", "{name}");
    }
    assert_eq!(*asked.lock().expect("no panic"), names);
}
