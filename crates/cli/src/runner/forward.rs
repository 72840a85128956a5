//! The way to WeChat as a server: for functions of other processes, whose requests are recorded or
//! replayed here.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use cloudcall::transport::{Transport, TransportError, TransportErrorKind};
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;

use crate::printer::Printer;

/// The largest request that is passed on, in bytes. WeChat takes videos of 10 MB.
const LARGEST: usize = 64 << 20;

/// Headers that are about the one connection; and the encoding, because bodies are recorded plain.
const NOT_PASSED_ON: [HeaderName; 8] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[derive(Clone)]
struct Forward {
    transport: Arc<dyn Transport>,
    printer: Printer,
}

/// Passes on every request that no other route takes.
pub(super) fn router(transport: Arc<dyn Transport>, printer: Printer) -> Router {
    Router::new()
        .fallback(forward)
        .with_state(Forward { transport, printer })
}

async fn forward(State(way): State<Forward>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request is not whole, or too large",
        );
    };
    strip(&mut head.headers);
    // They are of the one connection, too: a fault would break this one, and not the exchange.
    head.extensions.clear();
    match way.transport.send(Request::from_parts(head, body)).await {
        Ok(mut response) => {
            let length = response.headers_mut().remove(CONTENT_LENGTH);
            strip(response.headers_mut());
            // Said again, so that who gets it can tell whether it is whole.
            if let Some(length) = length {
                response.headers_mut().insert(CONTENT_LENGTH, length);
            }
            response.map(|body| {
                Body::new(body.map_err(move |error| {
                    // Whoever reads the body only sees that it ends early.
                    way.printer.warning(&error);
                    error
                }))
            })
        }
        Err(error) => way.failed(&error),
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
}

impl Forward {
    /// What the SDK of the function would say of this error, and the person is told here.
    fn failed(&self, error: &TransportError) -> Response {
        self.printer.warning(error);
        let status = match error.kind() {
            TransportErrorKind::NotRecorded => {
                self.printer.hint("record the session again, with --record");
                // Asking again does not help.
                StatusCode::NOT_FOUND
            }
            TransportErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            // It breaks here, too, so that who would try again does.
            TransportErrorKind::Interrupted => return broken(),
            _ => StatusCode::BAD_GATEWAY,
        };
        refusal(status, &error.to_string())
    }
}

/// An answer that breaks off.
fn broken() -> Response {
    // A limit is as good an end as any.
    let whole = http_body_util::Full::new(bytes::Bytes::from_static(b" "));
    let mut response = Response::new(Body::new(http_body_util::Limited::new(whole, 0)));
    response.headers_mut().insert(CONTENT_LENGTH, 1.into());
    response
}

/// A refusal in WeChat's form, with the SDK's own code of a failed exchange.
fn refusal(status: StatusCode, what: &str) -> Response {
    let (code, meaning) = match status {
        StatusCode::GATEWAY_TIMEOUT => (-604_102, "call open API timeout"),
        _ => (-601_003, "system network error"),
    };
    let errmsg = format!("{code} {meaning}. {what}");
    let json = serde_json::json!({"errcode": code, "errmsg": errmsg});
    let mut response = Response::new(json.to_string().into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cloudcall::transport::{Body as SdkBody, MockTransport, json_reply};
    use serde_json::{Value, json};

    use super::*;

    async fn pass(transport: &MockTransport) -> Response {
        let request = http::Request::post("/cgi-bin/media/upload?access_token=T&type=image")
            .header("content-type", "text/plain")
            .header("accept-encoding", "gzip")
            .header("host", "127.0.0.1:1")
            .header("x-mine", "1")
            .body(Body::from("body"))
            .expect("a request");
        let way = Forward {
            transport: Arc::new(transport.clone()),
            printer: Printer,
        };
        forward(State(way), request).await
    }

    async fn json_of(response: Response) -> Value {
        let body = to_bytes(response.into_body(), LARGEST)
            .await
            .expect("whole");
        serde_json::from_slice(&body).expect("JSON")
    }

    #[tokio::test]
    async fn a_request_and_its_answer_pass_whole() {
        let mock = MockTransport::new(|_| {
            let mut reply = json_reply(json!({"a": 1}));
            let headers = reply.headers_mut();
            headers.insert("connection", HeaderValue::from_static("close"));
            headers.insert("content-length", HeaderValue::from_static("7"));
            headers.insert("x-theirs", HeaderValue::from_static("2"));
            *reply.status_mut() = StatusCode::ACCEPTED;
            Ok(reply)
        });
        let response = pass(&mock).await;
        assert_eq!(response.status(), 202);
        let mut names: Vec<_> = response.headers().keys().map(|it| it.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "x-theirs"]);
        assert_eq!(json_of(response).await, json!({"a": 1}));

        let request = &mock.requests()[0];
        assert_eq!(
            request.uri(),
            "/cgi-bin/media/upload?access_token=T&type=image"
        );
        assert_eq!(request.method(), "POST");
        assert_eq!(request.body(), "body");
        let mut names: Vec<_> = request.headers().keys().map(|it| it.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "x-mine"]);
    }

    #[tokio::test]
    async fn a_failed_exchange_is_what_the_sdk_would_make_of_it() {
        for (kind, status, code, words) in [
            (
                TransportErrorKind::NotRecorded,
                404,
                -601_003,
                "system network error",
            ),
            (
                TransportErrorKind::Connect,
                502,
                -601_003,
                "system network error",
            ),
            (
                TransportErrorKind::Timeout,
                504,
                -604_102,
                "call open API timeout",
            ),
        ] {
            let mock = MockTransport::new(move |_| Err(TransportError::new(kind, "why")));
            let response = pass(&mock).await;
            assert_eq!(response.status(), status);
            let expected = json!({"errcode": code, "errmsg": format!("{code} {words}. why")});
            assert_eq!(json_of(response).await, expected);
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_does_so_here() {
        let mock = MockTransport::new(|_| {
            let whole = http_body_util::Full::new(Bytes::from("a"));
            // A limit is as good an end as any.
            let broken = http_body_util::Limited::new(whole, 0)
                .map_err(|_| TransportError::new(TransportErrorKind::Interrupted, "broken"));
            Ok(http::Response::new(SdkBody::new(broken)))
        });
        let response = pass(&mock).await;
        assert!(to_bytes(response.into_body(), LARGEST).await.is_err());
    }
}
