//! WeChat's answer to who asks for an app's access token.
//!
//! Source: the page of `getStableAccessToken`. `POST /cgi-bin/stable_token` gives the same token
//! while it is valid, so several processes of one app do not invalidate each other's.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::LONGEST_LIFE;
use super::state::Current;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::retry::{Attempts, Outcome};
use crate::secret::{Redactor, Secret};
use crate::transport::{TransportError, TransportErrorKind};

pub(crate) struct StableToken {
    app_id: String,
    secret: Secret,
    /// What came of the latest attempt, if it failed.
    failed: Mutex<Option<Failure>>,
}

/// Why there is no token. Whoever waited for the same fetch gets the same failure.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    WeChat {
        errcode: i64,
        errmsg: String,
    },
    Transport {
        kind: TransportErrorKind,
        message: String,
    },
    /// No token, and no `errcode`.
    Reply(StatusCode),
}

/// The reply of `stable_token`, in either shape.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<u64>,
    errcode: Option<i64>,
    #[serde(default)]
    errmsg: String,
}

impl StableToken {
    pub(super) fn new(app_id: String, secret: Secret) -> Self {
        Self {
            app_id,
            secret,
            failed: Mutex::default(),
        }
    }

    pub(super) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) fn empty_part(&self) -> Option<&'static str> {
        if self.app_id.is_empty() {
            Some("the app id")
        } else if self.secret.expose().is_empty() {
            Some("the app secret")
        } else {
            None
        }
    }

    /// Asks for a token: the one that is valid, or with `force_refresh` a new one; again where that
    /// may help. A forced token counts against WeChat's limit, so one is not asked for twice. No
    /// deadline bounds this: whoever waits for the same token may have more time than the caller
    /// who asks. No failure shows what the redactor knows.
    pub(super) async fn fetch(
        &self,
        cloud: &Cloud,
        force_refresh: bool,
        redactor: &Redactor,
    ) -> Result<Current, Failure> {
        let mut attempts = Attempts::begin(cloud.retry(), "stable_token", !force_refresh, None);
        self.failed().take();
        loop {
            let fetched = self.ask(cloud, force_refresh).await;
            let fetched = fetched.map_err(|failure| failure.redacted(redactor));
            *self.failed() = fetched.as_ref().err().cloned();
            let outcome = fetched
                .as_ref()
                .map_or_else(Failure::outcome, |_| Outcome::Final);
            if !attempts.another(outcome).await {
                return fetched;
            }
        }
    }

    /// The error of a call that cannot wait any longer for what is fetched.
    pub(super) fn too_late(&self) -> Error {
        let waited = "the call's deadline passed while it waited for an access token";
        match &*self.failed() {
            Some(failure) => {
                Error::deadline(&format!("{waited}; the last attempt to get one: {failure}"))
            }
            None => Error::deadline(waited),
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, cloud: &Cloud, force_refresh: bool) -> Result<Current, Failure> {
        let body = json!({
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self.secret.expose(),
            "force_refresh": force_refresh,
        });
        let request = http::Request::post(format!("{}/cgi-bin/stable_token", cloud.api_base()))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .expect("a path after a base that is checked, and not long, is a URI");
        // The lifetime counts from before the request, so that a slow answer cannot stretch it.
        let asked_at = Instant::now();
        let response = cloud.transport().send(request).await?;
        tracing::debug!(
            app_id = self.app_id,
            force_refresh,
            "asked for an access token"
        );
        Self::read(&response, asked_at)
    }

    fn read(response: &http::Response<Bytes>, asked_at: Instant) -> Result<Current, Failure> {
        let answer = serde_json::from_slice::<Answer>(response.body());
        let status = response.status();
        match answer {
            Ok(Answer {
                errcode: Some(errcode),
                errmsg,
                ..
            }) if errcode != 0 => Err(Failure::WeChat { errcode, errmsg }),
            Ok(Answer {
                access_token: Some(token),
                expires_in: Some(seconds),
                ..
            }) if status.is_success() && !token.is_empty() => {
                let lifetime = Duration::from_secs(seconds).min(LONGEST_LIFE);
                Ok(Current::fetched(token.into(), asked_at, lifetime))
            }
            // What it says instead is not quoted: it may hold a token.
            _ => Err(Failure::Reply(status)),
        }
    }
}

impl Failure {
    /// Takes secrets out of what came from outside: a failure is logged, and told to others than
    /// the one who asked.
    fn redacted(mut self, redactor: &Redactor) -> Self {
        match &mut self {
            Self::WeChat { errmsg: text, .. } | Self::Transport { message: text, .. } => {
                *text = redactor.clean(text).into_owned();
            }
            Self::Reply(_) => {}
        }
        self
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::WeChat { errcode, .. } => Outcome::of_errcode(*errcode),
            Self::Transport { kind, .. } => Outcome::of_kind(*kind),
            Self::Reply(status) => Outcome::of_status(*status),
        }
    }

    /// Whether WeChat has certainly not heard of it.
    pub(super) fn was_not_sent(&self) -> bool {
        self.outcome() == Outcome::NotSent
    }

    /// The error of the call that needed the token.
    pub(super) fn into_error(self, api: &Api) -> Error {
        match self {
            Self::WeChat { errcode, errmsg } => {
                let errmsg = format!("cannot get an access token: {errmsg}");
                let error = Error::wechat(api.name, errcode, &errmsg);
                match errcode {
                    40013 => error.with_hint("check WECHAT_APPID"),
                    40125 => error.with_hint("check WECHAT_SECRET: it may have been reset"),
                    40164 => error.with_hint(
                        "add this machine's IP address to the app's whitelist in the WeChat console",
                    ),
                    _ => error,
                }
            }
            Self::Transport { kind, message } => {
                let message = format!("cannot get an access token: {message}");
                Error::transport(api.name, TransportError::new(kind, message))
            }
            Self::Reply(_) => {
                Error::unexpected_reply(&format!("cannot get an access token: {self}"))
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeChat { errcode, errmsg } => write!(f, "{errcode} {errmsg}"),
            Self::Transport { message, .. } => f.write_str(message),
            Self::Reply(status) => write!(
                f,
                "HTTP {status} without an access_token and its expires_in"
            ),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Transport {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

impl fmt::Debug for StableToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StableToken")
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}
