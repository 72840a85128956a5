//! The runtime API of a Tencent SCF custom runtime, for one worker.
//!
//! | request | answer |
//! |---|---|
//! | `POST /runtime/init/ready` | the worker can take events |
//! | `GET /runtime/invocation/next` | waits for the event; within an invocation, gives it again |
//! | `POST /runtime/invocation/response` | the result |
//! | `POST /runtime/invocation/error` | why there is none |
//!
//! No URL names an invocation, so a worker has one at a time: the [`Stage`] says how far it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use cloudcall_emulator::{Guards, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The largest event and the largest result, in bytes. The platform's own limit is far below.
pub(crate) const LARGEST: usize = 64 << 20;

/// The header that says who calls. The platform has the process's environment for that, and so
/// does a function in Node: our script sets it.
const CALLER: &str = "cloudcall-caller";
/// The Cloud Calls that were denied, which are sent nowhere: names, separated by commas.
const DENIED: &str = "cloudcall-denied";

/// How many of them are taken.
const MOST_DENIED: usize = 64;

/// An event on its way to a worker.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    /// Who calls, for our script in Node: the variables that say so, as JSON.
    pub(super) caller: Option<HeaderValue>,
    pub(super) time_limit: Duration,
    /// In MB.
    pub(super) memory_limit: u32,
}

/// What a worker made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The body of its response.
    Response(Bytes),
    /// The body of its error.
    Error(Bytes),
    /// It sent more than [`LARGEST`].
    TooLarge,
}

/// How far the worker is.
#[derive(Debug)]
enum Stage {
    /// It has not called yet.
    Starting,
    /// It can take an event.
    Idle,
    /// There is an event that it has not taken yet.
    Offered(Arc<Invocation>),
    /// It works on an event.
    Taken(Arc<Invocation>),
    /// It has answered, and nobody has picked the answer up yet; with the Cloud Calls that were
    /// denied.
    Answered(Outcome, Vec<String>),
}

impl Stage {
    fn is_ready(&self) -> bool {
        !matches!(self, Self::Starting)
    }

    fn is_taken(&self) -> bool {
        matches!(self, Self::Taken(_) | Self::Answered(..))
    }
}

/// The server of one worker, on a loopback port of its own. Dropping it closes the port.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    stage: watch::Sender<Stage>,
    denied: Mutex<Vec<String>>,
    server: AbortHandle,
}

impl RuntimeApi {
    pub(super) async fn serve() -> std::io::Result<Self> {
        Self::serve_with(LARGEST, Guards::default()).await
    }

    async fn serve_with(largest: usize, guards: Guards) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stage = watch::Sender::new(Stage::Starting);
        let router = router(stage.clone(), largest);
        let server = tokio::spawn(serve(listener, router, guards, std::future::pending()));
        Ok(Self {
            address,
            stage,
            denied: Mutex::default(),
            server: server.abort_handle(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the worker is ready.
    pub(super) async fn ready(&self) {
        self.reached(Stage::is_ready).await;
    }

    /// Offers an event to the worker.
    pub(super) fn offer(&self, invocation: Invocation) {
        self.stage
            .send_replace(Stage::Offered(Arc::new(invocation)));
    }

    /// Waits until the worker has taken the event.
    pub(super) async fn taken(&self) {
        self.reached(Stage::is_taken).await;
    }

    /// Whether the worker has taken the event that was offered last.
    pub(super) fn is_taken(&self) -> bool {
        self.stage.borrow().is_taken()
    }

    /// Waits for what the worker answers to the event.
    pub(super) async fn answer(&self) -> Outcome {
        loop {
            self.reached(|stage| matches!(stage, Stage::Answered(..)))
                .await;
            if let Some(outcome) = self.pick_up() {
                return outcome;
            }
        }
    }

    fn pick_up(&self) -> Option<Outcome> {
        let mut picked = None;
        self.stage.send_if_modified(|stage| {
            match std::mem::replace(stage, Stage::Idle) {
                Stage::Answered(outcome, names) => {
                    *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = names;
                    picked = Some(outcome);
                }
                other => *stage = other,
            }
            picked.is_some()
        });
        picked
    }

    /// The Cloud Calls that were denied within the invocation whose answer was last given, in
    /// order. None of a function in Node: the gateway knows of those.
    pub(super) fn denied(&self) -> Vec<String> {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *denied)
    }

    async fn reached(&self, condition: impl Fn(&Stage) -> bool) {
        let mut stage = self.stage.subscribe();
        // `self` holds a sender, so the channel cannot close while this waits.
        let _ = stage.wait_for(|stage| condition(stage)).await;
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Stages = State<watch::Sender<Stage>>;
type Body = Result<Bytes, BytesRejection>;

fn router(stage: watch::Sender<Stage>, largest: usize) -> Router {
    Router::new()
        .route("/runtime/init/ready", post(ready))
        .route("/runtime/invocation/next", get(next))
        .route("/runtime/invocation/response", post(response))
        .route("/runtime/invocation/error", post(error))
        .layer(DefaultBodyLimit::max(largest))
        .with_state(stage)
}

async fn ready(State(stage): Stages) {
    stage.send_if_modified(|stage| {
        let starting = !stage.is_ready();
        if starting {
            *stage = Stage::Idle;
        }
        starting
    });
}

async fn next(State(stage): Stages) -> Response {
    // A worker that asks for an event is ready, even if it did not say so.
    ready(State(stage.clone())).await;
    let mut changes = stage.subscribe();
    loop {
        if let Some(invocation) = take(&stage) {
            return event(&invocation);
        }
        if changes.changed().await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
}

fn take(stage: &watch::Sender<Stage>) -> Option<Arc<Invocation>> {
    let mut taken = None;
    stage.send_if_modified(|stage| match stage {
        Stage::Offered(invocation) => {
            let invocation = Arc::clone(invocation);
            taken = Some(Arc::clone(&invocation));
            *stage = Stage::Taken(invocation);
            true
        }
        Stage::Taken(invocation) => {
            taken = Some(Arc::clone(invocation));
            false
        }
        Stage::Starting | Stage::Idle | Stage::Answered(..) => false,
    });
    taken
}

fn event(invocation: &Invocation) -> Response {
    let mut response = invocation.event.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Ok(request_id) = HeaderValue::from_str(&invocation.request_id) {
        headers.insert("request_id", request_id);
    }
    if let Some(caller) = &invocation.caller {
        headers.insert(CALLER, caller.clone());
    }
    headers.insert("memory_limit_in_mb", invocation.memory_limit.into());
    // An SDK that knows this answers with DENIED.
    headers.insert("cloudcall-report", HeaderValue::from_static("denied"));
    let time_limit = u64::try_from(invocation.time_limit.as_millis()).unwrap_or(u64::MAX);
    headers.insert("time_limit_in_ms", time_limit.into());
    response
}

async fn response(State(stage): Stages, headers: HeaderMap, body: Body) -> Response {
    answer(&stage, &headers, body, Outcome::Response)
}

async fn error(State(stage): Stages, headers: HeaderMap, body: Body) -> Response {
    let reply = answer(&stage, &headers, body, Outcome::Error);
    if reply.status() == StatusCode::CONFLICT {
        // A worker whose result was refused for its size reports that, and the invocation is over
        // by then. Refusing this too would be its end.
        return StatusCode::OK.into_response();
    }
    reply
}

fn answer(
    stage: &watch::Sender<Stage>,
    headers: &HeaderMap,
    body: Body,
    outcome: fn(Bytes) -> Outcome,
) -> Response {
    let (outcome, reply) = match body {
        Ok(body) => (outcome(body), StatusCode::OK.into_response()),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            (Outcome::TooLarge, rejection.into_response())
        }
        // The connection broke within the body: the worker may send it again.
        Err(rejection) => return rejection.into_response(),
    };
    let answered = stage.send_if_modified(|stage| {
        let expected = matches!(stage, Stage::Taken(_));
        if expected {
            *stage = Stage::Answered(outcome, denied(headers));
        }
        expected
    });
    if answered {
        reply
    } else {
        (StatusCode::CONFLICT, "no event is being worked on\n").into_response()
    }
}

fn denied(headers: &HeaderMap) -> Vec<String> {
    let names = headers.get(DENIED).and_then(|it| it.to_str().ok());
    let names = names.into_iter().flat_map(|names| names.split(','));
    names.take(MOST_DENIED).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    fn invocation(event: &'static str) -> Invocation {
        Invocation {
            request_id: "id-1".into(),
            event: event.into(),
            caller: Some(HeaderValue::from_static("{}")),
            time_limit: Duration::from_millis(1500),
            memory_limit: 256,
        }
    }

    /// One request on a connection of its own; the answer's head and body.
    async fn send(api: SocketAddr, request: String) -> (String, String) {
        let mut stream = TcpStream::connect(api).await.expect("connect");
        stream.write_all(request.as_bytes()).await.expect("send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        (head.to_owned(), body.to_owned())
    }

    async fn post(api: SocketAddr, path: &str, body: &str) -> (String, String) {
        let length = body.len();
        send(
            api,
            format!("POST /runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"),
        )
        .await
    }

    async fn next(api: SocketAddr) -> (String, String) {
        send(
            api,
            format!(
                "GET /runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n"
            ),
        )
        .await
    }

    #[tokio::test]
    async fn an_event_goes_round() {
        let api = RuntimeApi::serve().await.expect("port");
        let (ready, _) = tokio::join!(post(api.address(), "init/ready", " "), api.ready());
        assert!(ready.0.starts_with("HTTP/1.1 200"), "{ready:?}");

        api.offer(invocation("{\"a\":1}"));
        let (event, ()) = tokio::join!(next(api.address()), api.taken());
        assert_eq!(event.1, "{\"a\":1}");
        for header in [
            "request_id: id-1",
            "memory_limit_in_mb: 256",
            "cloudcall-caller: {}",
            "time_limit_in_ms: 1500",
        ] {
            assert!(event.0.contains(header), "{header} in {}", event.0);
        }
        let again = next(api.address()).await;
        assert_eq!(again.1, event.1);

        let (posted, outcome) = tokio::join!(
            post(api.address(), "invocation/response", "[2]"),
            api.answer()
        );
        assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
        assert_eq!(outcome, Outcome::Response("[2]".into()));
    }

    #[tokio::test]
    async fn denied_calls_come_with_the_answer() {
        let api = RuntimeApi::serve().await.expect("port");
        let address = api.address();
        for (header, expected) in [
            ("Cloudcall-Denied: a.b,c.d", vec!["a.b", "c.d"]),
            ("X: y", vec![]),
        ] {
            api.offer(invocation("1"));
            let event = next(address).await;
            assert!(event.0.contains("cloudcall-report: denied"), "{}", event.0);
            send(
                address,
                format!("POST /runtime/invocation/response HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}\r\nContent-Length: 1\r\n\r\n1"),
            )
            .await;
            assert_eq!(api.answer().await, Outcome::Response("1".into()));
            assert_eq!(api.denied(), expected);
            assert_eq!(api.denied(), [""; 0]);
        }
    }

    #[tokio::test]
    async fn asking_for_an_event_waits_for_it() {
        let api = RuntimeApi::serve().await.expect("port");
        let waiting = tokio::spawn(next(api.address()));
        api.ready().await;
        api.offer(invocation("1"));
        assert_eq!(waiting.await.expect("task").1, "1");

        let error = post(api.address(), "invocation/error", "no").await;
        assert!(error.0.starts_with("HTTP/1.1 200"), "{error:?}");
        let waiting = tokio::spawn(next(api.address()));
        assert_eq!(api.answer().await, Outcome::Error("no".into()));
        api.offer(invocation("2"));
        assert_eq!(waiting.await.expect("task").1, "2");
    }

    #[tokio::test]
    async fn an_answer_without_an_event_is_refused() {
        let api = RuntimeApi::serve().await.expect("port");
        let early = post(api.address(), "invocation/response", "1").await;
        assert!(early.0.starts_with("HTTP/1.1 409"), "{early:?}");

        api.offer(invocation("1"));
        next(api.address()).await;
        post(api.address(), "invocation/response", "1").await;
        let twice = post(api.address(), "invocation/response", "2").await;
        assert!(twice.0.starts_with("HTTP/1.1 409"), "{twice:?}");
        assert_eq!(api.answer().await, Outcome::Response("1".into()));
    }

    #[tokio::test]
    async fn a_result_beyond_the_limit_is_an_outcome() {
        let api = RuntimeApi::serve_with(3, Guards::default()).await;
        let api = api.expect("port");
        api.offer(invocation("1"));
        next(api.address()).await;
        let posted = post(api.address(), "invocation/response", "123").await;
        assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
        assert_eq!(api.answer().await, Outcome::Response("123".into()));

        api.offer(invocation("1"));
        next(api.address()).await;
        let posted = post(api.address(), "invocation/response", "1234").await;
        assert!(posted.0.starts_with("HTTP/1.1 413"), "{posted:?}");
        let reported = post(api.address(), "invocation/error", "413").await;
        assert!(reported.0.starts_with("HTTP/1.1 200"), "{reported:?}");
        assert_eq!(api.answer().await, Outcome::TooLarge);
    }

    #[tokio::test]
    async fn web_pages_take_no_event_and_give_no_answer() {
        let api = RuntimeApi::serve().await.expect("port");
        api.offer(invocation("1"));
        let loopback = format!("Host: {}", api.address());
        for headers in [
            "Host: evil.example:80".to_owned(),
            "Host: tcb-open.tencentcloudapi.com".to_owned(),
            "X: no host".to_owned(),
            format!("{loopback}\r\nOrigin: https://evil.example"),
            format!("{loopback}\r\nSec-Fetch-Site: cross-site"),
        ] {
            for request in [
                "GET /runtime/invocation/next",
                "POST /runtime/invocation/response",
            ] {
                let text = format!("{request} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
                let answer = send(api.address(), text).await;
                assert!(answer.0.starts_with("HTTP/1.1 403"), "{headers} {answer:?}");
            }
        }
        assert!(!api.stage.borrow().is_taken());
        assert_eq!(next(api.address()).await.1, "1");
    }

    #[tokio::test]
    async fn a_slow_result_is_refused_and_may_be_sent_again() {
        let mut guards = Guards::default();
        guards.limits.body.stall = Duration::from_millis(100);
        let api = RuntimeApi::serve_with(LARGEST, guards).await.expect("port");
        api.offer(invocation("1"));
        next(api.address()).await;
        let slow = "POST /runtime/invocation/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1";
        let answer = send(api.address(), slow.into()).await;
        assert!(answer.0.starts_with("HTTP/1.1 408"), "{answer:?}");
        post(api.address(), "invocation/response", "2").await;
        assert_eq!(api.answer().await, Outcome::Response("2".into()));
    }

    #[tokio::test]
    async fn waiting_for_an_event_is_never_too_slow() {
        let mut guards = Guards::default();
        let limits = &mut guards.limits;
        limits.head = Duration::from_millis(50);
        limits.body.stall = Duration::from_millis(50);
        limits.answer.stall = Duration::from_millis(50);
        let api = RuntimeApi::serve_with(LARGEST, guards).await.expect("port");
        let waiting = tokio::spawn(next(api.address()));
        api.ready().await;
        // A connection that says nothing is closed when all of these limits have passed.
        let mut silent = TcpStream::connect(api.address()).await.expect("connect");
        assert_eq!(silent.read(&mut [0]).await.expect("its end"), 0);
        api.offer(invocation("1"));
        assert_eq!(waiting.await.expect("task").1, "1");
    }
}
