//! An app's token in a store: who renews it, and how the others come by it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::state::{Current, Wanted};
use super::store::{SharedToken, StoreError, TokenStore};
use crate::openapi::request::encode;
use crate::random;
use crate::secret::Secret;

/// For how long the lock is held at most. A holder that takes longer counts as dead.
const LOCK: Duration = Duration::from_secs(5);

/// For how long somebody waits for whoever renews the token, and then asks WeChat as well: that costs
/// a request and does no harm, because the answer is the same token. It is half of what a cloud
/// function has by default, so that the other half is left to ask.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);

/// About how often whoever waits looks again.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The place of one app in a store, as one process sees it.
#[derive(Clone)]
pub(super) struct Sharing {
    store: Arc<dyn TokenStore>,
    /// What the app's keys begin with.
    prefix: String,
    /// This process, or rather this handle of it.
    owner: String,
    /// What the store did not do the last time that it was asked for it.
    away: Arc<Mutex<Option<Step>>>,
}

/// What a store is asked for. A replica, say, can be read and still refuses the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Load,
    Save,
    Lock,
    Unlock,
}

/// What somebody who needs a token is to do.
pub(super) enum Turn {
    /// Take what another process has shared.
    Theirs(Current),
    /// Ask WeChat and share the answer. Without the lock if its holder takes too long.
    Ours(Option<Lock>),
    /// Ask WeChat: the store is away.
    Alone,
}

impl Sharing {
    pub(super) fn new(store: Arc<dyn TokenStore>, app_id: &str, api_base: &str) -> Self {
        Self {
            store,
            prefix: prefix(app_id, api_base),
            owner: format!("{:016x}{:016x}", random::bits(), random::bits()),
            away: Arc::default(),
        }
    }

    /// Waits until there is a token as wanted, or it is this process's turn to ask for it.
    pub(super) async fn turn(&self, wanted: &Wanted) -> Turn {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.load().await {
                None => return Turn::Alone,
                Some(Some(shared)) if wanted.accepts(&shared) => {
                    return Turn::Theirs(Current::shared(shared));
                }
                Some(_) => {}
            }
            match self.lock().await {
                None => return Turn::Alone,
                Some(Some(lock)) => {
                    // The holder before may have shared one between our look and our lock.
                    return match self.load().await {
                        Some(Some(shared)) if wanted.accepts(&shared) => {
                            lock.release().await;
                            Turn::Theirs(Current::shared(shared))
                        }
                        _ => Turn::Ours(Some(lock)),
                    };
                }
                Some(None) if give_up <= Instant::now() => return Turn::Ours(None),
                Some(None) => {
                    let pause = BETWEEN_LOOKS.mul_f64(0.5 + random::share());
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Shares a token, and gives the one to use: a newer one that was shared meanwhile, or this.
    pub(super) async fn offer(&self, new: Current, wanted: &Wanted) -> Current {
        let rejected = wanted.rejected.as_ref().map(Secret::expose);
        let key = self.key("token");
        let answer = self.store.save(&key, &new.to_share(), rejected).await;
        match self.heard(Step::Save, answer) {
            Some(Some(stays)) if stays.token != new.token && !wanted.rejects(&stays.token) => {
                Current::shared(stays)
            }
            _ => new,
        }
    }

    /// Whether no process has forced a token within this time; if so, this one counts as forced.
    pub(super) async fn may_force(&self, within: Duration) -> bool {
        let key = self.key("forced");
        let answer = self.store.lock(&key, &self.owner, within).await;
        self.heard(Step::Lock, answer).unwrap_or(true)
    }

    /// Takes back that this process forced one.
    pub(super) async fn did_not_force(&self) {
        self.unlock("forced").await;
    }

    async fn load(&self) -> Option<Option<SharedToken>> {
        self.heard(Step::Load, self.store.load(&self.key("token")).await)
    }

    /// The lock, or `Some(None)` if another has it.
    async fn lock(&self) -> Option<Option<Lock>> {
        let key = self.key("renewal");
        let answer = self.store.lock(&key, &self.owner, LOCK).await;
        let taken = self.heard(Step::Lock, answer)?;
        Some(taken.then(|| Lock(Some(self.clone()))))
    }

    async fn unlock(&self, what: &str) {
        let key = self.key(what);
        // If the store is away, the lock runs out.
        let answer = self.store.unlock(&key, &self.owner).await;
        let _ = self.heard(Step::Unlock, answer);
    }

    fn key(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// What the store answered; none if it did not, which is said once until it does again.
    fn heard<T>(&self, step: Step, answer: Result<T, StoreError>) -> Option<T> {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) => {
                if *away == Some(step) {
                    *away = None;
                    tracing::info!("the store of access tokens is back");
                }
                Some(answer)
            }
            Err(error) => {
                if away.is_none() {
                    *away = Some(step);
                    tracing::warn!(
                        %error,
                        "the store of access tokens is away: going on with a token of our own"
                    );
                }
                None
            }
        }
    }
}

/// The lock on an app's renewal. Dropped without [`release`](Self::release), as when a renewal is
/// given up, it is freed in the background where that is possible, else it runs out.
pub(super) struct Lock(Option<Sharing>);

impl Lock {
    pub(super) async fn release(mut self) {
        if let Some(sharing) = self.0.take() {
            sharing.unlock("renewal").await;
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(sharing) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { sharing.unlock("renewal").await });
        }
    }
}

/// What the keys of an app begin with: `cloudcall:APPID:` for WeChat's own hosts, and
/// `cloudcall:APPID@BASE:` for others, so that an emulator's tokens stay among themselves.
fn prefix(app_id: &str, api_base: &str) -> String {
    let app_id = encode(app_id);
    let place = api_base.split_once("://").map_or(api_base, |(_, it)| it);
    let place = place.to_ascii_lowercase();
    let host = place.split([':', '/']).next().unwrap_or_default();
    if host.ends_with(".weixin.qq.com") {
        format!("cloudcall:{app_id}:")
    } else {
        format!("cloudcall:{app_id}@{place}:")
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_apps_and_servers_apart() {
        for (app_id, api_base, expected) in [
            ("wx1", "https://api.weixin.qq.com", "cloudcall:wx1:"),
            ("wx1", "http://API.weixin.qq.com", "cloudcall:wx1:"),
            ("wx1", "https://sh.api.weixin.qq.com", "cloudcall:wx1:"),
            ("wx2", "https://api.weixin.qq.com", "cloudcall:wx2:"),
            (
                "wx1",
                "http://127.0.0.1:8080",
                "cloudcall:wx1@127.0.0.1:8080:",
            ),
            ("wx1", "http://h/a", "cloudcall:wx1@h/a:"),
            (
                "wx1",
                "http://weixin.qq.com.evil",
                "cloudcall:wx1@weixin.qq.com.evil:",
            ),
            ("wx1@h", "https://api.weixin.qq.com", "cloudcall:wx1%40h:"),
        ] {
            assert_eq!(prefix(app_id, api_base), expected, "{app_id} {api_base}");
        }
    }
}
