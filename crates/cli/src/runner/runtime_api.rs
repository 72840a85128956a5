//! The runtime API of a Tencent SCF custom runtime, for one worker.
//!
//! | request | answer |
//! |---|---|
//! | `POST /runtime/init/ready` | the worker can take events |
//! | `GET /runtime/invocation/next` | waits for the event; within an invocation, gives it again |
//! | `POST /runtime/invocation/response` | the result |
//! | `POST /runtime/invocation/error` | why there is none |
//!
//! An answer that is posted with the header [`NEXT`] is answered with the next event, when there is
//! one: that saves a worker that knows of it half of its requests. SCF does not have that.
//!
//! No URL names an invocation, so a worker has one at a time: the [`Stage`] says how far it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// The largest event and the largest result, in bytes. The platform's own limit is far below.
pub(crate) const LARGEST: usize = 64 << 20;

/// The header that says who calls. The platform has the process's environment for that, and so
/// does a function in Node: our script sets it.
const CALLER: &str = "cloudcall-caller";
/// The Cloud Calls that were denied, which are sent nowhere: names, separated by commas.
const DENIED: &str = "cloudcall-denied";

/// How many of them are taken.
const MOST_DENIED: usize = 64;

/// Offers, with an event, to answer its result with the next event. The worker accepts by the same
/// header, with the event's request id: a result that is sent again counts once.
const NEXT: &str = "cloudcall-next";

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

/// Why an invocation is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// The worker has not taken the event.
    NotTaken,
    /// It has not answered.
    NotAnswered,
}

/// How far the worker is.
#[derive(Debug)]
enum Stage {
    /// It has not called yet.
    Starting,
    /// It can take an event.
    Idle,
    /// There is an event, since then, that it has not taken yet.
    Offered(Arc<Invocation>, Instant),
    /// It works on an event, since then.
    Taken(Arc<Invocation>, Instant),
    /// It has answered, and nobody has picked the answer up yet; with the Cloud Calls that were
    /// denied.
    Answered(Outcome, Vec<String>),
}

impl Stage {
    fn is_ready(&self) -> bool {
        !matches!(self, Self::Starting)
    }

    fn is_taken(&self) -> bool {
        matches!(self, Self::Taken(..) | Self::Answered(..))
    }
}

/// Where the two sides meet. Each is woken by what it waits for, and by nothing else.
#[derive(Debug)]
struct Desk {
    stage: Mutex<Stage>,
    /// An event is there, for all connections that wait for one: a worker may have given up some.
    offered: Notify,
    /// The worker is ready or has answered, for the one who runs it.
    done: Notify,
}

impl Desk {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) {
        let mut stage = self.stage();
        if !stage.is_ready() {
            *stage = Stage::Idle;
            self.done.notify_one();
        }
    }

    /// Waits for the event, and takes it.
    async fn take(&self) -> Arc<Invocation> {
        loop {
            // Before the look, so that no event comes in between unnoticed.
            let offered = self.offered.notified();
            if let Some(invocation) = self.try_take() {
                return invocation;
            }
            offered.await;
        }
    }

    fn try_take(&self) -> Option<Arc<Invocation>> {
        let mut stage = self.stage();
        match &*stage {
            Stage::Offered(invocation, _) => {
                let invocation = Arc::clone(invocation);
                *stage = Stage::Taken(Arc::clone(&invocation), Instant::now());
                Some(invocation)
            }
            Stage::Taken(invocation, _) => Some(Arc::clone(invocation)),
            Stage::Starting | Stage::Idle | Stage::Answered(..) => None,
        }
    }

    /// Whether this is the answer to the event that is worked on, of the request id that is given.
    fn answer(&self, outcome: Outcome, denied: Vec<String>, request_id: Option<&str>) -> bool {
        let mut stage = self.stage();
        let expected = match &*stage {
            Stage::Taken(invocation, _) => request_id.is_none_or(|it| it == invocation.request_id),
            _ => false,
        };
        if expected {
            *stage = Stage::Answered(outcome, denied);
            self.done.notify_one();
        }
        expected
    }
}

/// The server of one worker, on a loopback port of its own. Dropping it closes the port.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    desk: Arc<Desk>,
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
        let desk = Arc::new(Desk {
            stage: Mutex::new(Stage::Starting),
            offered: Notify::new(),
            done: Notify::new(),
        });
        let router = router(Arc::clone(&desk), largest);
        let server = tokio::spawn(serve(listener, router, guards, std::future::pending()));
        Ok(Self {
            address,
            desk,
            denied: Mutex::default(),
            server: server.abort_handle(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the worker is ready.
    pub(super) async fn ready(&self) {
        while !self.desk.stage().is_ready() {
            self.desk.done.notified().await;
        }
    }

    /// Offers an event to the worker.
    pub(super) fn offer(&self, invocation: Invocation) {
        *self.desk.stage() = Stage::Offered(Arc::new(invocation), Instant::now());
        self.desk.offered.notify_waiters();
    }

    /// Whether the worker has taken the event that was offered last.
    pub(super) fn is_taken(&self) -> bool {
        self.desk.stage().is_taken()
    }

    /// Waits for what the worker answers to the event. It may take `start` until it has taken it,
    /// and from then on `limit`.
    pub(super) async fn answer(
        &self,
        start: Option<Duration>,
        limit: Option<Duration>,
    ) -> Result<Outcome, Late> {
        // Nobody tells when the event is taken: that would cost each invocation a change of tasks.
        // It is looked at when the limit has passed for one that was taken at once.
        let far = Duration::from_secs(24 * 60 * 60);
        let look_after = |left: Option<Duration>| Instant::now() + left.unwrap_or(far);
        let mut look = pin!(sleep_until(look_after(limit)));
        loop {
            if let Some(outcome) = self.pick_up() {
                return Ok(outcome);
            }
            tokio::select! {
                biased;
                () = self.desk.done.notified() => {}
                () = look.as_mut() => {
                    let (since, limit, late) = match &*self.desk.stage() {
                        Stage::Offered(_, since) => (*since, start, Late::NotTaken),
                        Stage::Taken(_, since) => (*since, limit, Late::NotAnswered),
                        _ => (Instant::now(), None, Late::NotAnswered),
                    };
                    let left = limit.map(|limit| limit.saturating_sub(since.elapsed()));
                    if left.is_some_and(|left| left.is_zero()) {
                        return Err(late);
                    }
                    look.as_mut().reset(look_after(left));
                }
            }
        }
    }

    fn pick_up(&self) -> Option<Outcome> {
        let mut stage = self.desk.stage();
        match std::mem::replace(&mut *stage, Stage::Idle) {
            Stage::Answered(outcome, names) => {
                *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = names;
                Some(outcome)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    /// The Cloud Calls that were denied within the invocation whose answer was last given, in
    /// order. None of a function in Node: the gateway knows of those.
    pub(super) fn denied(&self) -> Vec<String> {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *denied)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Body = Result<Bytes, BytesRejection>;

fn router(desk: Arc<Desk>, largest: usize) -> Router {
    Router::new()
        .route("/runtime/init/ready", post(ready))
        .route("/runtime/invocation/next", get(next))
        .route("/runtime/invocation/response", post(response))
        .route("/runtime/invocation/error", post(error))
        .layer(DefaultBodyLimit::max(largest))
        .with_state(desk)
}

async fn ready(State(desk): State<Arc<Desk>>) {
    desk.ready();
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    // A worker that asks for an event is ready, even if it did not say so.
    desk.ready();
    event(&*desk.take().await)
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
    headers.insert(NEXT, HeaderValue::from_static("offered"));
    let time_limit = u64::try_from(invocation.time_limit.as_millis()).unwrap_or(u64::MAX);
    headers.insert("time_limit_in_ms", time_limit.into());
    response
}

async fn response(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    let reply = answer(&desk, &headers, body, Outcome::Response);
    and_next(&desk, &headers, reply).await
}

async fn error(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    let mut reply = answer(&desk, &headers, body, Outcome::Error);
    if reply.status() == StatusCode::CONFLICT {
        // A worker whose result was refused for its size reports that, and the invocation is over
        // by then. Refusing this too would be its end.
        reply = StatusCode::OK.into_response();
    }
    and_next(&desk, &headers, reply).await
}

/// The next event instead of a reply that says nothing, if the worker has asked for it.
async fn and_next(desk: &Desk, headers: &HeaderMap, reply: Response) -> Response {
    if reply.status() == StatusCode::OK && headers.contains_key(NEXT) {
        return event(&*desk.take().await);
    }
    reply
}

fn answer(desk: &Desk, headers: &HeaderMap, body: Body, outcome: fn(Bytes) -> Outcome) -> Response {
    let (outcome, reply) = match body {
        Ok(body) => (outcome(body), StatusCode::OK.into_response()),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            (Outcome::TooLarge, rejection.into_response())
        }
        // The connection broke within the body: the worker may send it again.
        Err(rejection) => return rejection.into_response(),
    };
    let request_id = headers.get(NEXT).and_then(|it| it.to_str().ok());
    if desk.answer(outcome, denied(headers), request_id) {
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

    /// What the worker answers, without a limit.
    async fn outcome(api: &RuntimeApi) -> Outcome {
        api.answer(None, None).await.expect("no limit")
    }

    /// Posts an answer for this request id, and waits for the next event.
    async fn post_for_next(api: SocketAddr, path: &str, id: &str, body: &str) -> (String, String) {
        let length = body.len();
        send(
            api,
            format!("POST /runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nCloudcall-Next: {id}\r\nContent-Length: {length}\r\n\r\n{body}"),
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
        let event = next(api.address()).await;
        assert!(api.is_taken());
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

        let (posted, answered) = tokio::join!(
            post(api.address(), "invocation/response", "[2]"),
            outcome(&api)
        );
        assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
        assert_eq!(answered, Outcome::Response("[2]".into()));
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
            assert_eq!(outcome(&api).await, Outcome::Response("1".into()));
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
        assert_eq!(outcome(&api).await, Outcome::Error("no".into()));
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
        assert_eq!(outcome(&api).await, Outcome::Response("1".into()));
    }

    #[tokio::test]
    async fn a_result_beyond_the_limit_is_an_outcome() {
        let api = RuntimeApi::serve_with(3, Guards::default()).await;
        let api = api.expect("port");
        api.offer(invocation("1"));
        next(api.address()).await;
        let posted = post(api.address(), "invocation/response", "123").await;
        assert!(posted.0.starts_with("HTTP/1.1 200"), "{posted:?}");
        assert_eq!(outcome(&api).await, Outcome::Response("123".into()));

        api.offer(invocation("1"));
        next(api.address()).await;
        let posted = post(api.address(), "invocation/response", "1234").await;
        assert!(posted.0.starts_with("HTTP/1.1 413"), "{posted:?}");
        let reported = post(api.address(), "invocation/error", "413").await;
        assert!(reported.0.starts_with("HTTP/1.1 200"), "{reported:?}");
        assert_eq!(outcome(&api).await, Outcome::TooLarge);
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
        assert!(!api.is_taken());
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
        assert_eq!(outcome(&api).await, Outcome::Response("2".into()));
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

    fn named(request_id: &str, event: &'static str) -> Invocation {
        Invocation {
            request_id: request_id.into(),
            ..invocation(event)
        }
    }

    #[tokio::test]
    async fn an_answer_is_answered_with_the_next_event() {
        let mut guards = Guards::default();
        guards.limits.answer.stall = Duration::from_millis(50);
        guards.limits.body.stall = Duration::from_millis(50);
        guards.limits.head = Duration::from_millis(50);
        let api = RuntimeApi::serve_with(3, guards).await.expect("port");
        let address = api.address();
        api.offer(named("id-1", "1"));
        let event = next(address).await;
        assert!(event.0.contains("cloudcall-next: offered"), "{}", event.0);

        // The result is there at once; only the reply waits, for as long as there is no event.
        let waiting = tokio::spawn(post_for_next(address, "invocation/response", "id-1", "[1]"));
        assert_eq!(outcome(&api).await, Outcome::Response("[1]".into()));
        assert!(!api.is_taken());
        let mut silent = TcpStream::connect(address).await.expect("connect");
        assert_eq!(silent.read(&mut [0]).await.expect("its end"), 0);
        assert!(!waiting.is_finished());
        api.offer(named("id-2", "2"));
        let event = waiting.await.expect("task");
        assert!(event.0.contains("request_id: id-2"), "{}", event.0);
        assert_eq!(event.1, "2");
        assert!(api.is_taken());

        // An error is answered in the same way, also after a result that was refused.
        let refused = post_for_next(address, "invocation/response", "id-2", "1234").await;
        assert!(refused.0.starts_with("HTTP/1.1 413"), "{refused:?}");
        let waiting = tokio::spawn(post_for_next(address, "invocation/error", "id-2", "413"));
        assert_eq!(outcome(&api).await, Outcome::TooLarge);
        api.offer(named("id-3", "3"));
        assert_eq!(waiting.await.expect("task").1, "3");
    }

    #[tokio::test]
    async fn an_answer_that_comes_again_is_none_to_the_next_event() {
        let api = RuntimeApi::serve().await.expect("port");
        let address = api.address();
        api.offer(named("id-1", "1"));
        next(address).await;
        let lost = tokio::spawn(post_for_next(address, "invocation/response", "id-1", "[1]"));
        assert_eq!(outcome(&api).await, Outcome::Response("[1]".into()));
        api.offer(named("id-2", "2"));
        lost.await.expect("task");

        let again = post_for_next(address, "invocation/response", "id-1", "[1]").await;
        assert!(again.0.starts_with("HTTP/1.1 409"), "{again:?}");
        let event = post_for_next(address, "invocation/error", "id-1", "409").await;
        assert_eq!(event.1, "2");
        post(address, "invocation/response", "[2]").await;
        assert_eq!(outcome(&api).await, Outcome::Response("[2]".into()));
    }

    #[tokio::test]
    async fn each_part_of_an_invocation_has_its_limit() {
        let [short, long] = [50, 60_000].map(Duration::from_millis).map(Some);
        let api = RuntimeApi::serve().await.expect("port");
        api.offer(invocation("1"));
        assert_eq!(api.answer(short, short).await, Err(Late::NotTaken));

        // What it took to take the event does not count.
        api.offer(invocation("1"));
        let late = tokio::time::timeout(Duration::from_millis(200), api.answer(long, short));
        late.await.expect_err("it may be taken much later");
        next(api.address()).await;
        let taken = Instant::now();
        assert_eq!(api.answer(long, short).await, Err(Late::NotAnswered));
        assert!(taken.elapsed() >= Duration::from_millis(40));

        api.offer(invocation("1"));
        next(api.address()).await;
        post(api.address(), "invocation/response", "1").await;
        assert_eq!(
            api.answer(short, short).await,
            Ok(Outcome::Response("1".into()))
        );
    }
}
