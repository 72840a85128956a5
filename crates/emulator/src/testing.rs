//! What the unit tests share: an emulator with a clock that stands still, and short requests.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

use crate::{Clock, Emulator, EmulatorBuilder};

pub(crate) const APP_ID: &str = "wx1111111111111111";
pub(crate) const SECRET: &str = "app-secret";

/// A JPEG, by its first bytes.
pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0 picture";

/// Noon of 2023-11-15 in China.
pub(crate) const NOON: u64 = 1_700_020_800;

pub(crate) struct Bed {
    pub(crate) emulator: Emulator,
    pub(crate) clock: Clock,
}

impl Bed {
    /// An emulator with one app and the media `sample`.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(setup: impl FnOnce(EmulatorBuilder) -> EmulatorBuilder) -> Self {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(NOON));
        let builder = Emulator::builder()
            .app(APP_ID, SECRET)
            .clock(clock.clone())
            .media("sample", JPEG);
        let emulator = setup(builder).build().expect("built");
        Self { emulator, clock }
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.emulator.router().call(request).await;
        response
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Response<Body> {
        let request = Request::builder().method(method).uri(path);
        self.request(request.body(body.into()).expect("a request"))
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.send(Method::GET, path, "").await
    }

    /// The answer of `/cgi-bin/token`.
    pub(crate) async fn renew(&self) -> Value {
        let path =
            format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret={SECRET}");
        json(self.get(&path).await).await
    }

    /// A token of `/cgi-bin/token`.
    pub(crate) async fn token(&self) -> String {
        text(&self.renew().await["access_token"])
    }

    /// The error code of fetching the media `sample` with this token, 0 when it succeeded.
    pub(crate) async fn try_token(&self, token: &str) -> i64 {
        let path = format!("/cgi-bin/media/get?access_token={token}&media_id=sample");
        let reply = self.get(&path).await;
        if reply.headers()["content-type"] == "image/jpeg" {
            0
        } else {
            errcode(reply).await
        }
    }
}

pub(crate) async fn bytes(response: Response<Body>) -> Bytes {
    let body = response.into_body().collect().await.expect("the body");
    body.to_bytes()
}

pub(crate) async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&bytes(response).await).expect("JSON")
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// The error code of a WeChat error, whose form is checked on the way.
pub(crate) async fn errcode(response: Response<Body>) -> i64 {
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "application/json; encoding=utf-8"
    );
    let body = json(response).await;
    let message = text(&body["errmsg"]);
    let (_, marks) = message.split_once(" hint: [").expect("a hint");
    let (hint, rid) = marks.split_once("] rid: ").expect("a rid");
    assert!(
        hint.len() == 6 && hint.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{message}"
    );
    let parts: Vec<_> = rid.split('-').collect();
    let hex = |part: &&str| part.len() == 8 && u32::from_str_radix(part, 16).is_ok();
    assert!(parts.len() == 3 && parts.iter().all(hex), "{message}");
    body["errcode"].as_i64().expect("a number")
}
