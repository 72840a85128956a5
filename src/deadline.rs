//! Until when a call may take: its handle's deadline, and that of the invocation it is made in.

use std::pin::pin;

use tokio::time::{Instant, timeout_at};

use crate::cloud::Cloud;
use crate::error::Error;

#[cfg(feature = "runtime")]
tokio::task_local! {
    /// That of the invocation whose handler runs in this task.
    static OF_INVOCATION: Instant;
}

/// Runs a handler, whose calls must end by then.
#[cfg(feature = "runtime")]
pub(crate) async fn in_invocation<F: Future>(
    deadline: std::time::Instant,
    handler: F,
) -> F::Output {
    OF_INVOCATION.scope(deadline.into(), handler).await
}

#[cfg(feature = "runtime")]
fn of_invocation() -> Option<Instant> {
    OF_INVOCATION.try_get().ok()
}

#[cfg(not(feature = "runtime"))]
fn of_invocation() -> Option<Instant> {
    None
}

/// When a call through this handle has to end, if it has to.
pub(crate) fn of(cloud: &Cloud) -> Option<Instant> {
    [cloud.deadline(), of_invocation()]
        .into_iter()
        .flatten()
        .min()
}

/// Ends a call when its deadline passes, wherever it is then.
pub(crate) async fn bounded<T>(
    cloud: &Cloud,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if of(cloud).is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(Error::deadline(
            "the deadline had passed before the call began, and nothing was sent",
        ));
    }
    // Pinned here, for it may be large, and would be copied at each step down.
    within(cloud, pin!(call))
        .await
        .unwrap_or_else(|| Err(Error::deadline("the call's deadline passed before its end")))
}

/// What a part of a call gives; none if the call's deadline passes before.
pub(crate) async fn within<T>(cloud: &Cloud, part: impl Future<Output = T>) -> Option<T> {
    match of(cloud) {
        Some(deadline) => timeout_at(deadline, part).await.ok(),
        None => Some(part.await),
    }
}
