//! The way of a request to an API and back: faults, and the journal.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;

use super::WeChat;
use crate::faults;
use crate::journal::{clipped, clipped_method};

/// What a request is answered, and what the journal tells of it.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// WeChat's error, if it is one. That of a response which has none is its HTTP status.
    pub(crate) errcode: Option<i64>,
    /// The media that it is about.
    pub(crate) media_id: Option<Arc<str>>,
    /// The fault that it shows.
    pub(crate) fault: Option<Arc<str>>,
}

/// An answer of which there is no more to tell.
impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            response,
            errcode: None,
            media_id: None,
            fault: None,
        }
    }
}

impl Answer {
    /// The answer with another response.
    pub(crate) fn map(self, change: impl FnOnce(Response) -> Response) -> Self {
        Self {
            response: change(self.response),
            ..self
        }
    }

    fn errcode(&self) -> i64 {
        let status = self.response.status();
        self.errcode.unwrap_or_else(|| match status.is_success() {
            true => 0,
            false => status.as_u16().into(),
        })
    }
}

/// An API as a handler of axum's. Faults happen beneath the journal, so that it tells what the
/// caller saw.
///
/// Both are here, and not in layers of the router, because each layer costs a request as much as
/// an API itself.
#[derive(Clone)]
pub(super) struct Api<A>(pub(super) A);

impl<A, F> Handler<(), Arc<WeChat>> for Api<A>
where
    A: FnOnce(Arc<WeChat>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, wechat: Arc<WeChat>) -> Self::Future {
        let Self(api) = self;
        Box::pin(async move {
            let method = clipped_method(request.method());
            let path = clipped(request.uri().path()).to_owned();
            let answer = faults::disturb(&wechat, request, api).await;
            let errcode = answer.errcode();
            let Answer {
                response,
                media_id,
                fault,
                ..
            } = answer;
            let is_faulty = fault.is_some();
            wechat
                .journal
                .record(method, &path, errcode, media_id, fault);
            match is_faulty {
                true => faults::held_back(response).await,
                false => response,
            }
        })
    }
}
