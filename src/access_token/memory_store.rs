//! A store in this process's memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::LONGEST_LIFE;
use super::store::{SharedToken, StoreError, TokenStore};
use crate::secret::Secret;

/// Shares the token between the handles of one process. Clones are the same store.
///
/// Every [`Cloud`](crate::Cloud) has one of its own, unless it is given another:
///
/// ```
/// # use cloudcall::transport::MockTransport;
/// use cloudcall::access_token::MemoryStore;
/// use cloudcall::Cloud;
///
/// let store = MemoryStore::new();
/// let handle = || {
///     Cloud::builder()
///         .app_secret("wx0123456789abcdef", "the app's secret")
///         .token_store(store.clone())
/// #       .transport(MockTransport::replies([]))
///         .build()
/// };
/// let (one, other) = (handle()?, handle()?);
/// # Ok::<_, cloudcall::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    tokens: HashMap<String, (Secret, Instant)>,
    locks: HashMap<String, (String, Instant)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn token(&self, key: &str) -> Option<SharedToken> {
        let (token, end) = self.tokens.get(key)?;
        let time_left = end.checked_duration_since(Instant::now())?;
        (!time_left.is_zero()).then(|| SharedToken {
            token: token.clone(),
            time_left,
        })
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError> {
        Ok(self.held().token(key))
    }

    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError> {
        let mut held = self.held();
        let stays = held
            .token(key)
            .filter(|it| rejected != Some(it.token()) && it.time_left >= token.time_left);
        if stays.is_none() {
            let end = Instant::now() + token.time_left.min(LONGEST_LIFE);
            held.tokens
                .insert(key.to_owned(), (token.token.clone(), end));
        }
        Ok(stays)
    }

    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let now = Instant::now();
        let mut held = self.held();
        if let Some((holder, until)) = held.locks.get(key)
            && now < *until
            && holder != owner
        {
            return Ok(false);
        }
        let lock = (owner.to_owned(), now + time.min(LONGEST_LIFE));
        held.locks.insert(key.to_owned(), lock);
        Ok(true)
    }

    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        let mut held = self.held();
        if held.locks.get(key).is_some_and(|(it, _)| it == owner) {
            held.locks.remove(key);
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_time_is_too_long_to_reckon_with() {
        let store = MemoryStore::new();
        let endless = SharedToken::new("T", Duration::MAX);
        let saved = store.save("a", &endless, None).await;
        assert_eq!(saved.expect("in memory"), None);
        assert!(store.load("a").await.expect("in memory").is_some());
        let lock = store.lock("b", "one", Duration::MAX).await;
        assert!(lock.expect("in memory"));
    }
}
