//! Requests to the gateway's routes, without a socket, and what they are answered.

mod calls;
mod functions;
mod limits;
mod observed;
mod refusals;
mod tokens;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use cloudcall::{Cloud, Permissions};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use prost::Message;
use serde_json::Value;
use tower_service::Service;

use super::wire::{CommApiData, CommOpenApiResp, KeyValuePair, OPEN_API, OpenApiData};
use super::{Caller, FunctionToken, Gateway, GatewayEvent};
use crate::testing::{self, APP_ID, SECRET};

const GET: &str = "customerServiceMessage.getTempMedia";
const UPLOAD: &str = "customerServiceMessage.uploadTempMedia";
const SEND: &str = "customerServiceMessage.send";

/// A gateway in front of an emulator, and what its observer was told.
struct Bed {
    gateway: Gateway,
    wechat: testing::Bed,
    told: Arc<Mutex<Vec<String>>>,
}

impl Bed {
    fn new() -> Self {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&told);
        let gateway = Gateway::with_observer(move |event| {
            let line = match event {
                GatewayEvent::CallFailed {
                    function,
                    api,
                    error,
                } => format!("{function} {api} {} {:?}", error.err_code(), error.hint()),
                GatewayEvent::Refused {
                    function,
                    action,
                    message,
                } => format!("{function:?} {action} {message}"),
                GatewayEvent::Called { .. } | GatewayEvent::GivenUp { .. } => return,
            };
            kept.lock().expect("no panic").push(line);
        });
        Self {
            gateway,
            wechat: testing::Bed::new(),
            told,
        }
    }

    /// A function that may call these APIs.
    fn function<const N: usize>(&self, name: &str, apis: [&str; N]) -> FunctionToken {
        self.gateway.register(self.caller(name, apis, SECRET))
    }

    fn caller<const N: usize>(&self, name: &str, apis: [&str; N], secret: &str) -> Caller {
        let cloud = Cloud::builder()
            .permissions(Permissions::allow(apis))
            .app_secret(APP_ID, secret)
            .transport(self.wechat.emulator.transport())
            .build()
            .expect("complete");
        Caller::new(name, cloud)
    }

    async fn request(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.gateway.router().call(request).await;
        response
    }

    async fn post(&self, content_type: &str, body: impl Into<Body>) -> Response<Body> {
        let request = Request::post("/admin?env=test-env&seqId=1")
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .expect("a request");
        self.request(request).await
    }

    async fn post_form(&self, parts: &[(&str, &[u8])]) -> Response<Body> {
        self.post("multipart/form-data; boundary=XX", form(parts))
            .await
    }

    async fn post_json(&self, body: Value) -> Response<Body> {
        self.post("application/json", body.to_string()).await
    }

    /// A Cloud Call, and what it gave.
    async fn call(
        &self,
        token: &FunctionToken,
        api: &str,
        pairs: Vec<KeyValuePair>,
    ) -> CommOpenApiResp {
        let reply = self
            .post_form(&call_parts(token.expose(), api, &data(pairs)))
            .await;
        given(reply).await
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().expect("no panic").clone()
    }

    fn journal_count(&self, path: &str) -> usize {
        self.wechat.emulator.journal().count(path)
    }
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn call_parts<'a>(token: &'a str, api: &'a str, data: &'a [u8]) -> [(&'a str, &'a [u8]); 4] {
    [
        ("wxCloudApiToken", token.as_bytes()),
        ("requestData", data),
        ("action", b"wx.openApi"),
        ("apiName", api.as_bytes()),
    ]
}

fn data(pairs: Vec<KeyValuePair>) -> Vec<u8> {
    let data = CommApiData {
        api_type: Some(OPEN_API),
        openapi_data: Some(OpenApiData { pairs }),
    };
    data.encode_to_vec()
}

fn pair(key: &str, value: impl Into<Bytes>) -> KeyValuePair {
    KeyValuePair {
        key: Some(key.to_owned()),
        value: Some(value.into()),
        ..KeyValuePair::default()
    }
}

/// What a Cloud Call gave, after a look at the HTTP around it.
async fn given(reply: Response<Body>) -> CommOpenApiResp {
    assert_eq!(reply.status(), 200);
    assert_ne!(
        reply.headers()[CONTENT_TYPE],
        "application/json; charset=utf-8"
    );
    CommOpenApiResp::decode(testing::bytes(reply).await).expect("protobuf")
}

/// The JSON of a refusal or of another function's result, after a look at the HTTP around it.
async fn tcb(reply: Response<Body>) -> Value {
    assert_eq!(reply.status(), 200);
    assert_eq!(
        reply.headers()[CONTENT_TYPE],
        "application/json; charset=utf-8"
    );
    let json = testing::json(reply).await;
    assert_eq!(json["requestId"].as_str().map(str::len), Some(36), "{json}");
    json
}

/// Code and message of a refusal.
async fn refusal(reply: Response<Body>) -> (String, String) {
    let json = tcb(reply).await;
    (
        testing::text(&json["code"]),
        testing::text(&json["message"]),
    )
}
