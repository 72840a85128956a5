//! The workers of one function: who waits, who works, and which version of the function.
//!
//! | file | is |
//! |---|---|
//! | `state.rs` | the queue and the workers that are free, without any time or process |
//! | `worker.rs` | the task that owns a worker, from its start to its end |

mod state;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, End, Job, Refusal, Why};
use super::tasks::Tasks;
use crate::runner::WorkerId;
use state::{State, Waiting};

/// Where workers come from, and who is told what they do.
pub(crate) trait Staff: Send + Sync + 'static {
    /// What a worker is started from.
    type Version: Send + Sync + 'static;
    /// A worker that is ready.
    type Worker: Work;

    /// Starts a worker.
    fn start(
        &self,
        version: &Self::Version,
    ) -> impl Future<Output = Result<Self::Worker, Refusal>> + Send;

    /// Whether the version is still what is on the disk. Asked before each invocation.
    fn is_current(&self, version: &Self::Version) -> bool;

    /// Requests wait for a version.
    fn wants_version(&self);

    /// A worker takes this on.
    fn begins(&self, worker: WorkerId, job: &Job);

    /// The worker has ended before it took that.
    fn did_not(&self, worker: WorkerId);

    /// A worker has ended this.
    fn ended(&self, job: &Job, answer: &Answer);
}

/// A process that serves one event at a time. It ends when this is dropped.
pub(crate) trait Work: Send + Sync + 'static {
    fn id(&self) -> WorkerId;

    /// Has the event worked on.
    fn run(&mut self, job: &Job) -> impl Future<Output = Run> + Send;

    /// Waits until the process has ended by itself.
    fn ended(&self) -> impl Future<Output = ()> + Send;

    /// Ends the process, and waits for that.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// What became of an event.
#[derive(Debug)]
pub(crate) enum Run {
    /// It has an end, and the worker can take the next.
    Done(End),
    /// It has an end, and so does the worker.
    Last(End),
    /// The worker has ended before it took the event.
    NotTaken(Refusal),
}

/// How many, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Workers of a version.
    pub(crate) workers: usize,
    /// Those of them that start at the same time.
    pub(crate) starting: usize,
    /// Requests that wait.
    pub(crate) queue: usize,
    /// How long a worker waits for its next event until it ends.
    pub(crate) idle: Duration,
}

/// The workers of one function. A cheap handle.
pub(crate) struct Pool<S: Staff>(Arc<Inner<S>>);

impl<S: Staff> Clone for Pool<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<S: Staff> {
    staff: S,
    limits: Limits,
    tasks: Tasks,
    state: Mutex<State<S::Version>>,
}

/// How a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// The version that takes requests: 0 where there is none yet.
    pub(crate) version: u64,
    pub(crate) workers: usize,
    pub(crate) busy: usize,
    pub(crate) waiting: usize,
    pub(crate) is_held: bool,
}

impl<S: Staff> Pool<S> {
    /// A pool without a version; its workers are among the tasks.
    pub(crate) fn new(staff: S, limits: Limits, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            staff,
            limits,
            tasks,
            state: Mutex::new(State::default()),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State<S::Version>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn staff(&self) -> &S {
        &self.0.staff
    }

    pub(crate) fn look(&self) -> Look {
        self.state().look()
    }

    /// Has an event worked on. Dropped while it waits, it costs no invocation; later it goes on.
    pub(crate) async fn invoke(&self, job: Arc<Job>) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Waiting::new(job, reply))?;
        // Whoever lets go of the other end is a task that was ended with the tool.
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    fn enqueue(&self, waiting: Waiting) -> Result<(), Refusal> {
        let limit = self.0.limits.queue;
        let mut state = self.state();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        if !state.has_room(limit) {
            let message = format!("{limit} requests wait for this function already");
            let hint = "send fewer at a time, or raise --queue or --concurrency";
            return Err(Refusal::new(Why::QueueFull, message).hint(hint));
        }
        state.push(waiting);
        let is_without_version = state.version.is_none();
        self.dispatch(state);
        if is_without_version {
            self.0.staff.wants_version();
        }
        Ok(())
    }

    /// Gives those who wait to workers, and starts some where there are too few.
    fn dispatch(&self, mut state: MutexGuard<'_, State<S::Version>>) {
        let plan = state.dispatch(&self.0.limits, Instant::now());
        drop(state);
        if let Some((count, number, version)) = plan.start {
            for _ in 0..count {
                let (pool, version) = (self.clone(), Arc::clone(&version));
                self.0.tasks.spawn(worker::serve(pool, number, version));
            }
        }
        if let Some(then) = plan.look_again {
            let pool = self.clone();
            self.0.tasks.spawn(async move {
                sleep_until(then).await;
                pool.look_again();
            });
        }
    }

    fn look_again(&self) {
        let mut state = self.state();
        state.looked();
        self.dispatch(state);
    }

    /// A change was seen: from now on requests wait. Those that run go on.
    pub(crate) fn hold(&self) {
        self.state().is_held = true;
    }

    /// From now on only workers of this version take requests. Old ones end, those that are busy
    /// after their invocation. Gives the version's number. Starts one worker at once if `warm`.
    pub(crate) fn switch(&self, version: Arc<S::Version>, warm: bool) -> u64 {
        let mut state = self.state();
        let number = state.switch(version);
        if warm {
            state.warm();
        }
        self.dispatch(state);
        number
    }

    /// There is no version that could run, and those who wait are told why. The next request asks
    /// for one again.
    pub(crate) fn fail(&self, refusal: &Refusal) {
        let failed = self.state().drop_version();
        refuse(failed, refusal);
    }

    /// The same, but further requests are told the same, until there is a version.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state();
        let failed = state.drop_version();
        state.refusal = Some(refusal.clone());
        drop(state);
        refuse(failed, &refusal);
    }

    /// Nobody is served any more.
    pub(crate) fn close(&self) {
        self.refuse(closed());
    }

    /// The version that takes requests.
    pub(crate) fn version(&self) -> Option<Arc<S::Version>> {
        self.state().version.as_ref().map(|(_, it)| Arc::clone(it))
    }
}

impl Waiting {
    fn new(job: Arc<Job>, reply: oneshot::Sender<Result<Answer, Refusal>>) -> Self {
        Self {
            job,
            reply,
            since: Instant::now(),
            order: 0,
            tries: 0,
        }
    }

    fn refuse(self, refusal: &Refusal) {
        // Nobody is told who has gone away.
        let _ = self.reply.send(Err(refusal.clone()));
    }
}

fn refuse(failed: Vec<Waiting>, refusal: &Refusal) {
    for waiting in failed {
        waiting.refuse(refusal);
    }
}

fn closed() -> Refusal {
    Refusal::new(Why::Closed, "the function is no longer served")
}
