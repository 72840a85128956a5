//! The runtime API of SCF, from the function's side.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::link::Link;
use super::{Context, RuntimeError, WxContext};
use crate::denied::Denied;

/// The time limit of the platform, where the runtime does not say one.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// The longest time limit that is taken as said: a day. The platform's own longest is shorter.
const LONGEST: u64 = 24 * 60 * 60 * 1000;

/// By this the runtime asks which Cloud Calls of the invocation were denied, with the value
/// `denied`; SCF does not.
const REPORT: &str = "cloudcall-report";

/// The answer to that, with the result or the error: names of APIs, separated by commas.
const DENIED: HeaderName = HeaderName::from_static("cloudcall-denied");

/// By this the runtime offers, with the value `offered`, to answer the result with the next event;
/// SCF does not. The function accepts by the same header, with the event's request id.
const NEXT: HeaderName = HeaderName::from_static("cloudcall-next");

pub(super) struct RuntimeApi {
    link: Link,
}

/// An event to serve.
pub(super) struct Invocation {
    pub(super) event: Bytes,
    pub(super) context: Context,
    pub(super) wishes: Wishes,
}

/// What the runtime wants with the answer to an event.
#[derive(Clone)]
pub(super) struct Wishes {
    /// Which calls were denied, if it wants to know.
    pub(super) denied: Option<Denied>,
    /// Accepts the next event as the reply, if that is offered.
    next: Option<HeaderValue>,
}

impl RuntimeApi {
    /// At `HOST:PORT`.
    pub(super) fn at(host: &str) -> Result<Self, RuntimeError> {
        let link = Link::to(host).map_err(|error| RuntimeError {
            message: format!("SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are no address: {host:?}"),
            source: Some(error.into()),
        })?;
        Ok(Self { link })
    }

    /// Says that the function can take events.
    pub(super) async fn ready(&mut self) -> Result<(), RuntimeError> {
        // SCF has rejected an empty body here.
        self.ask(Method::POST, "/runtime/init/ready", " ".into(), None)
            .await
            .map(|_| ())
    }

    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Result<Invocation, RuntimeError> {
        let response = self
            .ask(Method::GET, "/runtime/invocation/next", Bytes::new(), None)
            .await?;
        Ok(Self::invocation(response))
    }

    fn invocation(response: http::Response<Bytes>) -> Invocation {
        let (head, event) = response.into_parts();
        let context = Context::new(
            header(&head.headers, "request_id")
                .unwrap_or_default()
                .to_owned(),
            number(&head.headers, "memory_limit_in_mb").unwrap_or_default(),
            number(&head.headers, "time_limit_in_ms").map_or(TIME_LIMIT, |milliseconds| {
                Duration::from_millis(milliseconds.min(LONGEST))
            }),
            Instant::now(),
            WxContext::of_event(&event),
        );
        let wanted = header(&head.headers, REPORT) == Some("denied");
        let request_id = head.headers.get("request_id");
        let is_offered = header(&head.headers, NEXT.as_str()) == Some("offered");
        Invocation {
            event,
            context,
            wishes: Wishes {
                denied: wanted.then(Denied::default),
                next: request_id.filter(|_| is_offered).cloned(),
            },
        }
    }

    /// Gives the result of the invocation. Gives the next event, if that was offered.
    pub(super) async fn respond(
        &mut self,
        result: String,
        wishes: &Wishes,
    ) -> Result<Option<Invocation>, RuntimeError> {
        self.post("/runtime/invocation/response", result, wishes)
            .await
    }

    /// Reports that the invocation failed. Gives the next event, if that was offered.
    pub(super) async fn fail(
        &mut self,
        message: String,
        wishes: &Wishes,
    ) -> Result<Option<Invocation>, RuntimeError> {
        self.post("/runtime/invocation/error", message, wishes)
            .await
    }

    async fn post(
        &mut self,
        path: &'static str,
        body: String,
        wishes: &Wishes,
    ) -> Result<Option<Invocation>, RuntimeError> {
        let reply = self.ask(Method::POST, path, body.into(), Some(wishes));
        let reply = reply.await?;
        Ok(wishes.next.is_some().then(|| Self::invocation(reply)))
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &'static str,
        body: Bytes,
        wishes: Option<&Wishes>,
    ) -> Result<http::Response<Bytes>, RuntimeError> {
        let failed = |message, source| RuntimeError { message, source };
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(path);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(id) = wishes.and_then(|it| it.next.clone()) {
            request.headers_mut().insert(NEXT, id);
        }
        let denied = wishes.and_then(|it| it.denied.as_ref()?.list());
        if let Some(Ok(names)) = denied.as_deref().map(HeaderValue::from_str) {
            request.headers_mut().insert(DENIED, names);
        }
        let response = self
            .link
            .exchange(request)
            .await
            .map_err(|error| failed(format!("the runtime API: {error}"), Some(error.into())))?;
        if !response.status().is_success() {
            let status = response.status();
            let path = path.trim_start_matches("/runtime/");
            let said = String::from_utf8_lossy(response.body());
            return Err(failed(
                format!("the runtime API answered {path} with HTTP {status}: {said}"),
                None,
            ));
        }
        Ok(response)
    }
}

/// A header of SCF, whose names have underscores; a proxy may have turned them into hyphens.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .or_else(|| headers.get(name.replace('_', "-")))
        .and_then(|value| value.to_str().ok())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    header(headers, name)?.parse().ok()
}
