//! What the fuzz targets of `fuzz/` call: requests to the gateway, and what must hold of each
//! answer. Everything random is seeded, and every input gets an emulator of its own.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use futures_util::stream;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service as _;

use super::wire::{CommApiData, CommOpenApiResp};
use super::{Caller, FunctionCall, FunctionInvoker, FunctionToken, Gateway, Inner, InvokeError};
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::ids::Ids;

const GET: &str = "customerServiceMessage.getTempMedia";
const UPLOAD: &str = "customerServiceMessage.uploadTempMedia";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";
const TOKEN: &str = "FUNCTION-TOKEN";
const SECRET: &str = "APP-SECRET-CANARY";

/// The end of an API's name, a newline, and the protobuf of its parameters, in a form that is as
/// it should be.
pub fn gateway_protobuf(data: &[u8]) {
    let (api, data) = first_line(data);
    let api = match api {
        b"getTempMedia" => GET,
        b"uploadTempMedia" => UPLOAD,
        b"send" => "customerServiceMessage.send",
        _ => "no.such",
    };
    let boundary = "cloudcall-fuzz-boundary";
    let mut body = Vec::new();
    for (name, value) in [
        ("wxCloudApiToken", TOKEN.as_bytes()),
        ("action", b"wx.openApi"),
        ("apiName", api.as_bytes()),
        ("requestData", data),
    ] {
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let ends_part = data
        .windows(boundary.len())
        .any(|window| window == boundary.as_bytes());

    let (bed, answer) = Bed::asked(&content_type, body.into());
    if ends_part {
        return;
    }
    match CommApiData::decode(data) {
        Err(_) => assert!(matches!(answer, Answer::Refused(_)), "{answer:?}"),
        Ok(message) => bed.called(api, message, answer),
    }
}

/// The content type, a newline and the body of a `POST /admin`.
pub fn gateway_body(data: &[u8]) {
    let (content_type, body) = first_line(data);
    let Ok(content_type) = str::from_utf8(content_type) else {
        return;
    };
    if http::HeaderValue::from_str(content_type).is_ok() {
        Bed::asked(content_type, Bytes::copy_from_slice(body));
    }
}

/// The first line, without its end, and what follows it.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    (line, parts.next().unwrap_or_default())
}

/// A gateway in front of an emulator, and a function that may call two APIs.
struct Bed {
    gateway: Gateway,
    emulator: Emulator,
    cloud: Cloud,
    access_token: String,
    _token: FunctionToken,
}

/// What the gateway gave.
#[derive(Debug, PartialEq)]
enum Answer {
    Refused(Value),
    Function(Value),
    Called(CommOpenApiResp),
}

/// A function that gives back its event.
struct Echo;

#[async_trait]
impl FunctionInvoker for Echo {
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
        match &*call.function {
            "echo" => Ok(call.event),
            "slow" => Err(InvokeError::TimedOut(call.function)),
            "fail" => Err(InvokeError::Failed(call.caller)),
            _ => Err(InvokeError::NotFound),
        }
    }
}

impl Bed {
    async fn new() -> Self {
        let emulator = Emulator::builder()
            .app("wx1", SECRET)
            .media("sample", PNG)
            .seed(1)
            .clock(Clock::manual(SystemTime::UNIX_EPOCH))
            .build()
            .expect("there is no media folder to be missing");
        let path = format!("/cgi-bin/token?grant_type=client_credential&appid=wx1&secret={SECRET}");
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let Ok(reply) = emulator.router().call(request).await;
        let reply: Value = serde_json::from_slice(&bytes(reply).await).expect("JSON");
        let access_token = reply["access_token"].as_str().expect("a token").to_owned();

        let cloud = Cloud::builder()
            .permissions(Permissions::allow([GET, UPLOAD]))
            .access_token(&*access_token)
            .transport(emulator.transport())
            .build()
            .expect("complete");
        let gateway = Gateway(Arc::new(Inner {
            callers: Arc::default(),
            ids: Ids::new(Some(1)),
            invoker: Default::default(),
            observer: None,
        }));
        gateway.set_invoker(Echo);
        let caller = Caller::new("fuzzed", cloud.clone());
        let token = gateway.0.callers.register(TOKEN.to_owned(), caller);
        Self {
            gateway,
            emulator,
            cloud,
            access_token,
            _token: token,
        }
    }

    /// The answer, which is the same in however many pieces the body arrives.
    fn asked(content_type: &str, body: Bytes) -> (Self, Answer) {
        let (bed, answer) = Self::asked_in_pieces(content_type, &body, body.len().max(1));
        let size = if body.len() < 512 {
            1
        } else {
            1 + body.len() % 61
        };
        let (_, same) = Self::asked_in_pieces(content_type, &body, size);
        assert_eq!(answer, same, "in pieces of {size}");
        (bed, answer)
    }

    fn asked_in_pieces(content_type: &str, body: &Bytes, size: usize) -> (Self, Answer) {
        block_on(async {
            let bed = Self::new().await;
            let answer = bed.ask(content_type, body, size).await;
            bed.no_secret(&answer, body);
            bed.nothing_unpermitted(body);
            (bed, answer)
        })
    }

    async fn ask(&self, content_type: &str, body: &Bytes, size: usize) -> Answer {
        let pieces: Vec<_> = (0..body.len())
            .step_by(size)
            .map(|at| Ok::<_, std::io::Error>(body.slice(at..body.len().min(at + size))))
            .collect();
        let request = Request::post("/admin?env=test-env&seqId=1")
            .header(CONTENT_TYPE, content_type)
            .body(Body::from_stream(stream::iter(pieces)))
            .expect("a header value");
        let Ok(reply) = self.gateway.router().call(request).await;
        assert_eq!(reply.status(), 200);
        // The SDK takes an answer for JSON by exactly this label.
        let is_json = reply.headers()[CONTENT_TYPE] == "application/json; charset=utf-8";
        let reply = bytes(reply).await;
        if !is_json {
            let called = CommOpenApiResp::decode(reply).expect("protobuf");
            let is_error = called.error_code.is_some();
            assert_ne!(called.error_code, Some(0));
            assert_eq!(called.resp_data.is_none(), is_error);
            assert_eq!(called.content_type.is_none(), is_error);
            return Answer::Called(called);
        }
        let json: Value = serde_json::from_slice(&reply).expect("JSON");
        assert_eq!(json["requestId"].as_str().map(str::len), Some(36));
        if let Some(data) = json.get("data") {
            assert!(data["response_data"].is_string());
            return Answer::Function(json);
        }
        assert!(json["code"].as_str().is_some_and(|code| !code.is_empty()));
        assert!(
            json["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        Answer::Refused(json)
    }

    /// Of ours, that is: what the function itself sent, it may see again.
    fn no_secret(&self, answer: &Answer, body: &[u8]) {
        let answer = format!("{answer:?}");
        for secret in [SECRET, &self.access_token] {
            let sent = body
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(sent || !answer.contains(secret), "{answer}");
        }
    }

    /// WeChat is asked for what the function may call, and for nothing without its token.
    fn nothing_unpermitted(&self, body: &[u8]) {
        let known = body
            .windows(TOKEN.len())
            .any(|window| window == TOKEN.as_bytes());
        for entry in &self.emulator.journal().entries()[1..] {
            assert!(known, "no token, but {entry:?}");
            let permitted = ["/cgi-bin/media/get", "/cgi-bin/media/upload"];
            assert!(permitted.contains(&&*entry.path), "{entry:?}");
        }
    }

    /// The call was one that the function may make, and gave what it should.
    fn called(&self, api: &str, message: CommApiData, answer: Answer) {
        let Answer::Called(called) = answer else {
            return;
        };
        match called.error_code {
            Some(-604_100 | -604_101) => assert!(![GET, UPLOAD].contains(&api), "{api}"),
            // A file of a wrong type is refused before the permission is looked at.
            Some(-601_002) => {}
            _ => assert!([GET, UPLOAD].contains(&api), "{api} {called:?}"),
        }
        let content_type = called.content_type.unwrap_or_default();
        let data = called.resp_data.unwrap_or_default();
        if content_type.starts_with("image/") {
            assert_eq!((api, &data[..]), (GET, PNG));
        }
        let json: Value = serde_json::from_slice(&data).unwrap_or_default();
        let Some(media_id) = json["media_id"].as_str() else {
            return;
        };
        assert_eq!(api, UPLOAD);
        let fetched = block_on(get_temp_media(&self.cloud, GetTempMedia::new(media_id)));
        let fetched = fetched.expect("what was uploaded").buffer;
        let pairs = message.openapi_data.unwrap_or_default().pairs;
        let sent = pairs
            .iter()
            .any(|pair| pair.value.as_deref() == Some(&fetched));
        assert!(sent, "other bytes were stored");
    }
}

async fn bytes(reply: http::Response<Body>) -> Bytes {
    let body = reply.into_body().collect().await;
    body.expect("a body in memory").to_bytes()
}

fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// As in the SDK: each seed breaks no rule. A published package has no seeds.
    fn replayed(target: &str, run: fn(&[u8])) {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        if !fuzz.join("Cargo.toml").exists() {
            return;
        }
        let folder = fuzz.join("seeds").join(target);
        let mut seeds: Vec<_> = folder
            .read_dir()
            .expect("each target has seeds")
            .map(|entry| entry.expect("a readable folder").path())
            .collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            println!("{}", seed.display());
            run(&std::fs::read(seed).expect("a file"));
        }
    }

    #[test]
    fn seeds_of_gateway_body() {
        replayed("gateway_body", gateway_body);
    }

    #[test]
    fn seeds_of_gateway_protobuf() {
        replayed("gateway_protobuf", gateway_protobuf);
    }
}
