//! The layer that makes faults happen, beneath the journal.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use http_body::Body as HttpBody;

use super::active::Released;
use super::body::{Broken, Drip, Unsent, pause};
use super::connection::{ConnectionControl, End, Point};
use super::effect::{Effect, Moment};
use crate::drain::drain;
use crate::query::parameter;
use crate::wechat::WeChat;

/// Where `reset=inside` strikes: HTTP's version, the status, and the first bytes of a name.
const INSIDE_HEAD: u64 = 24;

/// What `garbage` sends: neither JSON nor UTF-8 nor an image.
const GARBAGE: &[u8] = b"\x00\xfe\xff{]garbage\x80\n";

/// Tells the journal which fault a response shows.
#[derive(Clone)]
pub(crate) struct FaultName(pub(crate) Arc<str>);

/// Holds a response back until it is let go, and ends the connection then.
#[derive(Clone)]
struct NoAnswer {
    released: Released,
    control: Option<ConnectionControl>,
}

/// Lets the faults of an emulator happen to a request.
pub(crate) async fn disturb(
    State(wechat): State<Arc<WeChat>>,
    request: Request,
    next: Next,
) -> Response {
    let token = parameter(request.uri(), "access_token").filter(|token| !token.is_empty());
    let Some(met) = wechat.faults.meet(request.uri().path(), token.is_some()) else {
        return next.run(request).await;
    };
    if !met.delay.is_zero() {
        pause(met.delay, met.released.clone()).await;
    }
    let token = token.unwrap_or_default().into_owned();
    let mut response = match met.effect {
        None => next.run(request).await,
        Some(effect) => happen(&wechat, effect, &token, met.released, request, next).await,
    };
    response.extensions_mut().insert(FaultName(met.name));
    response
}

/// The answer to a request that meets this.
async fn happen(
    wechat: &WeChat,
    effect: Effect,
    token: &str,
    released: Released,
    request: Request,
    next: Next,
) -> Response {
    let control = control(&request);
    let control = control.as_ref();
    match effect {
        // The time has passed already.
        Effect::Delay(_) => next.run(request).await,
        // The API itself then says what it thinks of the token.
        Effect::ExpireToken => {
            wechat.expire_token(token);
            next.run(request).await
        }
        Effect::RevokeToken => {
            wechat.revoke_token(token);
            next.run(request).await
        }
        Effect::ContentType(value) => {
            let mut response = next.run(request).await;
            response.headers_mut().insert(CONTENT_TYPE, value);
            response
        }
        Effect::Drip { bytes, pause } => {
            let response = next.run(request).await;
            response.map(|body| Drip::of(body, bytes.get(), pause, released))
        }
        // The answer to a HEAD has nothing to cut.
        Effect::Cut(_) if request.method() == Method::HEAD => next.run(request).await,
        Effect::Cut(bytes) => cut(bytes, next.run(request).await, control).await,
        Effect::Reset(Moment::Inside) => {
            let response = with_length(next.run(request).await);
            break_off(response, Point::Bytes(INSIDE_HEAD), End::Reset, control).await
        }
        Effect::Reset(Moment::After) => {
            let response = with_length(next.run(request).await);
            break_off(response, Point::Body(0), End::Reset, control).await
        }
        Effect::Reset(Moment::Before) => {
            unserved(request).await;
            break_off(Response::default(), Point::Bytes(0), End::Reset, control).await
        }
        Effect::NoAnswer => {
            unserved(request).await;
            let mut response = Response::default();
            response.extensions_mut().insert(NoAnswer {
                released,
                control: control.cloned(),
            });
            response
        }
        Effect::ErrCode { code, message } => {
            unserved(request).await;
            wechat.failure(code, message)
        }
        Effect::Garbage => {
            unserved(request).await;
            page("application/json; encoding=utf-8", GARBAGE)
        }
        Effect::Status(status) => {
            unserved(request).await;
            status_page(status)
        }
    }
}

/// Takes a request that the API does not get. Nothing of it may stay unread: closing the
/// connection would reset it.
async fn unserved(request: Request) {
    drain(&mut request.into_body().into_data_stream()).await;
}

/// Waits, where there must be no answer, until the connection may end.
pub(crate) async fn held_back(mut response: Response) -> Response {
    let Some(held) = response.extensions_mut().remove() else {
        return response;
    };
    let NoAnswer {
        mut released,
        control,
    } = held;
    // An error says that the emulator is gone, which means the same.
    let _ = released.changed().await;
    break_off(response, Point::Bytes(0), End::Close, control.as_ref()).await
}

/// The connection's control, where the emulator's own server serves it.
fn control(request: &Request) -> Option<ConnectionControl> {
    request.extensions().get().cloned()
}

/// What a proxy shows of an error. Some statuses have no body.
fn status_page(status: StatusCode) -> Response {
    let mut response = match status {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            Response::default()
        }
        _ => page(
            "text/html",
            format!("<html><head><title>{status}</title></head><body>{status}</body></html>\n"),
        ),
    };
    *response.status_mut() = status;
    response
}

fn page(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn cut(
    bytes: Option<u64>,
    response: Response,
    control: Option<&ConnectionControl>,
) -> Response {
    let response = with_length(response);
    match response.body().size_hint().exact() {
        Some(0) => response,
        whole => {
            let half = whole.map_or(0, |whole| whole / 2);
            let most = whole.map_or(u64::MAX, |whole| whole - 1);
            let bytes = bytes.unwrap_or(half).min(most);
            break_off(response, Point::Body(bytes), End::Close, control).await
        }
    }
}

/// Says how long the whole body is, before any of it is lost.
fn with_length(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        let headers = response.headers_mut();
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    response
}

/// Ends the connection within this response. Where there is none, the body breaks instead.
async fn break_off(
    mut response: Response,
    point: Point,
    end: End,
    control: Option<&ConnectionControl>,
) -> Response {
    if let Some(control) = control {
        // What is to be sent ahead of this response, such as "100 Continue", goes out meanwhile.
        tokio::task::yield_now().await;
        control.break_off(point, end);
        return response;
    }
    match point {
        Point::Bytes(_) => {
            response.extensions_mut().insert(Unsent);
            response.map(|body| Broken::after(0, body))
        }
        Point::Body(bytes) => response.map(|body| Broken::after(bytes, body)),
    }
}
