//! Which access token goes with a call.

mod stable_token;

use std::sync::Arc;

use crate::cloud::Cloud;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::secret::Secret;
use stable_token::StableToken;

/// Where access tokens come from.
#[derive(Debug, Clone, Default)]
pub(crate) enum AccessTokens {
    /// No token is sent: WeChat Cloud Run adds it on the way.
    #[default]
    None,
    /// One that somebody else renews.
    Fixed(Secret),
    /// Fetched with an app's secret, and shared by all clones.
    OfApp(Arc<StableToken>),
}

impl AccessTokens {
    pub(crate) fn of_app(app_id: String, secret: Secret) -> Self {
        Self::OfApp(Arc::new(StableToken::new(app_id, secret)))
    }

    /// The app's secret.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::OfApp(app) => Some(app.secret()),
            Self::None | Self::Fixed(_) => None,
        }
    }

    /// What is there, but empty.
    pub(crate) fn empty_part(&self) -> Option<&'static str> {
        match self {
            Self::Fixed(token) if token.expose().is_empty() => Some("the access token"),
            Self::OfApp(app) => app.empty_part(),
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
