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
//! No URL names an invocation, so a worker has one at a time: [`desk`] knows how far it is.

mod desk;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
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
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep};

use desk::{Desk, Stage};

/// The largest event and the largest result, in bytes. The platform's own limit is far below.
pub(crate) const LARGEST: usize = 64 << 20;

/// The header that says who calls. The platform has the process's environment for that, and so
/// does a function in Node: our script sets it.
const CALLER: &str = "cloudcall-caller";
/// The Cloud Calls that were denied, which are sent nowhere: names, separated by commas.
const DENIED: &str = "cloudcall-denied";

/// How many of them are taken.
const MOST_DENIED: usize = 64;

/// What is as good as never.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

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

/// The server of one worker, on a loopback port of its own. Dropping it closes the port.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    desk: Arc<Desk>,
    denied: Mutex<Vec<String>>,
    /// When it is looked at how far the worker is.
    look: Pin<Box<Sleep>>,
    server: AbortHandle,
}

impl RuntimeApi {
    pub(super) async fn serve() -> std::io::Result<Self> {
        Self::serve_with(LARGEST, Guards::default()).await
    }

    async fn serve_with(largest: usize, guards: Guards) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new());
        let router = router(Arc::clone(&desk), largest);
        let server = tokio::spawn(serve(listener, router, guards, std::future::pending()));
        Ok(Self {
            address,
            desk,
            denied: Mutex::default(),
            look: Box::pin(sleep(FAR)),
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
        &mut self,
        start: Option<Duration>,
        limit: Option<Duration>,
    ) -> Result<Outcome, Late> {
        // Nobody tells when the event is taken: that would cost each invocation a change of tasks.
        // It is looked at when the limit has passed for one that was taken at once; or before,
        // because a timer that was set for an earlier invocation goes on. To set it wakes what
        // waits for timers and sockets.
        let look_after = |left: Option<Duration>| Instant::now() + left.unwrap_or(FAR).min(FAR);
        let latest = look_after(limit);
        if self.look.deadline() > latest {
            self.look.as_mut().reset(latest);
        }
        loop {
            if let Some(outcome) = self.pick_up() {
                return Ok(outcome);
            }
            tokio::select! {
                biased;
                () = self.desk.done.notified() => {}
                () = self.look.as_mut() => {
                    let (since, allowed, late) = match &*self.desk.stage() {
                        Stage::Offered(_, since) => (*since, start, Late::NotTaken),
                        Stage::Taken(_, since) => (*since, limit, Late::NotAnswered),
                        _ => (Instant::now(), None, Late::NotAnswered),
                    };
                    let left = allowed.map(|allowed| allowed.saturating_sub(since.elapsed()));
                    if left.is_some_and(|left| left.is_zero()) {
                        return Err(late);
                    }
                    // It may be taken at once, and then has its limit.
                    let left = left.into_iter().chain(limit).min();
                    self.look.as_mut().reset(look_after(left));
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
