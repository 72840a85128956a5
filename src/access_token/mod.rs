//! Which access token goes with a call, and how processes share it.
//!
//! Nothing of this needs a setting: a [`Cloud`] that was given an app's id and secret fetches the
//! app's token when it first needs one, and keeps it. Where an app runs as many processes, a
//! [`TokenStore`] lets them share one token: `RedisStore` of the feature `redis`, which
//! [`Cloud::init`] uses where `CLOUDCALL_REDIS_URL` is set, or one of your own.
//!
//! # The life of a token
//!
//! WeChat gives a token 7200 seconds. `POST /cgi-bin/stable_token` hands out the same one until
//! 300 seconds before its end, and then a new one beside it.
//!
//! | moment | a call | meanwhile |
//! |---|---|---|
//! | there is none | waits for it | one request for all who wait, in all processes that share |
//! | it is valid | has it at once | nothing |
//! | 290 to 174 seconds before its end, at a moment that differs from process to process | has the old one at once | the first call starts one renewal in the background; if it fails, the next one follows 5 seconds later, then 10, 20, 40, 60 |
//! | the last 60 seconds, because no call came or renewals failed | waits for the new one; has the old one if there is no other to be had | |
//! | WeChat rejects it (40001, 40014, 42001) | waits for another one, and is repeated once | one renewal for all whose token was the rejected one; the others go on |
//! | WeChat hands out the very token that it rejected | waits | a new one is forced, at most every 72 minutes for all who share, because WeChat allows 20 a day; a request that did not reach WeChat does not count |
//!
//! A renewal in the background needs a Tokio runtime; without one, calls wait as in the last
//! minute. A process without calls renews nothing. Whoever gives up waiting does not end the
//! renewal for others; dropping the last clone of the [`Cloud`] does.
//!
//! Lifetimes are measured by a clock that may stand still while the machine sleeps. A token that ended
//! meanwhile is rejected by WeChat at the first call, which goes on with another one.
//!
//! # Across processes
//!
//! - One asks WeChat, under a lock of 5 seconds; the others look for its answer about every 50 ms,
//!   and look once more when they get the lock. So there is at most one request a period.
//! - A holder that dies, or is frozen, costs the others 1.5 seconds at most: then they ask, too. That
//!   is a request too many and no harm, because WeChat's answer is the same token. Within a process it
//!   is the same: nobody joins a renewal that has been under way for longer.
//! - The old token is there until the new one is. Nothing is ever deleted on a rejection.
//! - A late rejection counts for the token that was rejected, not for the one that is there by
//!   then.
//! - Of two answers the one that ends later stays, whichever comes last: it is WeChat's newer one.
//!   The time that a token has left is measured by the store's clock, so clocks may differ.
//! - Who holds a token that WeChat rejected takes none from the store that is older.
//! - Keys are named after the app id, and the API's host if that is not WeChat's: what an emulator
//!   hands out never meets a real token. The app's secret is never stored.
//!
//! # When the store is away
//!
//! A store that fails or does not answer (`RedisStore` gives up after a second) fails no call. Each
//! process goes on with the token that it has, or asks WeChat for itself, and tries the store again
//! at its next renewal. `tracing` has one warning when an outage begins and one line when it is
//! over.

mod app_token;
mod memory_store;
#[cfg(feature = "redis")]
mod redis_store;
mod sharing;
mod stable_token;
mod state;
mod store;

use std::sync::Arc;
use std::time::Duration;

use crate::cloud::Cloud;
use crate::deadline;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::secret::Secret;
use app_token::AppToken;
pub use memory_store::MemoryStore;
#[cfg(feature = "redis")]
pub use redis_store::RedisStore;
use stable_token::StableToken;
pub use store::{SharedToken, StoreError, TokenStore};

/// A lifetime that no clock can hold is as good as a day.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What access tokens are to be had with.
#[derive(Debug, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    Token(Secret),
    App(StableToken),
}

impl Credentials {
    pub(crate) fn of_app(app_id: String, secret: Secret) -> Self {
        Self::App(StableToken::new(app_id, secret))
    }

    /// What is there, but empty.
    pub(crate) fn empty_part(&self) -> Option<&'static str> {
        match self {
            Self::Token(token) if token.expose().is_empty() => Some("the access token"),
            Self::App(app) => app.empty_part(),
            Self::None | Self::Token(_) => None,
        }
    }
}

/// Where access tokens come from.
#[derive(Debug, Clone)]
pub(crate) enum AccessTokens {
    /// No token is sent: WeChat Cloud Run adds it on the way.
    None,
    /// One that somebody else renews.
    Fixed(Secret),
    /// Fetched with an app's secret, and shared by all clones.
    OfApp(Arc<AppToken>),
}

impl AccessTokens {
    /// Those of an app are shared through the store, apart from those of other servers.
    pub(crate) fn new(
        credentials: Credentials,
        store: Option<Arc<dyn TokenStore>>,
        api_base: &str,
    ) -> Self {
        match credentials {
            Credentials::None => Self::None,
            Credentials::Token(token) => Self::Fixed(token),
            Credentials::App(app) => {
                let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
                Self::OfApp(Arc::new(AppToken::new(app, store, api_base)))
            }
        }
    }

    /// The app's secret.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::OfApp(app) => Some(app.source().secret()),
            Self::None | Self::Fixed(_) => None,
        }
    }

    /// The token to send.
    pub(crate) async fn get(&self, cloud: &Cloud, api: &Api) -> Result<Option<Secret>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::OfApp(app) => of_app(app, cloud, api, None).await,
        }
    }

    /// The token to send after `rejected` was rejected; none if there cannot be another one.
    pub(crate) async fn renew(
        &self,
        cloud: &Cloud,
        api: &Api,
        rejected: &Secret,
    ) -> Result<Option<Secret>, Error> {
        match self {
            Self::None | Self::Fixed(_) => Ok(None),
            Self::OfApp(app) => of_app(app, cloud, api, Some(rejected)).await,
        }
    }
}

/// Waits until the call's deadline, and then says what for: the call itself would not know.
async fn of_app(
    app: &AppToken,
    cloud: &Cloud,
    api: &Api,
    rejected: Option<&Secret>,
) -> Result<Option<Secret>, Error> {
    match deadline::within(cloud, app.get(cloud, rejected)).await {
        Some(token) => token.map_err(|failure| failure.into_error(api)),
        None => Err(app.source().too_late()),
    }
}

#[cfg(test)]
mod tests;
