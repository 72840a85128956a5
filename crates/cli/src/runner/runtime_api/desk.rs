//! Where the one who runs a worker and the worker's requests meet: one event at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Invocation, Outcome};

/// How far the worker is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has not called yet.
    Starting,
    /// It can take an event.
    Idle,
    /// There is an event, since then, that it has not taken yet.
    Offered(Arc<Invocation>, Instant),
    /// It works on an event, since then.
    Taken(Arc<Invocation>, Instant),
    /// It has answered, and nobody has picked the answer up yet; with the Cloud Calls that were
    /// denied.
    Answered(Outcome, Vec<String>),
}

impl Stage {
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self, Self::Starting)
    }

    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Taken(..) | Self::Answered(..))
    }
}

/// Where the two sides meet. Each is woken by what it waits for, and by nothing else.
#[derive(Debug)]
pub(super) struct Desk {
    stage: Mutex<Stage>,
    /// An event is there, for all connections that wait for one: a worker may have given up some.
    pub(super) offered: Notify,
    /// The worker is ready or has answered, for the one who runs it.
    pub(super) done: Notify,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            stage: Mutex::new(Stage::Starting),
            offered: Notify::new(),
            done: Notify::new(),
        }
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ready(&self) {
        let mut stage = self.stage();
        if !stage.is_ready() {
            *stage = Stage::Idle;
            self.done.notify_one();
        }
    }

    /// Waits for the event, and takes it.
    pub(super) async fn take(&self) -> Arc<Invocation> {
        loop {
            // Before the look, so that no event comes in between unnoticed.
            let offered = self.offered.notified();
            if let Some(invocation) = self.try_take() {
                return invocation;
            }
            offered.await;
        }
    }

    pub(super) fn try_take(&self) -> Option<Arc<Invocation>> {
        let mut stage = self.stage();
        match &*stage {
            Stage::Offered(invocation, _) => {
                let invocation = Arc::clone(invocation);
                *stage = Stage::Taken(Arc::clone(&invocation), Instant::now());
                Some(invocation)
            }
            Stage::Taken(invocation, _) => Some(Arc::clone(invocation)),
            Stage::Starting | Stage::Idle | Stage::Answered(..) => None,
        }
    }

    /// Whether this is the answer to the event that is worked on, of the request id that is given.
    pub(super) fn answer(
        &self,
        outcome: Outcome,
        denied: Vec<String>,
        request_id: Option<&str>,
    ) -> bool {
        let mut stage = self.stage();
        let expected = match &*stage {
            Stage::Taken(invocation, _) => request_id.is_none_or(|it| it == invocation.request_id),
            _ => false,
        };
        if expected {
            *stage = Stage::Answered(outcome, denied);
            self.done.notify_one();
        }
        expected
    }
}
