//! Recording and replaying, from transport to transport.

mod misses;
mod playback;
mod recording;
mod secrets;

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Frame;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{CassetteError, Recorder, Replayer};
use crate::openapi::customer_service_message::{GetTempMedia, get_temp_media, get_temp_media_to};
use crate::transport::{
    Body, MockTransport, Transport, TransportError, TransportErrorKind, json_reply, media_reply,
};
use crate::{Cloud, Permissions, RetryPolicy};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temp folder")
}

fn get(path_and_query: &str) -> http::Request<Bytes> {
    http::Request::get(format!("https://h{path_and_query}"))
        .body(Bytes::new())
        .expect("a request")
}

fn post(path_and_query: &str, content_type: &str, body: impl Into<Bytes>) -> http::Request<Bytes> {
    http::Request::post(format!("https://h{path_and_query}"))
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

fn form(boundary: &str, file_name: &str, file: &[u8]) -> http::Request<Bytes> {
    form_of(boundary, file_name, "image/png", file)
}

fn form_of(
    boundary: &str,
    file_name: &str,
    content_type: &str,
    file: &[u8],
) -> http::Request<Bytes> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n你好\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{file_name}\"\r\n\
         Content-Type: {content_type}\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let body = [head.as_bytes(), file, tail.as_bytes()].concat();
    let content_type = format!("multipart/form-data; boundary={boundary}");
    post(
        "/cgi-bin/media/upload?access_token=T0KEN&type=image",
        &content_type,
        body,
    )
}

fn labelled(content_type: &'static str, body: &'static str) -> http::Response<Body> {
    media_reply(content_type, body)
}

/// The status, the label and the bytes.
async fn answer(
    transport: &impl Transport,
    request: http::Request<Bytes>,
) -> Result<(u16, String, Bytes), TransportError> {
    let (head, body) = transport.send(request).await?.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE);
    let content_type = content_type.map_or("", |it| it.to_str().expect("text"));
    Ok((
        head.status.as_u16(),
        content_type.to_owned(),
        body.bytes().await?,
    ))
}

fn all_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(all_in(&path));
        } else {
            let content = fs::read(&path).expect("a file");
            found.push((path.display().to_string(), content));
        }
    }
    found.sort();
    found
}

/// Records these exchanges.
async fn record(
    path: &Path,
    exchanges: Vec<(http::Request<Bytes>, http::Response<Body>)>,
) -> Recorder {
    let (requests, replies): (Vec<_>, Vec<_>) = exchanges.into_iter().unzip();
    let recorder = Recorder::new(MockTransport::replies(replies), path).expect("a recorder");
    for request in requests {
        answer(&recorder, request).await.expect("an answer");
    }
    recorder
}

fn cloud(transport: impl Transport, with_secret: bool) -> Cloud {
    let builder = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .transport(transport);
    let builder = match with_secret {
        true => builder.app_secret("wx", "s3cret"),
        false => builder,
    };
    builder.build().expect("complete")
}
