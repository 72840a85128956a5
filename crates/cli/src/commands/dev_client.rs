//! What commands ask of a `cloudcall dev` that runs on this machine.

use bytes::Bytes;
use cloudcall::transport::{HttpsTransport, Transport as _, TransportError, TransportErrorKind};
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};

use crate::failure::Failure;

/// Its answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Asks, without a time limit: a function may be built first.
pub(crate) async fn ask(
    port: u16,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<Answer, Failure> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:{port}{path}"))
        .header(CONTENT_TYPE, "application/json")
        .body(body.into())
        .map_err(|error| Failure::tool(format_args!("no request can be made: {error}")))?;
    let transport = HttpsTransport::builder()
        .timeout(None)
        .max_reply_size(u64::MAX)
        .build();
    let response = transport.send(request).await;
    let response = response.map_err(|error| unanswered(port, &error))?;
    let status = response.status();
    let body = response.into_body().bytes().await;
    let body = body.map_err(|error| {
        Failure::tool(format_args!(
            "the answer of cloudcall dev broke off: {error}"
        ))
    })?;
    Ok(Answer { status, body })
}

fn unanswered(port: u16, error: &TransportError) -> Failure {
    match error.kind() {
        TransportErrorKind::Connect => {
            Failure::usage(format_args!("there is no cloudcall dev at port {port}: {error}"))
                .hint("start it in another terminal: cloudcall dev; or name its port with --port")
        }
        _ => Failure::usage(format_args!("port {port} gave no answer: {error}")).hint(
            "cloudcall dev has ended meanwhile, or this port is not the one that it said: name that with --port",
        ),
    }
}
