//! Makes faults happen to a request, beneath the journal.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_body::Body as HttpBody;

use super::active::Released;
use super::body::{Broken, Drip, Unsent, pause};
use super::connection::{ConnectionControl, End, Point};
use super::effect::{Effect, Moment};
use crate::drain::drain;
use crate::query::parameter;
use crate::wechat::{Answer, WeChat};

/// Where `reset=inside` strikes: HTTP's version, the status, and the first bytes of a name.
const INSIDE_HEAD: u64 = 24;

/// What `garbage` sends: neither JSON nor UTF-8 nor an image.
const GARBAGE: &[u8] = b"\x00\xfe\xff{]garbage\x80\n";

/// Holds a response back until it is let go, and ends the connection then.
#[derive(Clone)]
struct NoAnswer {
    released: Released,
    control: Option<ConnectionControl>,
}

/// Lets the faults of an emulator happen to a request for this API.
pub(crate) async fn disturb<F>(
    wechat: &Arc<WeChat>,
    request: Request,
    api: impl FnOnce(Arc<WeChat>, Request) -> F + Send,
) -> Answer
where
    F: Future<Output = Answer> + Send,
{
    let met = {
        let has_token = || token(request.uri()).is_some();
        wechat.faults.meet(request.uri().path(), has_token)
    };
    let Some(met) = met else {
        return api(Arc::clone(wechat), request).await;
    };
    let token = token(request.uri()).unwrap_or_default().into_owned();
    // Boxed, so that a request which meets none has no room to make for it.
    Box::pin(async move {
        if !met.delay.is_zero() {
            pause(met.delay, met.released.clone()).await;
        }
        let answer = match met.effect {
            None => api(Arc::clone(wechat), request).await,
            Some(effect) => happen(wechat, effect, &token, met.released, request, api).await,
        };
        Answer {
            fault: Some(met.name),
            ..answer
        }
    })
    .await
}

fn token(uri: &Uri) -> Option<Cow<'_, str>> {
    parameter(uri, "access_token").filter(|token| !token.is_empty())
}

/// The answer to a request that meets this.
async fn happen<F>(
    wechat: &Arc<WeChat>,
    effect: Effect,
    token: &str,
    released: Released,
    request: Request,
    api: impl FnOnce(Arc<WeChat>, Request) -> F + Send,
) -> Answer
where
    F: Future<Output = Answer> + Send,
{
    let control = control(&request);
    let control = control.as_ref();
    let api = |request| api(Arc::clone(wechat), request);
    match effect {
        // The time has passed already.
        Effect::Delay(_) => api(request).await,
        // The API itself then says what it thinks of the token.
        Effect::ExpireToken => {
            wechat.expire_token(token);
            api(request).await
        }
        Effect::RevokeToken => {
            wechat.revoke_token(token);
            api(request).await
        }
        Effect::ContentType(value) => api(request).await.map(|mut response| {
            response.headers_mut().insert(CONTENT_TYPE, value);
            response
        }),
        Effect::Drip { bytes, pause } => api(request)
            .await
            .map(|response| response.map(|body| Drip::of(body, bytes.get(), pause, released))),
        // The answer to a HEAD has nothing to cut.
        Effect::Cut(_) if request.method() == Method::HEAD => api(request).await,
        Effect::Cut(bytes) => {
            let answer = api(request).await.map(with_length);
            match cut_at(bytes, answer.response.body()) {
                Some(point) => broken(answer, point, End::Close, control).await,
                None => answer,
            }
        }
        Effect::Reset(Moment::Inside) => {
            let answer = api(request).await.map(with_length);
            broken(answer, Point::Bytes(INSIDE_HEAD), End::Reset, control).await
        }
        Effect::Reset(Moment::After) => {
            let answer = api(request).await.map(with_length);
            broken(answer, Point::Body(0), End::Reset, control).await
        }
        Effect::Reset(Moment::Before) => {
            unserved(request).await;
            let answer = Response::default().into();
            broken(answer, Point::Bytes(0), End::Reset, control).await
        }
        Effect::NoAnswer => {
            unserved(request).await;
            let mut response = Response::default();
            response.extensions_mut().insert(NoAnswer {
                released,
                control: control.cloned(),
            });
            response.into()
        }
        Effect::ErrCode { code, message } => {
            unserved(request).await;
            wechat.failure(code, message)
        }
        Effect::Garbage => {
            unserved(request).await;
            page("application/json; encoding=utf-8", GARBAGE).into()
        }
        Effect::Status(status) => {
            unserved(request).await;
            status_page(status).into()
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

/// Where a body is cut, if it is not empty: so many bytes into it, else in its middle.
fn cut_at(bytes: Option<u64>, body: &Body) -> Option<Point> {
    let (half, most) = match body.size_hint().exact() {
        Some(0) => return None,
        Some(whole) => (whole / 2, whole - 1),
        None => (0, u64::MAX),
    };
    Some(Point::Body(bytes.unwrap_or(half).min(most)))
}

/// Says how long the whole body is, before any of it is lost.
fn with_length(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        let headers = response.headers_mut();
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    response
}

/// An answer that breaks off.
async fn broken(
    answer: Answer,
    point: Point,
    end: End,
    control: Option<&ConnectionControl>,
) -> Answer {
    let response = break_off(answer.response, point, end, control).await;
    Answer { response, ..answer }
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
