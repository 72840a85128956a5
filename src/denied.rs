//! The calls of an invocation that its permissions denied. Nothing of them is sent, so that a tool
//! that watches what is sent learns of them only this way, and only if it asks.

#[cfg(feature = "runtime")]
use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept of one invocation.
#[cfg(feature = "runtime")]
const MOST: usize = 64;

/// The names of the denied APIs, in the order of the calls.
#[cfg(feature = "runtime")]
#[derive(Clone, Default)]
pub(crate) struct Denied(Arc<Mutex<Vec<&'static str>>>);

#[cfg(feature = "runtime")]
tokio::task_local! {
    /// Those of the invocation whose handler runs in this task.
    static OF_INVOCATION: Denied;
}

#[cfg(feature = "runtime")]
impl Denied {
    /// Runs a handler, whose denied calls are kept here.
    pub(crate) async fn during<F: Future>(self, handler: F) -> F::Output {
        OF_INVOCATION.scope(self, handler).await
    }

    /// The names, separated by commas; none if there are none.
    pub(crate) fn list(&self) -> Option<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// Keeps the name, if it is of a call within an invocation.
#[cfg(feature = "runtime")]
pub(crate) fn note(api: &'static str) {
    // Outside of an invocation nobody asks.
    let _ = OF_INVOCATION.try_with(|denied| {
        let mut names = denied.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < MOST {
            names.push(api);
        }
    });
}

#[cfg(not(feature = "runtime"))]
pub(crate) fn note(_: &'static str) {}
