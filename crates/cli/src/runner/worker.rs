//! A worker: the process that runs a function, and the runtime API it talks to.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::process::Command;
use tokio::time::timeout;

use super::output::Output;
use super::process::{Ending, Process, Spawner};
use super::runtime_api::{Invocation, Late, Outcome, RuntimeApi};
use super::worker_id::WorkerId;
use crate::printer::Printer;

/// How long a worker may take until it asks for its event.
const START: Duration = Duration::from_secs(60);

/// What a function is told of its time limit when it has none: a day.
const UNLIMITED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an answer may take from the socket to the stage, once its sender has ended.
const IN_FLIGHT: Duration = Duration::from_millis(100);

/// How to start a worker.
#[derive(Clone)]
pub(crate) struct WorkerSpec {
    pub(crate) id: WorkerId,
    /// The function, for messages.
    pub(crate) function: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Where it runs: the function's folder.
    pub(crate) folder: PathBuf,
    /// Its whole environment, but for the address of the runtime API.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// How long one invocation may take, from when the worker takes the event. None under a
    /// debugger, where the start has no limit either.
    pub(crate) time_limit: Option<Duration>,
    /// What the worker is told of its memory, in MB.
    pub(crate) memory_limit: u32,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error("no loopback port for the runtime API: {0}")]
    Port(std::io::Error),
    #[error("{} does not start: {source}", .program.display())]
    Spawn {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("the function did not ask for an event within {} seconds of its start", START.as_secs())]
    NeverReady,
    #[error("Invoking task timed out after {} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("the function's process ended {} ({ending})", when(*.started))]
    Died {
        /// Whether it was ready for events.
        started: bool,
        ending: Ending,
        last_lines: Vec<String>,
    },
}

fn when(started: bool) -> &'static str {
    if started {
        "before it answered"
    } else {
        "before it was ready"
    }
}

/// Of the environment the names only: it holds what the function may use, such as its token.
impl fmt::Debug for WorkerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("WorkerSpec")
            .field("function", &self.function)
            .field("program", &self.program)
            .field("environment", &names)
            .finish_non_exhaustive()
    }
}

impl WorkerError {
    /// What a process wrote last, to follow the error's own text; empty for other errors.
    pub(crate) fn last_lines(&self) -> String {
        match self {
            Self::Died { last_lines, .. } if last_lines.is_empty() => "; it wrote nothing".into(),
            Self::Died { last_lines, .. } => {
                format!("; its last lines:\n{}", last_lines.join("\n"))
            }
            _ => String::new(),
        }
    }
}

/// A process that serves events, one at a time. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Worker {
    spec: WorkerSpec,
    api: RuntimeApi,
    process: Process,
    output: Output,
}

impl Worker {
    /// Starts the process and waits until it is ready.
    pub(crate) async fn start(
        spec: WorkerSpec,
        spawner: &Spawner,
        printer: Printer,
    ) -> Result<Self, WorkerError> {
        let api = RuntimeApi::serve().await.map_err(WorkerError::Port)?;
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.arguments)
            .current_dir(&spec.folder)
            .env_clear()
            .envs(spec.environment.iter().map(|(name, value)| (name, value)))
            .env("SCF_RUNTIME_API", api.address().ip().to_string())
            .env("SCF_RUNTIME_API_PORT", api.address().port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = spawner
            .spawn(command)
            .map_err(|source| WorkerError::Spawn {
                program: spec.program.clone(),
                source,
            })?;
        let output = Output::follow(&mut process, &spec.function, printer);
        let mut worker = Self {
            spec,
            api,
            process,
            output,
        };
        let ready = tokio::select! {
            ready = within(worker.start_limit(), worker.api.ready()) => Some(ready),
            _ = worker.process.ended() => None,
        };
        match ready {
            Some(Some(())) => Ok(worker),
            Some(None) => {
                worker.end().await;
                Err(WorkerError::NeverReady)
            }
            None => Err(worker.died(false).await),
        }
    }

    /// Which one it is.
    pub(crate) fn id(&self) -> WorkerId {
        self.spec.id
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&self) {
        self.process.ended().await;
    }

    /// Whether it has taken the event that it was handed, so that nobody else may be.
    pub(crate) fn took_its_event(&self) -> bool {
        self.api.is_taken()
    }

    /// Hands the worker an event, and in Node who called, and waits for what it makes of it. After
    /// an error the process has ended.
    pub(crate) async fn invoke(
        &mut self,
        request_id: String,
        event: Bytes,
        caller: Option<HeaderValue>,
    ) -> Result<Outcome, WorkerError> {
        self.api.offer(Invocation {
            request_id,
            event,
            caller,
            time_limit: self.spec.time_limit.unwrap_or(UNLIMITED),
            memory_limit: self.spec.memory_limit,
        });
        let result = tokio::select! {
            biased;
            result = self.api.answer(self.start_limit(), self.spec.time_limit) => Some(result),
            _ = self.process.ended() => None,
        };
        match result {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(late)) => {
                self.end().await;
                Err(match late {
                    Late::NotTaken => WorkerError::NeverReady,
                    Late::NotAnswered => {
                        WorkerError::TimedOut(self.spec.time_limit.unwrap_or(UNLIMITED))
                    }
                })
            }
            // Its last words may be an answer that is still in the socket.
            None => match timeout(IN_FLIGHT, self.api.answer(None, None)).await {
                Ok(Ok(outcome)) => Ok(outcome),
                _ => Err(self.died(true).await),
            },
        }
    }

    fn start_limit(&self) -> Option<Duration> {
        self.spec.time_limit.map(|_| START)
    }

    /// The Cloud Calls that the SDK for Rust denied within the last invocation, in order.
    pub(crate) fn denied(&self) -> Vec<String> {
        self.api.denied()
    }

    /// Ends the process with all that it started. What it has written until now is still shown.
    pub(crate) async fn stop(mut self) {
        self.end().await;
    }

    async fn end(&mut self) -> Ending {
        self.process.stop();
        let ending = self.process.ended().await;
        self.output.drain().await;
        ending
    }

    async fn died(&mut self, started: bool) -> WorkerError {
        WorkerError::Died {
            started,
            ending: self.end().await,
            last_lines: self.output.last_lines(),
        }
    }
}

/// Waits, but not longer than the limit if there is one.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::runner::Processes;
    use crate::runner::group::in_tests as groups;

    /// A worker that runs a script. It speaks no HTTP, which is all that these tests need.
    fn spec(script: &str) -> WorkerSpec {
        WorkerSpec {
            id: WorkerId(1),
            function: "f".into(),
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            folder: std::env::temp_dir(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            time_limit: Some(Duration::from_secs(3)),
            memory_limit: 256,
        }
    }

    async fn start_error(spec: WorkerSpec) -> String {
        let processes = Processes::new(groups());
        let error = Worker::start(spec, &processes.spawner(), Printer)
            .await
            .expect_err("it is never ready");
        processes.ended().await;
        format!("{error}{}", error.last_lines())
    }

    #[tokio::test]
    async fn an_early_end_is_reported_with_its_last_lines() {
        assert_eq!(
            start_error(spec("echo one; echo two >&2; exit 7"))
                .await
                .lines()
                .next(),
            Some(
                "the function's process ended before it was ready (exit status: 7); its last lines:"
            )
        );
        assert_eq!(
            start_error(spec("kill -9 $$")).await,
            "the function's process ended before it was ready (signal: 9 (SIGKILL)); it wrote nothing"
        );
    }

    #[tokio::test]
    async fn the_environment_is_the_given_one() {
        let error = start_error(spec("env; exit 1")).await;
        let mut names: Vec<_> = error
            .lines()
            .skip(1)
            .filter_map(|line| Some(line.split_once('=')?.0))
            .filter(|name| !matches!(*name, "PWD" | "SHLVL" | "_" | "OLDPWD"))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["PATH", "SCF_RUNTIME_API", "SCF_RUNTIME_API_PORT"]);
    }

    #[test]
    fn the_environment_is_shown_without_its_values() {
        let shown = format!("{:?}", spec(""));
        assert!(
            shown.contains("PATH") && !shown.contains("/usr/bin"),
            "{shown}"
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let spec = WorkerSpec {
            program: "/no/such/program".into(),
            ..spec("")
        };
        assert!(
            start_error(spec)
                .await
                .starts_with("/no/such/program does not start: ")
        );
    }

    #[test]
    fn the_time_limit_reads_like_the_platforms() {
        let text = |limit| WorkerError::TimedOut(limit).to_string();
        assert_eq!(
            text(Duration::from_secs(3)),
            "Invoking task timed out after 3 seconds"
        );
        assert_eq!(
            text(Duration::from_millis(500)),
            "Invoking task timed out after 0.5 seconds"
        );
    }
}
