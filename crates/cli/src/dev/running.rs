//! Which invocation each worker is at, so that a Cloud Call of the worker belongs to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::runner::{Caller, WorkerId};

/// How many workers are known: those that have gone are not told from those that are idle.
const MOST: usize = 1024;

/// How many invocations of a worker are known: a Cloud Call may outlive its own, and the next.
const MOST_OF_WORKER: usize = 4;

/// The workers that work. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeMap<WorkerId, Work>>>);

/// What a worker was at, the last being what it is at.
#[derive(Default)]
struct Work {
    begun: VecDeque<(Instant, Current)>,
    ended: bool,
}

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
        let mut all = self.locked();
        if all.len() >= MOST && !all.contains_key(&worker) {
            // The oldest, so most likely one that has gone.
            let idle = all.iter().find(|(_, work)| work.ended);
            if let Some(idle) = idle.map(|(worker, _)| *worker) {
                all.remove(&idle);
            }
        }
        let work = all.entry(worker).or_default();
        work.ended = false;
        if work.begun.len() == MOST_OF_WORKER {
            work.begun.pop_front();
        }
        work.begun.push_back((Instant::now(), current));
    }

    /// The worker is done, or has gone. What it does until it begins with something else still
    /// comes from what it was at.
    pub(crate) fn end(&self, worker: WorkerId) {
        if let Some(work) = self.locked().get_mut(&worker) {
            work.ended = true;
        }
    }

    /// The worker did not take what it was to begin with.
    pub(crate) fn did_not(&self, worker: WorkerId) {
        if let Some(work) = self.locked().get_mut(&worker) {
            work.begun.pop_back();
            work.ended = true;
        }
    }

    /// What the worker is at, or was last.
    pub(crate) fn of(&self, worker: WorkerId) -> Option<Current> {
        self.at(worker, Instant::now())
    }

    /// What the worker was at then, or had been last.
    pub(crate) fn at(&self, worker: WorkerId, then: Instant) -> Option<Current> {
        let all = self.locked();
        let mut begun = all.get(&worker)?.begun.iter().rev();
        let (_, current) = begun.find(|(begun, _)| *begun <= then)?;
        Some(current.clone())
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(request_id: &str) -> Current {
        Current {
            function: "f".into(),
            request_id: request_id.into(),
            caller: Caller::default(),
        }
    }

    #[test]
    fn a_call_belongs_to_the_invocation_it_was_begun_in() {
        let (running, worker) = (Running::default(), WorkerId(1));
        let id = |then| running.at(worker, then).map(|it| it.request_id);
        let before = Instant::now();
        running.start(worker, current("r1"));
        let within = Instant::now();
        running.end(worker);
        let between = Instant::now();
        running.start(worker, current("r2"));
        assert_eq!(id(before), None);
        assert_eq!(id(within).as_deref(), Some("r1"));
        assert_eq!(id(between).as_deref(), Some("r1"));
        assert_eq!(id(Instant::now()).as_deref(), Some("r2"));
        running.did_not(worker);
        assert_eq!(id(Instant::now()).as_deref(), Some("r1"));
        assert!(running.of(WorkerId(2)).is_none());
    }

    #[test]
    fn workers_that_work_are_kept_however_many_have_gone() {
        let running = Running::default();
        running.start(WorkerId(0), current("busy"));
        for worker in (1..).take(2 * MOST).map(WorkerId) {
            for _ in 0..2 * MOST_OF_WORKER {
                running.start(worker, current("r"));
            }
            running.end(worker);
        }
        assert_eq!(running.locked().len(), MOST);
        let of_one = |work: &Work| work.begun.len() <= MOST_OF_WORKER;
        assert!(running.locked().values().all(of_one));
        let busy = running.of(WorkerId(0)).expect("it works");
        assert_eq!(busy.request_id, "busy");
    }
}
