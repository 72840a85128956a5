//! One connection: its requests, under the guards.

use std::convert::Infallible;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tower_service::Service as _;

use super::Guards;
use super::body::{Arriving, Late, Leaving};
use super::limits::Patience;
use super::sender::Check;
use super::stream::{Guarded, Phase};
use crate::faults::ConnectionControl;
use crate::wechat::plain_failure;

/// Serves the requests of a connection until either side ends it.
///
/// While `crowded` is true others wait for a place: the connection ends with the next answer, which
/// says so to the client, or when it has been idle for a while. When `crowded` has no sender any
/// more, it ends with the exchange that is running, if any.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    control: ConnectionControl,
    router: Router,
    guards: Guards,
    mut crowded: watch::Receiver<bool>,
) {
    let limits = guards.limits;
    let phase = Phase::new();
    let stream = Guarded::new(stream, limits, phase.clone());
    let service = Exchanges {
        check: Check::new(guards.senders),
        control,
        router,
        patience: limits.body,
        phase: phase.clone(),
        crowded: crowded.clone(),
    };
    let service = service_fn(move |request| service.answer(request));
    let connection = http1::Builder::new()
        // Ours tells a slow head from an idle connection.
        .header_read_timeout(None)
        .max_header_size(limits.head_size)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut look = pin!(sleep(limits.idle));
    let mut is_ending = false;
    loop {
        let is_crowded = *crowded.borrow_and_update();
        tokio::select! {
            // An error is the client's: it is gone, too slow, or speaks no HTTP.
            _ = connection.as_mut() => return,
            changed = crowded.changed(), if !is_ending => is_ending = changed.is_err(),
            () = look.as_mut(), if is_crowded && !is_ending => {
                is_ending = phase.is_idle_for(limits.idle);
                look.as_mut().reset(Instant::now() + limits.idle);
            }
        }
        if is_ending {
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// What the exchanges of a connection have in common.
struct Exchanges {
    check: Check,
    control: ConnectionControl,
    router: Router,
    patience: Patience,
    phase: Phase,
    crowded: watch::Receiver<bool>,
}

impl Exchanges {
    /// The answer to one request, and what is noted of it on the way.
    ///
    /// The head is dealt with at once, and not when the answer is polled: until then it would count
    /// as one that is still arriving, and get a timer.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Leaving>, Infallible>> + use<> {
        self.phase.exchange_begins();
        let late = (!request.body().is_end_stream()).then(Late::default);
        let answering = self.check.check(&request).map(|()| {
            let mut request = request.map(|body| match &late {
                Some(late) => Body::new(Arriving::new(body, self.patience, late.clone())),
                None => Body::empty(),
            });
            request.extensions_mut().insert(self.control.clone());
            self.router.clone().call(request)
        });
        let phase = self.phase.clone();
        let crowded = self.crowded.clone();
        async move {
            let response = match answering {
                Err(refusal) => plain_failure(StatusCode::FORBIDDEN, refusal),
                Ok(answering) => {
                    let Ok(response) = answering.await;
                    if late.is_some_and(|late| late.is_set()) {
                        plain_failure(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")
                    } else {
                        response
                    }
                }
            };
            let mut response = response.map(|body| Leaving::new(body, phase));
            if *crowded.borrow() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response)
        }
    }
}
