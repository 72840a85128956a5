//! Which worker: a number of its own for each process that serves a function.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a worker, for as long as the tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WorkerId(pub(crate) u64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Gives out ids, from 1 on.
#[derive(Debug, Default)]
pub(super) struct WorkerIds(AtomicU64);

impl WorkerIds {
    pub(super) fn next(&self) -> WorkerId {
        WorkerId(1 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}
