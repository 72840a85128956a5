//! Who waits and who is free. Nothing here takes time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::answer::{Answer, Job, Refusal};
use super::{Limits, Look};
use crate::runner::WorkerId;

/// How long a request waits for the workers that there are until another is started. A process
/// costs more than a short wait, and short functions need few of them.
const PATIENCE: Duration = Duration::from_millis(10);

/// A request that waits for a worker.
pub(super) struct Waiting {
    pub(super) job: Arc<Job>,
    pub(super) reply: oneshot::Sender<Result<Answer, Refusal>>,
    pub(super) since: Instant,
    /// Its place in the queue, to be put back there.
    pub(super) order: u64,
    /// How many workers ended before they took it.
    pub(super) tries: u8,
}

impl Waiting {
    /// Whether nobody waits for the answer any more.
    fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// What a worker does next.
pub(super) enum Next {
    /// This request.
    Run(Waiting),
    /// It waits for a request. It ends when the other side is gone.
    Wait(oneshot::Receiver<Waiting>),
    /// It ends.
    Leave,
}

/// What is to be done so that those who wait are served.
pub(super) struct Plan<V> {
    /// How many workers to start, and from what.
    pub(super) start: Option<(usize, u64, Arc<V>)>,
    /// When to look again.
    pub(super) look_again: Option<Instant>,
}

pub(super) struct State<V> {
    /// What takes requests, with its number.
    pub(super) version: Option<(u64, Arc<V>)>,
    /// What everyone is told instead.
    pub(super) refusal: Option<Refusal>,
    /// Whether everyone waits for another version.
    pub(super) is_held: bool,
    queue: VecDeque<Waiting>,
    /// The free workers of the version, the one used last at the end.
    free: Vec<(WorkerId, oneshot::Sender<Waiting>)>,
    starting: usize,
    busy: usize,
    /// How many workers there should be, whoever waits.
    at_least: usize,
    /// Since when the version has had a worker that was ready.
    ready: Option<Instant>,
    /// Whether somebody will look again.
    is_watched: bool,
    last_version: u64,
    last_order: u64,
}

impl<V> Default for State<V> {
    fn default() -> Self {
        Self {
            version: None,
            refusal: None,
            is_held: false,
            queue: VecDeque::new(),
            free: Vec::new(),
            starting: 0,
            busy: 0,
            at_least: 0,
            ready: None,
            is_watched: false,
            last_version: 0,
            last_order: 0,
        }
    }
}

impl<V> State<V> {
    pub(super) fn look(&self) -> Look {
        Look {
            version: self.version.as_ref().map_or(0, |(number, _)| *number),
            workers: self.workers(),
            busy: self.busy,
            waiting: self.queue.len(),
            is_held: self.is_held,
        }
    }

    fn workers(&self) -> usize {
        self.free.len() + self.starting + self.busy
    }

    /// Whether this is the version that takes requests.
    pub(super) fn is(&self, number: u64) -> bool {
        self.version.as_ref().is_some_and(|(it, _)| *it == number)
    }

    /// Whether another may wait. One that finds a free worker does not.
    pub(super) fn has_room(&mut self, limit: usize) -> bool {
        if self.queue.len() >= limit {
            self.queue.retain(|waiting| !waiting.is_given_up());
        }
        self.queue.len() < limit || (!self.free.is_empty() && !self.is_held)
    }

    pub(super) fn push(&mut self, mut waiting: Waiting) {
        self.last_order += 1;
        waiting.order = self.last_order;
        self.queue.push_back(waiting);
    }

    /// Back to where it stood.
    fn put_back(&mut self, waiting: Waiting) {
        let place = self
            .queue
            .partition_point(|other| other.order < waiting.order);
        self.queue.insert(place, waiting);
    }

    /// The next one that is still waited for.
    fn pop(&mut self) -> Option<Waiting> {
        loop {
            let waiting = self.queue.pop_front()?;
            if !waiting.is_given_up() {
                return Some(waiting);
            }
        }
    }

    /// Gives those who wait to the free workers; says how many more to start, within the limits.
    ///
    /// The first is started at once, further ones when it is ready and requests have waited in vain.
    pub(super) fn dispatch(&mut self, limits: &Limits, now: Instant) -> Plan<V> {
        let mut plan = Plan {
            start: None,
            look_again: None,
        };
        let at_least = std::mem::take(&mut self.at_least);
        let Some((number, version)) = self.version.clone().filter(|_| !self.is_held) else {
            return plan;
        };
        while !self.free.is_empty()
            && let Some(waiting) = self.pop()
        {
            self.give(waiting);
        }
        let missing = self
            .missing(now)
            .max(at_least.saturating_sub(self.workers()));
        let room = limits.workers.saturating_sub(self.workers());
        let at_once = limits.starting.saturating_sub(self.starting);
        let count = missing.min(room).min(at_once);
        self.starting += count;
        plan.start = (count > 0).then_some((count, number, version));
        if !self.is_watched && self.workers() < limits.workers {
            // For those before it workers are being started.
            plan.look_again = self
                .queue
                .get(self.starting)
                .and_then(|it| self.end_of_patience(it));
            self.is_watched = plan.look_again.is_some();
        }
        plan
    }

    /// How many workers those who wait lack.
    fn missing(&self, now: Instant) -> usize {
        if self.workers() == 0 {
            return usize::from(!self.queue.is_empty());
        }
        let is_impatient =
            |waiting: &&Waiting| self.end_of_patience(waiting).is_some_and(|it| it <= now);
        let impatient = self.queue.iter().take_while(is_impatient).count();
        impatient.saturating_sub(self.starting)
    }

    /// When a request has waited long enough; none while the first worker is not ready.
    fn end_of_patience(&self, waiting: &Waiting) -> Option<Instant> {
        self.ready.map(|ready| ready.max(waiting.since) + PATIENCE)
    }

    /// Somebody looks again.
    pub(super) fn looked(&mut self) {
        self.is_watched = false;
    }

    /// Gives a request to the worker that was used last.
    fn give(&mut self, mut waiting: Waiting) {
        while let Some((_, worker)) = self.free.pop() {
            match worker.send(waiting) {
                Ok(()) => {
                    self.busy += 1;
                    return;
                }
                // Its task was ended.
                Err(back) => waiting = back,
            }
        }
        self.put_back(waiting);
    }

    /// A worker is ready.
    pub(super) fn started(&mut self, number: u64, id: WorkerId, now: Instant) -> Next {
        if !self.is(number) {
            return Next::Leave;
        }
        self.starting -= 1;
        self.ready.get_or_insert(now);
        self.next(id)
    }

    /// A worker did not get ready. Gives those whom nobody is left to serve.
    pub(super) fn start_failed(&mut self, number: u64) -> Vec<Waiting> {
        if !self.is(number) {
            return Vec::new();
        }
        self.starting -= 1;
        if self.workers() > 0 || self.is_held {
            return Vec::new();
        }
        self.queue.drain(..).collect()
    }

    /// A worker did not get ready, of a version that is no longer what is on the disk.
    pub(super) fn start_outdated(&mut self, number: u64) {
        if self.is(number) {
            self.starting -= 1;
            self.is_held = true;
        }
    }

    /// A worker has ended an invocation.
    pub(super) fn finished(&mut self, number: u64, id: WorkerId) -> Next {
        if !self.is(number) {
            return Next::Leave;
        }
        self.busy -= 1;
        self.next(id)
    }

    /// A worker has ended with its invocation.
    pub(super) fn lost(&mut self, number: u64) {
        if self.is(number) {
            self.busy -= 1;
        }
    }

    /// A worker was given a request that it should not take: its version is not the newest any
    /// more, or not what is on the disk.
    pub(super) fn gave_back(&mut self, number: u64, id: WorkerId, waiting: Waiting) -> Next {
        self.put_back(waiting);
        if !self.is(number) {
            return Next::Leave;
        }
        self.is_held = true;
        self.busy -= 1;
        self.next(id)
    }

    /// A worker has ended before it took a request.
    pub(super) fn not_taken(&mut self, number: u64, waiting: Waiting) {
        self.put_back(waiting);
        self.lost(number);
    }

    /// A free worker wants to end. Whether it may: it may have been given a request.
    pub(super) fn leaves(&mut self, id: WorkerId) -> bool {
        let before = self.free.len();
        self.free.retain(|(free, _)| *free != id);
        self.free.len() < before
    }

    fn next(&mut self, id: WorkerId) -> Next {
        if !self.is_held
            && let Some(waiting) = self.pop()
        {
            self.busy += 1;
            return Next::Run(waiting);
        }
        let (give, given) = oneshot::channel();
        self.free.push((id, give));
        Next::Wait(given)
    }

    /// Lets the workers of this version take over; gives its number.
    pub(super) fn switch(&mut self, version: Arc<V>) -> u64 {
        self.last_version += 1;
        self.forget_workers();
        self.version = Some((self.last_version, version));
        self.refusal = None;
        self.is_held = false;
        self.last_version
    }

    /// Has a worker started, even if nobody waits.
    pub(super) fn warm(&mut self) {
        self.at_least = 1;
    }

    /// Leaves nothing that could run; gives those who wait.
    pub(super) fn drop_version(&mut self) -> Vec<Waiting> {
        self.forget_workers();
        self.version = None;
        self.refusal = None;
        self.is_held = false;
        self.queue.drain(..).collect()
    }

    /// The free ones end by that; the others when they see that their version is gone.
    fn forget_workers(&mut self) {
        self.free.clear();
        self.starting = 0;
        self.busy = 0;
        self.ready = None;
    }
}
