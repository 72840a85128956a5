//! Which invocation each worker is at, so that a Cloud Call of the worker belongs to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::runner::{Caller, WorkerId};

/// The workers that work. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<WorkerId, Current>>>);

/// What a worker is at.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) function: String,
    pub(crate) request_id: String,
    pub(crate) caller: Caller,
}

impl Running {
    /// The worker begins with this.
    pub(crate) fn start(&self, worker: WorkerId, current: Current) {
        self.locked().insert(worker, current);
    }

    /// The worker is done, or has gone.
    pub(crate) fn end(&self, worker: WorkerId) {
        self.locked().remove(&worker);
    }

    /// What the worker is at, if it works.
    pub(crate) fn of(&self, worker: WorkerId) -> Option<Current> {
        self.locked().get(&worker).cloned()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<WorkerId, Current>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
