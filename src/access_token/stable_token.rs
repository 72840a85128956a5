//! The access token of an app: fetched once for all who wait, kept, and renewed.
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

use crate::cloud::Cloud;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::retry::{Attempts, Outcome};
use crate::secret::Secret;
use crate::transport::{TransportError, TransportErrorKind};

/// How long before its end a token is not used any more. WeChat gives a new token 5 minutes
/// before the old one ends, so a renewal at this moment always gets a fresh one.
const MARGIN: Duration = Duration::from_secs(60);

/// The least time between two tokens that are forced. WeChat allows 20 a day.
const BETWEEN_FORCED: Duration = Duration::from_secs(24 * 60 * 60 / 20);

pub(crate) struct StableToken {
    app_id: String,
    secret: Secret,
    state: Mutex<State>,
    /// Held by the one caller who fetches; the others wait for it and then look at the state.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// How many fetches have ended, and how the last one failed if it did.
    ended: u64,
    failure: Option<Failure>,
    forced_at: Option<Instant>,
}

struct Current {
    token: Secret,
    use_until: Instant,
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
            state: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
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

    /// A token that is valid as far as is known, and is not the rejected one; none if there is no
    /// other than that.
    pub(super) async fn get(
        &self,
        cloud: &Cloud,
        rejected: Option<&Secret>,
    ) -> Result<Option<Secret>, Failure> {
        let ended_before = {
            let state = self.state();
            if let Some(token) = state.usable(rejected) {
                return Ok(Some(token));
            }
            state.ended
        };
        let _turn = self.turn.lock().await;
        {
            let state = self.state();
            if let Some(token) = state.usable(rejected) {
                return Ok(Some(token));
            }
            // Whoever waited for a fetch takes what came of it.
            if state.ended > ended_before {
                return match &state.failure {
                    Some(failure) => Err(failure.clone()),
                    None => Ok(None),
                };
            }
        }
        let fetched = self.fetch_other_than(cloud, rejected).await;
        let mut state = self.state();
        state.ended += 1;
        match fetched {
            Ok(current) => {
                state.failure = None;
                let token = current.token.clone();
                state.current = Some(current);
                Ok((rejected != Some(&token)).then_some(token))
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// Fetches; and if WeChat hands out the very token that it rejected, forces a new one. That is
    /// the last resort, because it is limited and ends the old token for all.
    async fn fetch_other_than(
        &self,
        cloud: &Cloud,
        rejected: Option<&Secret>,
    ) -> Result<Current, Failure> {
        let current = self.fetch(cloud, false).await?;
        if rejected != Some(&current.token) || !self.may_force() {
            return Ok(current);
        }
        match self.fetch(cloud, true).await {
            Ok(forced) => Ok(forced),
            // The rejection itself tells the caller more than this.
            Err(failure) => {
                tracing::warn!(
                    app_id = self.app_id,
                    ?failure,
                    "no new access token was forced"
                );
                Ok(current)
            }
        }
    }

    /// Whether a token may be forced now; if so, it counts as done.
    fn may_force(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let may = state
            .forced_at
            .is_none_or(|at| now.duration_since(at) >= BETWEEN_FORCED);
        if may {
            state.forced_at = Some(now);
        }
        may
    }

    /// Asks, again where that may help. A forced token counts against WeChat's limit, so one is not
    /// asked for twice. No deadline bounds this: whoever waits for the same token may have more
    /// time than the caller who asks.
    async fn fetch(&self, cloud: &Cloud, force_refresh: bool) -> Result<Current, Failure> {
        let mut attempts = Attempts::begin(cloud.retry(), "stable_token", !force_refresh, None);
        loop {
            let fetched = self.ask(cloud, force_refresh).await;
            let outcome = fetched
                .as_ref()
                .map_or_else(Failure::outcome, |_| Outcome::Final);
            if !attempts.another(outcome).await {
                return fetched;
            }
        }
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
        self.read(cloud, &response, asked_at)
    }

    fn read(
        &self,
        cloud: &Cloud,
        response: &http::Response<Bytes>,
        asked_at: Instant,
    ) -> Result<Current, Failure> {
        let answer = serde_json::from_slice::<Answer>(response.body());
        let status = response.status();
        match answer {
            Ok(Answer {
                errcode: Some(errcode),
                errmsg,
                ..
            }) if errcode != 0 => Err(Failure::WeChat {
                errcode,
                errmsg: cloud.redactor().clean(&errmsg).into_owned(),
            }),
            Ok(Answer {
                access_token: Some(token),
                expires_in: Some(seconds),
                ..
            }) if status.is_success() && !token.is_empty() => {
                // A lifetime that no clock can hold is as good as a day.
                let lifetime = Duration::from_secs(seconds.min(24 * 60 * 60));
                Ok(Current {
                    token: token.into(),
                    use_until: asked_at + lifetime - MARGIN.min(lifetime / 10),
                })
            }
            // What it says instead is not quoted: it may hold a token.
            _ => Err(Failure::Reply(status)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, rejected: Option<&Secret>) -> Option<Secret> {
        let current = self.current.as_ref()?;
        (Instant::now() < current.use_until && rejected != Some(&current.token))
            .then(|| current.token.clone())
    }
}

impl Failure {
    fn outcome(&self) -> Outcome {
        match self {
            Self::WeChat { errcode, .. } => Outcome::of_errcode(*errcode),
            Self::Transport { kind, .. } => Outcome::of_kind(*kind),
            Self::Reply(status) => Outcome::of_status(*status),
        }
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
            Self::Reply(status) => Error::unexpected_reply(&format!(
                "cannot get an access token: HTTP {status} without an access_token and its expires_in"
            )),
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
