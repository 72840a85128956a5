//! The seam to what processes share: a token, and short locks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::secret::Secret;

/// Where the processes of an app share their access token.
///
/// [`MemoryStore`](super::MemoryStore) is for the handles of one process, `RedisStore` (feature
/// `redis`) for processes on many machines. Implement it for what you have; the
/// [module's documentation](super) says what the SDK makes of it.
///
/// Keys are texts that the SDK makes, at most some hundred bytes of printable ASCII. Every method
/// must be safe to repeat, and should give up by itself within about a second: whoever waits for a
/// token waits for the store, too. A [`StoreError`] is no failure of a call, only of the sharing.
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    /// The token that is shared now, with the time that it has left by the store's own clock;
    /// `None` if there is none, or its time is up.
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError>;

    /// Shares a token, for as long as it lives. In one step with the look at what is there: a token
    /// that is already shared stays if it has as long to live, because WeChat's newer tokens end
    /// later; unless it is `rejected`, the one that WeChat does not accept any more.
    ///
    /// Gives the token that stayed, `None` if the new one is shared now.
    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError>;

    /// Takes a lock for a time, after which it is free again whatever happened to its owner; false
    /// if another owner holds it. Who takes a lock again that is theirs has it for the whole time
    /// anew.
    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError>;

    /// Frees a lock, if it is still this owner's.
    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError>;
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError> {
        (**self).load(key).await
    }

    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError> {
        (**self).save(key, token, rejected).await
    }

    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        (**self).lock(key, owner, time).await
    }

    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        (**self).unlock(key, owner).await
    }
}

/// An access token in a [`TokenStore`]. Its `Debug` does not show the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedToken {
    pub(super) token: Secret,
    pub(super) time_left: Duration,
}

impl SharedToken {
    /// A token that lives for `time_left` from now on.
    ///
    /// It is a time and no date, so that the clocks of two machines need not agree.
    pub fn new(token: impl Into<String>, time_left: Duration) -> Self {
        Self {
            token: Secret::from(token.into()),
            time_left,
        }
    }

    /// The token itself. Do not log it.
    pub fn token(&self) -> &str {
        self.token.expose()
    }

    /// How long it lives from now on.
    pub fn time_left(&self) -> Duration {
        self.time_left
    }
}

/// What a [`TokenStore`] could not do, and why. Calls go on without it.
#[derive(Clone)]
pub struct StoreError(String);

impl StoreError {
    /// An error with this text, which goes into a log: it must hold no token and no password.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreError").field(&self.0).finish()
    }
}

impl std::error::Error for StoreError {}
