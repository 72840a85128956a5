//! The workers of one function.

use std::sync::Arc;

use tokio::sync::Notify;

use super::super::answer::{Answer, End, Job, Refusal};
use super::super::calls::Calls;
use super::super::pool::{Run, Staff, Work};
use super::super::record;
use super::super::running::Current;
use super::version::{Version, refusal_of, refusal_of_worker};
use crate::runner::{Function, Host, InvocationError, Serving, WorkerError, WorkerId};

/// Starts the workers of a function.
pub(super) struct Workers {
    host: Arc<Host>,
    calls: Calls,
    function: Function,
    wanted: Arc<Notify>,
}

impl Workers {
    /// Also gives what tells that requests wait for a version.
    pub(super) fn new(host: Arc<Host>, calls: Calls, function: Function) -> (Self, Arc<Notify>) {
        let wanted = Arc::new(Notify::new());
        let staff = Self {
            host,
            calls,
            function,
            wanted: Arc::clone(&wanted),
        };
        (staff, wanted)
    }
}

/// A worker that is ready.
pub(super) struct Process {
    serving: Serving,
    calls: Calls,
    function: String,
    /// What it runs must be there as long as it does.
    _version: Version,
}

impl Staff for Workers {
    type Version = Version;
    type Worker = Process;

    async fn start(&self, version: &Version) -> Result<Process, Refusal> {
        match self.host.start(&version.prepared, None).await {
            Ok(serving) => Ok(Process {
                serving,
                calls: self.calls.clone(),
                function: self.function.name.clone(),
                _version: version.clone(),
            }),
            Err(error) => {
                let refusal = match error {
                    InvocationError::Prepare(error) => refusal_of(error),
                    InvocationError::Worker(error) => refusal_of_worker(&error),
                };
                let text = refusal.message.lines().next().unwrap_or_default();
                self.host
                    .printer
                    .warning(format_args!("{}: {text}", self.function.name));
                Err(refusal)
            }
        }
    }

    fn is_current(&self, version: &Version) -> bool {
        version.is_current()
    }

    fn wants_version(&self) {
        self.wanted.notify_one();
    }

    fn begins(&self, worker: WorkerId, job: &Job) {
        let current = Current {
            function: self.function.name.clone(),
            request_id: job.request_id.clone(),
            caller: job.caller.clone(),
        };
        self.calls.running.start(worker, current);
    }

    fn did_not(&self, worker: WorkerId) {
        self.calls.running.did_not(worker);
    }

    fn ended(&self, job: &Job, answer: &Answer) {
        self.calls.running.end(answer.worker);
        record::ended(&self.calls.journal, &self.function.name, job, answer);
    }
}

impl Work for Process {
    fn id(&self) -> WorkerId {
        self.serving.id()
    }

    async fn run(&mut self, job: &Job) -> Run {
        let Job {
            request_id,
            event,
            caller,
            source,
        } = job;
        let outcome = self
            .serving
            .invoke(request_id.clone(), event.clone(), caller, *source)
            .await;
        let denied = self.serving.denied();
        if !denied.is_empty() {
            self.calls.denied(&self.function, request_id, &denied);
        }
        match outcome {
            Ok(outcome) => Run::Done(End::of(Ok(outcome))),
            Err(error @ (WorkerError::Died { .. } | WorkerError::NeverReady))
                if !self.serving.took_its_event() =>
            {
                Run::NotTaken(refusal_of_worker(&error))
            }
            Err(error) => Run::Last(End::of(Err(error))),
        }
    }

    async fn ended(&self) {
        self.serving.ended().await;
    }

    async fn stop(self) {
        self.serving.stop().await;
    }
}
