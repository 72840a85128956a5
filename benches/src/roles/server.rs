//! Servers: the emulator with its gateway, bare axum handlers, and a gateway's canned reply.

use std::io::Read as _;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use bytes::{BufMut as _, Bytes, BytesMut};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::{Caller, Emulator, Gateway};
use serde_json::json;
use tokio::net::TcpListener;

use super::{API, APP_ID, APP_SECRET, media};
use crate::Failure;

/// Serves until stdin ends. The first line on stdout is `{"url","token"}`: where, and what a
/// function is known by.
pub(crate) fn serve(kind: &str, size: usize, count: usize) -> Result<(), Failure> {
    std::thread::spawn(|| {
        // Whoever has started this is gone, or wants no more of it.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    // One thread, as there is one core.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        match kind {
            "emulator" => emulator(listener, &url, size, count).await,
            "axum" => {
                tell(&url, "");
                Ok(axum::serve(listener, bare(size)).await?)
            }
            "echo" => {
                tell(&url, "");
                let router = Router::new().route("/", post(sum));
                Ok(axum::serve(listener, router).await?)
            }
            "canned" => {
                tell(&url, "canned");
                Ok(axum::serve(listener, canned(size)).await?)
            }
            _ => Err(format!("no such server: {kind}").into()),
        }
    })
}

fn tell(url: &str, token: &str) {
    println!(r#"{{"url":"{url}","token":"{token}"}}"#);
}

/// Media `m0` and so on, each of `size` bytes.
async fn emulator(
    listener: TcpListener,
    url: &str,
    size: usize,
    count: usize,
) -> Result<(), Failure> {
    let mut emulator = Emulator::builder().app(APP_ID, APP_SECRET);
    for number in 0..count {
        emulator = emulator.media(format!("m{number}"), media(size));
    }
    let emulator = emulator.build()?;
    let gateway = Gateway::new();
    // As the tool sets it up.
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([API]))
        .app_secret(APP_ID, APP_SECRET)
        .transport(emulator.transport())
        .build()?;
    let token = gateway.register(Caller::new("bench", cloud));
    let router = emulator.router().merge(gateway.router());
    let _server = emulator.start_with(listener, router)?;
    tell(url, token.expose());
    std::future::pending().await
}

/// The least that serves these bytes.
fn bare(size: usize) -> Router {
    let bytes = Bytes::from(media(size));
    let answer = move || {
        let bytes = bytes.clone();
        async move { ([(CONTENT_TYPE, "image/png")], bytes) }
    };
    Router::new().route("/cgi-bin/media/get", get(answer))
}

/// What the functions of the bench do, without anything around it.
async fn sum(event: Bytes) -> Result<String, StatusCode> {
    let event: serde_json::Value =
        serde_json::from_slice(&event).map_err(|_| StatusCode::BAD_REQUEST)?;
    let number = |name: &str| event[name].as_f64().ok_or(StatusCode::BAD_REQUEST);
    Ok(json!({"sum": number("a")? + number("b")?}).to_string())
}

/// What the gateway answers a call for media with, whatever it is asked.
fn canned(size: usize) -> Router {
    let media = media(size);
    let mut reply = BytesMut::new();
    put_field(&mut reply, 1, &media);
    put_field(&mut reply, 2, b"image/png");
    let reply = reply.freeze();
    let answer = move |_asked: Bytes| {
        let reply = reply.clone();
        async move { ([(CONTENT_TYPE, "application/octet-stream")], reply) }
    };
    Router::new().route("/admin", post(answer))
}

/// A field of a protobuf message: bytes or text.
fn put_field(message: &mut BytesMut, number: u8, bytes: &[u8]) {
    message.put_u8(number << 3 | 2);
    let mut rest = bytes.len();
    while rest > 0x7f {
        message.put_u8((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    message.put_u8(rest as u8);
    message.put_slice(bytes);
}
