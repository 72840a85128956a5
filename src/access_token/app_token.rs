//! The token of an app: one renewal for all who wait, and ahead of time for those who do not.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinError};
use tokio::time::Instant;

use super::sharing::{PATIENCE, Sharing, Turn};
use super::stable_token::{Failure, StableToken};
use super::state::{Current, State, Wanted};
use super::store::TokenStore;
use crate::cloud::Cloud;
use crate::random;
use crate::secret::{Redactor, Secret};
use crate::transport::TransportErrorKind;

/// The least time between two tokens that are forced. WeChat allows 20 a day.
const BETWEEN_FORCED: Duration = Duration::from_secs(24 * 60 * 60 / 20);

/// The token of an app, as all clones of a [`Cloud`] share it. Dropped, it takes a renewal that is
/// under way with it.
pub(crate) struct AppToken {
    inner: Arc<Inner>,
    renewals: Mutex<Renewals>,
}

/// What a renewal needs. It does not hold the handles that wait for it.
struct Inner {
    source: StableToken,
    sharing: Sharing,
    state: Mutex<State>,
}

#[derive(Default)]
struct Renewals {
    latest: Option<Renewal>,
    /// Earlier ones that were too slow to be joined, and may still come to an end.
    slow: Vec<AbortHandle>,
}

/// A renewal, under way or ended. There is one at a time, unless it takes too long: then the next
/// call starts another, so that one connection that hangs does not hold up all that comes later.
struct Renewal {
    rejected: Option<Secret>,
    began: Instant,
    outcome: Shared<Outcome>,
    /// It comes to its end even if all give up who wait for it. Without a runtime it goes on with
    /// the next who waits.
    task: Option<AbortHandle>,
}

/// What a renewal brings.
type Outcome = Pin<Box<dyn Future<Output = Result<Secret, Failure>> + Send>>;

impl AppToken {
    pub(super) fn new(source: StableToken, store: Arc<dyn TokenStore>, api_base: &str) -> Self {
        let sharing = Sharing::new(store, source.app_id(), api_base);
        Self {
            inner: Arc::new(Inner {
                source,
                sharing,
                state: Mutex::new(State::new(random::share())),
            }),
            renewals: Mutex::default(),
        }
    }

    pub(super) fn source(&self) -> &StableToken {
        &self.inner.source
    }

    /// A token that is valid as far as is known, and is not the rejected one; none if there is no
    /// other than that.
    pub(super) async fn get(
        &self,
        cloud: &Cloud,
        rejected: Option<&Secret>,
    ) -> Result<Option<Secret>, Failure> {
        loop {
            // All threads pass through this lock at each call, so it is held for no longer.
            let now = Instant::now();
            let (usable, is_due) = {
                let state = self.inner.state();
                (state.usable(rejected, now), state.is_due(now))
            };
            if usable.is_some() {
                if is_due {
                    self.renew_ahead(cloud);
                }
                return Ok(usable);
            }
            let Some((outcome, is_for_us)) = self.join(cloud, rejected) else {
                continue;
            };
            match outcome.await {
                Ok(token) if rejected != Some(&token) => return Ok(Some(token)),
                Ok(_) if is_for_us => return Ok(None),
                // It was on the way before the rejection was known, and did not force a new one.
                Ok(_) => {}
                Err(failure) => {
                    let old = self.inner.state().last_resort(rejected);
                    return old.map(Some).ok_or(failure);
                }
            }
        }
    }

    /// The renewal under way, or one that starts now, and whether it knows of this rejection; none
    /// if one has just brought what is needed.
    fn join(&self, cloud: &Cloud, rejected: Option<&Secret>) -> Option<(Shared<Outcome>, bool)> {
        let mut renewals = self.renewals();
        if let Some(it) = renewals.underway().filter(|it| it.is_in_time()) {
            return Some((it.outcome.clone(), it.rejected.as_ref() == rejected));
        }
        let mut state = self.inner.state();
        if state.usable(rejected, Instant::now()).is_some() {
            return None;
        }
        let wanted = state.wanted(rejected);
        drop(state);
        let runtime = Handle::try_current().ok();
        Some((self.start(&mut renewals, cloud, wanted, runtime), true))
    }

    /// Renews a token that ends soon while calls go on with it. Nothing happens while there are no
    /// calls: a process that sleeps needs no token.
    fn renew_ahead(&self, cloud: &Cloud) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut renewals = self.renewals();
        let state = self.inner.state();
        if renewals.underway().is_none() && state.is_due(Instant::now()) {
            let wanted = state.wanted_ahead();
            drop(state);
            let _outcome = self.start(&mut renewals, cloud, wanted, Some(runtime));
        }
    }

    fn start(
        &self,
        renewals: &mut Renewals,
        cloud: &Cloud,
        wanted: Wanted,
        runtime: Option<Handle>,
    ) -> Shared<Outcome> {
        let (inner, cloud) = (Arc::clone(&self.inner), cloud.without_token());
        let rejected = wanted.rejected.clone();
        let work = async move { inner.renew(&cloud, &wanted).await };
        let (outcome, task): (Outcome, _) = match runtime {
            Some(runtime) => {
                let task = runtime.spawn(work);
                let abort = task.abort_handle();
                let ended = async move { task.await.unwrap_or_else(broken_off) };
                (Box::pin(ended), Some(abort))
            }
            None => (Box::pin(work), None),
        };
        let outcome = outcome.shared();
        renewals.begin(Renewal {
            rejected,
            began: Instant::now(),
            outcome: outcome.clone(),
            task,
        });
        outcome
    }

    fn renewals(&self) -> MutexGuard<'_, Renewals> {
        self.renewals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renewals {
    /// The latest, if it has not ended.
    fn underway(&self) -> Option<&Renewal> {
        // A task that has ended has an outcome, even if nobody has looked at it.
        self.latest.as_ref().filter(|it| {
            it.outcome.peek().is_none() && !it.task.as_ref().is_some_and(AbortHandle::is_finished)
        })
    }

    fn begin(&mut self, renewal: Renewal) {
        let before = self.latest.replace(renewal);
        self.slow.extend(before.and_then(|it| it.task));
        self.slow.retain(|task| !task.is_finished());
    }
}

impl Renewal {
    /// Whether it is worth waiting for.
    fn is_in_time(&self) -> bool {
        self.began.elapsed() < PATIENCE
    }
}

/// What comes of a renewal whose task ended early: its runtime did, or its transport panicked.
fn broken_off(error: JoinError) -> Result<Secret, Failure> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Failure::Transport {
            kind: TransportErrorKind::Other,
            message: "the runtime that asked for it has ended".to_owned(),
        }),
    }
}

impl Drop for AppToken {
    fn drop(&mut self) {
        let Renewals { latest, slow } = std::mem::take(&mut *self.renewals());
        for task in slow.into_iter().chain(latest.and_then(|it| it.task)) {
            task.abort();
        }
    }
}

impl Inner {
    async fn renew(&self, cloud: &Cloud, wanted: &Wanted) -> Result<Secret, Failure> {
        let obtained = self.obtain(cloud, wanted).await;
        let mut state = self.state();
        match obtained {
            Ok(current) => Ok(state.take(current, wanted.rejected.as_ref())),
            Err(failure) => {
                state.pause();
                if state.last_resort(wanted.rejected.as_ref()).is_some() {
                    let app_id = self.source.app_id();
                    tracing::warn!(app_id, ?failure, "the access token is not renewed yet");
                }
                Err(failure)
            }
        }
    }

    /// What another process shared, or else what WeChat gives.
    async fn obtain(&self, cloud: &Cloud, wanted: &Wanted) -> Result<Current, Failure> {
        let rejected = wanted.rejected.as_ref();
        match self.sharing.turn(wanted).await {
            Turn::Theirs(current) => Ok(current),
            Turn::Alone => self.fetch_other_than(cloud, rejected).await,
            Turn::Ours(lock) => {
                let mut fetched = self.fetch_other_than(cloud, rejected).await;
                if let Ok(current) = fetched {
                    fetched = Ok(self.sharing.offer(current, wanted).await);
                }
                // The new one is there before the others look.
                if let Some(lock) = lock {
                    lock.release().await;
                }
                fetched
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
        let mut redactor = self.redactor();
        redactor.extend(rejected);
        let current = self.source.fetch(cloud, false, &redactor).await?;
        if rejected != Some(&current.token) || !self.may_force().await {
            return Ok(current);
        }
        redactor.add(&current.token);
        match self.source.fetch(cloud, true, &redactor).await {
            Ok(forced) => Ok(forced),
            // The rejection itself tells the caller more than this.
            Err(failure) => {
                if failure.was_not_sent() {
                    self.did_not_force().await;
                }
                let app_id = self.source.app_id();
                tracing::warn!(app_id, ?failure, "no new access token was forced");
                Ok(current)
            }
        }
    }

    /// Whether a token may be forced now; if so, it counts as done, here and for all who share.
    async fn may_force(&self) -> bool {
        let now = Instant::now();
        let forced_at = self.state().forced_at;
        let may = forced_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_FORCED)
            && self.sharing.may_force(BETWEEN_FORCED).await;
        if may {
            self.state().forced_at = Some(now);
        }
        may
    }

    /// WeChat was never asked for the token that was to be forced, so it does not count.
    async fn did_not_force(&self) {
        self.state().forced_at = None;
        self.sharing.did_not_force().await;
    }

    /// Knows the secret and the tokens: a failure is logged, and told to others than the one who
    /// asked.
    fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(self.source.secret());
        redactor.extend(self.state().known());
        redactor
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppToken")
            .field("app_id", &self.inner.source.app_id())
            .finish_non_exhaustive()
    }
}
