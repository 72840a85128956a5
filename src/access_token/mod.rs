//! Which access token goes with a call.

mod app_token;
mod chance;
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
            Self::OfApp(app) => app
                .get(cloud, None)
                .await
                .map_err(|failure| failure.into_error(api)),
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
            Self::OfApp(app) => app
                .get(cloud, Some(rejected))
                .await
                .map_err(|failure| failure.into_error(api)),
        }
    }
}

#[cfg(test)]
mod tests;
