//! The task that owns a worker: it starts it, hands it one request after the other, and ends it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use super::state::{Next, Waiting};
use super::{Answer, Pool, Refusal, Run, Staff, Work, refuse};

/// How many workers may end before they take a request, until it is given up: it may be what they
/// die of.
const TRIES: u8 = 3;

/// Serves requests with a worker of this version until it is no longer needed.
pub(super) async fn serve<S: Staff>(pool: Pool<S>, number: u64, version: Arc<S::Version>) {
    let staff = pool.staff();
    let mut worker = match staff.start(&version).await {
        Ok(worker) => worker,
        // It may have seen half of a change: what was changed is tried, not this.
        Err(_) if !staff.is_current(&version) => {
            pool.state().start_outdated(number);
            return staff.wants_version();
        }
        Err(refusal) => {
            let failed = pool.state().start_failed(number);
            return refuse(failed, &refusal);
        }
    };
    let id = worker.id();
    let mut next = {
        let mut state = pool.state();
        let next = state.started(number, id, Instant::now());
        // Now another may start.
        pool.dispatch(state);
        next
    };
    let mut idle = pin!(sleep(pool.0.limits.idle));
    loop {
        let waiting = match next {
            Next::Run(waiting) => waiting,
            Next::Wait(given) => match wait(&pool, &worker, given, idle.as_mut()).await {
                Some(waiting) => waiting,
                None => break,
            },
            Next::Leave => break,
        };
        if !pool.state().is(number) || !staff.is_current(&version) {
            let mut state = pool.state();
            next = state.gave_back(number, id, waiting);
            pool.dispatch(state);
            staff.wants_version();
            continue;
        }
        let begun = Instant::now();
        let queued = begun - waiting.since;
        staff.begins(id, &waiting.job);
        let (end, is_last) = match worker.run(&waiting.job).await {
            Run::Done(end) => (end, false),
            Run::Last(end) => (end, true),
            Run::NotTaken(refusal) => {
                staff.did_not(id);
                return not_taken(&pool, number, waiting, &refusal);
            }
        };
        let answer = Answer {
            end,
            worker: id,
            version: number,
            queued,
            duration: begun.elapsed(),
        };
        staff.ended(&waiting.job, &answer);
        // Before the answer goes: who asks again at once shall find this worker free.
        let mut state = pool.state();
        let after = if is_last {
            state.lost(number);
            None
        } else {
            Some(state.finished(number, id))
        };
        pool.dispatch(state);
        // It may have gone away meanwhile.
        let _ = waiting.reply.send(Ok(answer));
        match after {
            Some(after) => next = after,
            None => return,
        }
    }
    worker.stop().await;
}

/// Waits for a request; gives none when the worker is to end. The timer `idle` goes on from one
/// request to the next, since to set it is not free: when it is over, it is set to what is left.
async fn wait<S: Staff>(
    pool: &Pool<S>,
    worker: &S::Worker,
    mut given: oneshot::Receiver<Waiting>,
    mut idle: Pin<&mut Sleep>,
) -> Option<Waiting> {
    let since = Instant::now();
    loop {
        tokio::select! {
            biased;
            given = &mut given => return given.ok(),
            () = worker.ended() => break,
            () = idle.as_mut() => match pool.0.limits.idle.saturating_sub(since.elapsed()) {
                Duration::ZERO => break,
                left => idle.set(sleep(left)),
            },
        }
    }
    if pool.state().leaves(worker.id()) {
        return None;
    }
    given.await.ok()
}

/// The request goes to another worker, unless it has been with too many.
fn not_taken<S: Staff>(pool: &Pool<S>, number: u64, mut waiting: Waiting, refusal: &Refusal) {
    waiting.tries += 1;
    let mut state = pool.state();
    if waiting.tries < TRIES {
        state.not_taken(number, waiting);
    } else {
        state.lost(number);
        waiting.refuse(refusal);
    }
    pool.dispatch(state);
}
