//! Processes that run to their end: pinned to cores, with what they say of themselves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// The core of what is measured, and that of its other side.
pub(crate) const MEASURED: &str = "0";
pub(crate) const OTHER: &str = "1";
pub(crate) const BOTH: &str = "0,1";

/// What a client says at the end of the calls that counted: its own CPU time, and the clock's.
#[derive(Deserialize)]
pub(crate) struct Spent {
    pub(crate) cpu_ns: f64,
    pub(crate) wall_ns: f64,
    pub(crate) calls: f64,
}

impl Spent {
    pub(crate) fn cpu_of_a_call(&self) -> f64 {
        self.cpu_ns / self.calls
    }
}

/// How many calls were made: in a second of the clock, and in a second of CPU time.
pub(crate) struct Rate {
    pub(crate) second: f64,
    pub(crate) core_second: f64,
}

impl Rate {
    /// Of these calls, for which this CPU time is counted.
    pub(crate) fn new(spent: &Spent, cpu_ns: f64) -> Self {
        Self {
            second: 1e9 * spent.calls / spent.wall_ns,
            core_second: 1e9 * spent.calls / cpu_ns,
        }
    }
}

/// A program on certain cores; `taskset` becomes it, so its process id is the program's.
pub(crate) fn pinned(cores: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cores]).arg(program);
    command
}

/// This program in one of its roles.
pub(crate) fn role(cores: &str, arguments: &[&str]) -> Result<Command, Failure> {
    let mut command = pinned(cores, std::env::current_exe()?);
    command.arg("--role").args(arguments);
    Ok(command)
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program that was built beside this one.
pub(crate) fn built(name: &str) -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Runs to the end; gives the last line of its output, as JSON.
pub(crate) fn outcome<T: DeserializeOwned>(command: &mut Command) -> Result<T, Failure> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(
        text.lines().last().unwrap_or_default(),
    )?)
}

/// Runs to the end with its output thrown away; gives how long that took.
pub(crate) fn duration(command: &mut Command) -> Result<Duration, Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(started.elapsed())
}
