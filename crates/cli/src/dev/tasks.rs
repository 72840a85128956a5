//! The tasks of a `cloudcall dev`: they end with it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

/// Starts tasks. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What has ended is let go of here, so that the set does not grow.
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// Ends them all, wherever they are.
    pub(crate) fn end(&self) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        set.abort_all();
    }
}
