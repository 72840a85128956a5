//! The gateway: what `wx-server-sdk` in a function talks to, in the place of Tencent's.

mod callers;
mod functions;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
pub(crate) mod micro;
mod open_api;
mod parameters;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use cloudcall::openapi::wire::Answer;
use http::{Method, StatusCode};

use crate::drain::drain;
use crate::ids::Ids;
use crate::journal::clipped;
use callers::Callers;
pub use callers::{Caller, FunctionToken};
pub use functions::{FunctionCall, FunctionInvoker, InvokeError};
pub use parameters::noted_parameters;
use reply::Refusal;
use request::GatewayRequest;

/// Serves the requests of `wx-server-sdk`, from 0.4.0, where Cloud Calls began, to 4.
///
/// A function is [registered](Self::register) with its permissions, and its process gets the
/// token. A Cloud Call of that process then goes the same way as one of a function in Rust: the
/// same permissions, access token, transport and rules. A cheap handle: clones are the same
/// gateway.
///
/// ```
/// use cloudcall::{Cloud, Permissions};
/// use cloudcall_emulator::{Caller, Emulator, Gateway};
/// use tokio::net::TcpListener;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let emulator = Emulator::builder().build()?;
/// let gateway = Gateway::new();
/// let router = emulator.router().merge(gateway.router());
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let server = emulator.start_with(listener, router)?;
///
/// let cloud = Cloud::builder()
///     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
///     .app_secret(emulator.app_id(), emulator.app_secret())
///     .transport(emulator.transport())
///     .build()?;
/// let token = gateway.register(Caller::new("my-function", cloud));
///
/// // The environment of the function's process.
/// let environment = [
///     ("TCB_CONTEXT_CNFG", format!(r#"{{"URL":"{}/admin"}}"#, server.url())),
///     ("TENCENTCLOUD_RUNENV", "WX_LOCAL_SCF".to_owned()),
///     ("WX_CONTEXT_KEYS", "WX_API_TOKEN".to_owned()),
///     ("WX_API_TOKEN", token.expose().to_owned()),
/// ];
/// # server.close().await;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # What is served
///
/// `POST /admin`, whatever the query, by the field `action` of the body:
///
/// | `action` | is |
/// |---|---|
/// | `wx.openApi` | a Cloud Call, `cloud.openapi.….…()` |
/// | `functions.invokeFunction` | `cloud.callFunction()`, by way of a [`FunctionInvoker`] |
/// | any other | refused with a message that says so: database, storage, payment and the rest are not emulated |
///
/// A refusal is TCB's JSON, `{"code","message","requestId"}` with HTTP 200, of which the SDK makes
/// an error that shows the message. The SDK looks for `metadata.tencentyun.com` too; that gets a
/// 404, which is how it learns that it does not run in Tencent's cloud.
///
/// # How the versions differ
///
/// Measured with 17 published versions from 0.4.3 to 4.0.2. All of them send a Cloud Call as a
/// form and `callFunction` as JSON, to `/admin`, and take the same replies. But:
///
/// - Up to 2.2.0 the host is fixed, `tcb-open.tencentcloudapi.com` for Cloud Calls and
///   `tcb-admin.tencentcloudapi.com` for the rest, so that requests have to be redirected. They
///   arrive with that name in `Host`, which the emulator's guard lets pass. From 2.3.3 on
///   `TCB_CONTEXT_CNFG` names the gateway.
/// - From 2.5.4 on there is a look for `metadata.tencentyun.com` before the first call; 4.0.2 looks
///   three times.
/// - 4.0.2 sends a form in chunks, without a `Content-Length`.
/// - Of a Cloud Call that did not come about only the code is shown: 0.4.3 has the code's meaning
///   as `errMsg`, later versions `system error: error code: -604101`. What else there is to say
///   goes to the [observer](Self::with_observer).
/// - A `callFunction` that fails is an error with `errCode` -504002 or the like, and the message.
///   4.0.2 has `errCode` -1 and TCB's word, `FUNCTIONS_EXECUTE_FAIL`, as `code`. 0.8.1 and 1.5.3
///   lose the error: the call gives an object without a `result`.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    callers: Arc<Callers>,
    ids: Ids,
    invoker: RwLock<Option<Arc<dyn FunctionInvoker>>>,
    observer: Option<Box<Observer>>,
}

type Observer = dyn Fn(&GatewayEvent<'_>) + Send + Sync;

/// What an [observer](Gateway::with_observer) is told. Nothing of it holds a token.
#[derive(Debug)]
#[non_exhaustive]
pub enum GatewayEvent<'a> {
    /// A Cloud Call has ended, in whatever way. For a call that failed
    /// [`CallFailed`](Self::CallFailed) follows.
    #[non_exhaustive]
    Called {
        /// The function that called.
        function: &'a str,
        /// The [id](Caller::id) of the caller, if it has one.
        id: Option<u64>,
        /// The API, as the function named it. At most 256 characters.
        api: &'a str,
        /// The [noted parameters](noted_parameters), as WeChat names them.
        parameters: &'a serde_json::Value,
        /// What WeChat answered, which may be an `errcode`; or why it was not asked, or gave no
        /// answer.
        result: Result<&'a Answer, &'a cloudcall::Error>,
        /// From the permission's check to the end of the answer.
        duration: Duration,
    },
    /// The function gave up on a Cloud Call before it ended: it was too slow for it, say, or the
    /// process has ended.
    #[non_exhaustive]
    GivenUp {
        /// The function that called.
        function: &'a str,
        /// The [id](Caller::id) of the caller, if it has one.
        id: Option<u64>,
        /// The API, as the function named it. At most 256 characters.
        api: &'a str,
        /// The [noted parameters](noted_parameters), as WeChat names them.
        parameters: &'a serde_json::Value,
        /// From the permission's check until then.
        duration: Duration,
    },
    /// A Cloud Call did not come about, or did not reach WeChat's API. The function sees little
    /// more than the code; [`Error::hint`](cloudcall::Error::hint) may say what to do.
    #[non_exhaustive]
    CallFailed {
        /// The function that called.
        function: &'a str,
        /// The API, as the function named it. At most 256 characters.
        api: &'a str,
        /// Why.
        error: &'a cloudcall::Error,
    },
    /// A request was refused; the function sees the message, too.
    #[non_exhaustive]
    Refused {
        /// The function that sent it, where that is known.
        function: Option<&'a str>,
        /// What it asked for, such as `database.queryDocument`. At most 256 characters.
        action: &'a str,
        /// Why.
        message: &'a str,
    },
}

impl Gateway {
    /// A gateway without functions.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// A gateway that tells `observer` what went wrong, for a developer to read. The observer is
    /// called in the middle of a request, so it must not take long.
    pub fn with_observer(observer: impl Fn(&GatewayEvent<'_>) + Send + Sync + 'static) -> Self {
        Self::build(Some(Box::new(observer)))
    }

    fn build(observer: Option<Box<Observer>>) -> Self {
        Self(Arc::new(Inner {
            callers: Arc::default(),
            ids: Ids::new(None),
            invoker: RwLock::default(),
            observer,
        }))
    }

    /// Lets a function call, with a new token. A function may have several, one a process.
    pub fn register(&self, caller: Caller) -> FunctionToken {
        self.0.callers.register(self.0.ids.function_token(), caller)
    }

    /// Sets who runs the functions that others call, in the place of any before.
    ///
    /// The invoker can be made after the functions are registered. If it holds the gateway, the
    /// two keep each other alive until another is set.
    pub fn set_invoker(&self, invoker: impl FunctionInvoker) {
        let mut current = self
            .0
            .invoker
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::new(invoker));
    }

    /// The routes, to be merged into those of an [`Emulator`](crate::Emulator::router) and served
    /// under its guards.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/admin", any(admin))
            .route("/latest/meta-data/app-id", any(StatusCode::NOT_FOUND))
            .with_state(self.clone())
    }

    fn invoker(&self) -> Option<Arc<dyn FunctionInvoker>> {
        let current = self
            .0
            .invoker
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    fn tell(&self, event: &GatewayEvent<'_>) {
        if let Some(observer) = &self.0.observer {
            observer(event);
        }
    }

    async fn answer(&self, request: GatewayRequest, request_id: &str) -> Response {
        let action = clipped(&request.action).to_owned();
        let caller = self.0.callers.find(&request.token);
        let function = caller.as_ref().ok().map(Arc::clone);
        let answer = match &*action {
            "" => Err(Refusal::invalid("missing action")),
            "wx.openApi" => match caller {
                Ok(caller) => {
                    let api = clipped(&request.api);
                    open_api::call(self, &caller, api, request.call, &request.token).await
                }
                Err(refusal) => Err(refusal),
            },
            "functions.invokeFunction" => match caller {
                Ok(caller) => {
                    let GatewayRequest {
                        function, event, ..
                    } = request;
                    functions::invoke(self, &caller, function, event, request_id).await
                }
                Err(refusal) => Err(refusal),
            },
            _ => Err(Refusal::not_emulated(&action)),
        };
        answer.unwrap_or_else(|refusal| {
            let function = function.as_ref().map(|caller| &*caller.name);
            self.refuse(refusal, function, &action, request_id)
        })
    }

    fn refuse(
        &self,
        refusal: Refusal,
        function: Option<&str>,
        action: &str,
        request_id: &str,
    ) -> Response {
        self.tell(&GatewayEvent::Refused {
            function,
            action,
            message: &refusal.message,
        });
        refusal.into_response(request_id)
    }
}

/// Reads the request and answers it.
async fn admin(State(gateway): State<Gateway>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let request_id = gateway.0.ids.uuid();
    let received = if head.method == Method::POST {
        GatewayRequest::read(&head.headers, &mut body).await
    } else {
        Err(Refusal::invalid("the gateway takes POST requests only"))
    };
    match received {
        Ok(request) => gateway.answer(request, &request_id).await,
        Err(refusal) => {
            drain(&mut body).await;
            gateway.refuse(refusal, None, "", &request_id)
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("callers", &self.0.callers)
            .finish_non_exhaustive()
    }
}
