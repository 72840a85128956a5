//! Every refusal of the gateway: what it answers, and what its observer is told.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cloudcall::async_trait::async_trait;
use cloudcall::transport::{HttpsTransport, Transport as _};
use cloudcall_emulator::{Caller, Emulator, FunctionCall, FunctionInvoker, Gateway, InvokeError};
use serde_json::json;
use tokio::net::TcpListener;

use super::canaries::{Canary, TOKEN, assert_clean};
use super::capture::Captured;
use super::sdk::permitted;

/// Runs no function, and says whom it was asked by.
struct Failing;

#[async_trait]
impl FunctionInvoker for Failing {
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
        Err(match &*call.function {
            "slow" => InvokeError::TimedOut(format!("{call:?}")),
            _ => InvokeError::Failed(format!("{call:#?}")),
        })
    }
}

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=XX";

/// Each kind of request that is refused, sent by who has this token.
fn requests(token: &str) -> Vec<(&'static str, &'static str, String)> {
    let json = |action: &str, function: &str| {
        let body = json!({
            "action": action,
            "function_name": function,
            "wxCloudApiToken": token,
        });
        body.to_string()
    };
    let part = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let open_api = part("action", "wx.openApi") + &part("wxCloudApiToken", token);
    let end = "--XX--\r\n";
    let call = |api: &str, data: &str| {
        open_api.clone() + &part("apiName", api) + &part("requestData", data) + end
    };
    let get = "customerServiceMessage.getTempMedia";
    let send = "customerServiceMessage.send";
    vec![
        (
            "a call with the token",
            FORM,
            call(send, &parameter("touser", token)),
        ),
        (
            "a function that fails",
            JSON,
            json("functions.invokeFunction", "f"),
        ),
        (
            "a slow function",
            JSON,
            json("functions.invokeFunction", "slow"),
        ),
        (
            "a path as function",
            JSON,
            json("functions.invokeFunction", "../f"),
        ),
        ("no function", JSON, json("functions.invokeFunction", "")),
        ("a database", JSON, json("database.queryDocument", "f")),
        ("no action", JSON, json("", "f")),
        ("a call in JSON", JSON, json("wx.openApi", "f")),
        (
            "half of the JSON",
            JSON,
            json("wx.openApi", "f")[..60].to_owned() + token,
        ),
        ("another type", "text/plain", token.to_owned()),
        ("no data", FORM, open_api.clone() + end),
        ("no protobuf", FORM, call(get, "\u{7f}\u{7f}")),
        ("no API", FORM, call("a.b", "")),
        ("two tokens", FORM, open_api.clone() + &open_api + end),
        (
            "half of a form",
            FORM,
            open_api.clone() + &part("apiName", token)[..40],
        ),
        (
            "a long token",
            FORM,
            part("wxCloudApiToken", &token.repeat(4000)) + end,
        ),
    ]
}

/// A text as the one parameter of a call, in protobuf.
fn parameter(name: &str, value: &str) -> String {
    let field = |tag: char, content: String| {
        assert!(content.len() < 128, "a length of one byte");
        let length = char::from(u8::try_from(content.len()).expect("short"));
        format!("{tag}{length}{content}")
    };
    let (name, value) = (name.to_owned(), format!("\"{value}\""));
    let pair = field('\u{a}', name) + &field('\u{12}', value);
    field('\u{12}', field('\u{a}', pair))
}

#[tokio::test]
async fn no_refusal_of_the_gateway_shows_a_token() {
    let captured = Captured::start();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let gateway = Gateway::with_observer(move |event| {
        let line = format!("{event:?} {event:#?}");
        kept.lock().expect("no panic").push(line);
    });
    gateway.set_invoker(Failing);
    let emulator = Emulator::builder().build().expect("an emulator");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let router = emulator.router().merge(gateway.router());
    let server = emulator.start_with(listener, router).expect("started");
    let cloud = permitted()
        .app_secret(emulator.app_id(), emulator.app_secret())
        .transport(emulator.transport())
        .build()
        .expect("complete");
    let known = gateway.register(Caller::new("f", cloud));
    let canaries = [
        Canary::new("the function token", known.expose()),
        Canary::new("an unknown token", TOKEN),
        Canary::new("the emulator's secret", emulator.app_secret()),
    ];
    let client = HttpsTransport::new();
    for (whose, token) in [("known", known.expose()), ("unknown", TOKEN)] {
        for (name, content_type, body) in requests(token) {
            let request = http::Request::post(format!("{}/admin", server.url()))
                .header("Content-Type", content_type)
                .body(Bytes::from(body))
                .expect("a request");
            let answer = client.send(request).await.expect("an answer");
            let answer = answer.into_body().bytes().await.expect("all of it");
            let path = format!("{name}, token {whose}");
            assert_clean(&canaries, &path, &answer);
            let told = std::mem::take(&mut *told.lock().expect("no panic"));
            assert!(!told.is_empty(), "{path}: it was not refused");
            assert_clean(&canaries, &format!("the observer of {path}"), told.concat());
            assert_clean(&canaries, &format!("the log of {path}"), captured.take());
        }
    }
    let journal = emulator.journal().entries();
    assert_clean(&canaries, "the journal", format!("{journal:#?}"));
    server.close().await;
}
