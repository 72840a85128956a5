//! The way to WeChat as a server: for functions of other processes, whose requests are recorded or
//! replayed here.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use bytes::Bytes;
use cloudcall::transport::{Transport, TransportError, TransportErrorKind};
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt as _;

use super::passed::Passing;
use super::upstream::Observer;
use super::worker_id::WorkerId;
use crate::credentials::Secret;
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
    /// Taken out of what is told.
    app_secret: Option<Secret>,
}

/// Passes on every request that no other route takes.
pub(super) fn router(transport: Arc<dyn Transport>, printer: Printer) -> Router {
    Router::new().fallback(forward).with_state(Forward {
        transport,
        printer,
        app_secret: None,
    })
}

/// Where a worker finds the way that is its own, so that its Cloud Calls are told from others'.
const WORKER: &str = "/_cloudcall/worker/";

/// The path below which a worker's requests are passed on.
pub(super) fn path_of(worker: WorkerId) -> String {
    format!("{WORKER}{worker}")
}

/// Passes on what workers send below [their paths](path_of), and tells the observer of their
/// Cloud Calls.
pub(super) fn workers(
    transport: Arc<dyn Transport>,
    observer: Arc<dyn Observer>,
    printer: Printer,
    app_secret: Option<Secret>,
) -> Router {
    let way = Forward {
        transport,
        printer,
        app_secret,
    };
    Router::new()
        .route(&format!("{WORKER}{{id}}/{{*path}}"), any(of_worker))
        .with_state((way, observer))
}

async fn of_worker(
    State((way, observer)): State<(Forward, Arc<dyn Observer>)>,
    request: Request,
) -> Response {
    let Some((worker, uri)) = split(request.uri()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut request = match whole(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    *request.uri_mut() = uri;
    let app_secret = way.app_secret.as_ref().map(Secret::expose);
    let passing = Passing::of(worker, &request, app_secret, move |passed| {
        observer.passed(&passed)
    });
    let response = way.send(request).await;
    match passing {
        Some(passing) => passing.reply(response),
        None => response,
    }
}

/// The worker, and what it asks for.
fn split(uri: &Uri) -> Option<(WorkerId, Uri)> {
    let below = uri.path_and_query()?.as_str().strip_prefix(WORKER)?;
    let slash = below.find('/')?;
    let (worker, path) = below.split_at(slash);
    Some((worker.parse().ok()?, path.parse().ok()?))
}

async fn forward(State(way): State<Forward>, request: Request) -> Response {
    match whole(request).await {
        Ok(request) => way.send(request).await,
        Err(refusal) => refusal,
    }
}

/// The request with its body, and without what is about the connection that it came on.
async fn whole(request: Request) -> Result<http::Request<Bytes>, Response> {
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request is not whole, or too large",
        ));
    };
    strip(&mut head.headers);
    // They are of the one connection, too: a fault would break this one, and not the exchange.
    head.extensions.clear();
    Ok(Request::from_parts(head, body))
}

impl Forward {
    async fn send(self, request: http::Request<Bytes>) -> Response {
        let way = self;
        match way.transport.send(request).await {
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
    let whole = http_body_util::Full::new(Bytes::from_static(b" "));
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
            app_secret: None,
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

    struct Kept(std::sync::Mutex<Vec<super::super::passed::Passed>>);

    impl Observer for Kept {
        fn passed(&self, passed: &super::super::passed::Passed) {
            self.0.lock().expect("no panic").push(passed.clone());
        }
    }

    /// What a worker sends, what it gets, and what is told of that.
    async fn of_worker_7(
        mock: &MockTransport,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> (Bytes, Vec<super::super::passed::Passed>) {
        let kept = Arc::new(Kept(std::sync::Mutex::default()));
        let transport = Arc::new(mock.clone());
        let way = Forward {
            transport,
            printer: Printer,
            app_secret: None,
        };
        let observer: Arc<dyn Observer> = Arc::<Kept>::clone(&kept);
        let request = request.body(Body::from(body)).expect("a request");
        let response = of_worker(State((way, observer)), request).await;
        let body = to_bytes(response.into_body(), LARGEST)
            .await
            .expect("whole");
        let told = kept.0.lock().expect("no panic").clone();
        (body, told)
    }

    #[tokio::test]
    async fn a_call_of_a_worker_is_told_without_its_token() {
        let said = json!({"errcode": 40001, "errmsg": "invalid T+1 or T%2B1"});
        let mock = MockTransport::replies([json_reply(said.clone())]);
        let request = http::Request::post(
            "/_cloudcall/worker/7/cgi-bin/message/custom/send?access_token=T%2B1",
        );
        let sent = json!({"touser": "T+1", "msgtype": "text"});
        let (body, told) = of_worker_7(&mock, request, sent.to_string().into()).await;
        assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON"), said);
        assert_eq!(
            mock.requests()[0].uri(),
            "/cgi-bin/message/custom/send?access_token=T%2B1"
        );
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].worker, WorkerId(7));
        assert_eq!(told[0].api, "customerServiceMessage.send");
        assert_eq!(
            told[0].parameters,
            json!({"touser": "***", "msgtype": "text"})
        );
        assert_eq!(told[0].err_code, 40001);
        assert_eq!(told[0].err_msg, "invalid *** or ***");
        assert_eq!(told[0].bytes, body.len() as u64);
    }

    #[tokio::test]
    async fn a_file_of_a_worker_is_told_by_its_size() {
        let mock = MockTransport::replies([json_reply(json!({"type": "image"}))]);
        let request = http::Request::post(
            "/_cloudcall/worker/7/cgi-bin/media/upload?type=image&access_token=T",
        )
        .header(CONTENT_TYPE, "multipart/form-data; boundary=XX");
        let form = b"--XX\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.gif\"\r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n--XX--\r\n";
        let (_, told) = of_worker_7(&mock, request, form.to_vec()).await;
        let file = json!({"contentType": "image/gif", "fileName": "a.gif", "size": 6});
        assert_eq!(told[0].parameters, json!({"type": "image", "media": file}));
        assert_eq!(told[0].err_code, 0);
    }

    #[tokio::test]
    async fn what_is_no_call_is_passed_on_untold() {
        let mock = MockTransport::replies([json_reply(json!({"access_token": "T"}))]);
        let request = http::Request::post("/_cloudcall/worker/7/cgi-bin/stable_token");
        let (body, told) = of_worker_7(&mock, request, b"{}".to_vec()).await;
        assert_eq!(&body[..], br#"{"access_token":"T"}"#);
        assert_eq!(told, []);
    }

    #[tokio::test]
    async fn a_call_that_its_function_did_not_wait_for_is_told() {
        let kept = Arc::new(Kept(std::sync::Mutex::default()));
        let way = Forward {
            transport: Arc::new(Silent),
            printer: Printer,
            app_secret: None,
        };
        let observer: Arc<dyn Observer> = Arc::<Kept>::clone(&kept);
        let request = http::Request::get("/_cloudcall/worker/7/cgi-bin/media/get?media_id=M")
            .body(Body::empty())
            .expect("a request");
        let answer = of_worker(State((way, observer)), request);
        let waited = tokio::time::timeout(std::time::Duration::ZERO, answer).await;
        assert!(waited.is_err());
        let told = kept.0.lock().expect("no panic").clone();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].err_code, -601_003);
        assert!(told[0].err_msg.contains("did not wait"), "{told:?}");
        assert_eq!(told[0].parameters, json!({"media_id": "M"}));
    }

    /// Never answers.
    #[derive(Debug)]
    struct Silent;

    #[async_trait::async_trait]
    impl Transport for Silent {
        async fn send(
            &self,
            _: http::Request<Bytes>,
        ) -> Result<http::Response<SdkBody>, TransportError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_call_that_fails_on_the_way_is_told() {
        let mock =
            MockTransport::new(|_| Err(TransportError::new(TransportErrorKind::Timeout, "why")));
        let request = http::Request::get("/_cloudcall/worker/7/cgi-bin/media/get?media_id=M");
        let (_, told) = of_worker_7(&mock, request, Vec::new()).await;
        assert_eq!(told[0].err_code, -604_102);
        assert_eq!(told[0].parameters, json!({"media_id": "M"}));
    }
}
