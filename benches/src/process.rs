//! Processes that are measured: pinned to cores, with their CPU time and what they say of themselves.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// The core of what is measured, and that of its other side.
pub(crate) const MEASURED: &str = "0";
pub(crate) const OTHER: &str = "1";
pub(crate) const BOTH: &str = "0,1";

/// What a client says at its end of the calls that counted.
#[derive(Deserialize)]
pub(crate) struct Spent {
    pub(crate) cpu_ns: f64,
    pub(crate) calls: f64,
}

impl Spent {
    pub(crate) fn cpu_of_a_call(&self) -> f64 {
        self.cpu_ns / self.calls
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

/// The tool, which was built beside this program.
pub(crate) fn cloudcall() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?.with_file_name("cloudcall"))
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

/// A process that serves until this is dropped.
pub(crate) struct Server {
    child: Child,
    _stdin: ChildStdin,
    /// The first line that it wrote.
    line: String,
}

impl Server {
    /// Starts it, and waits for the first line on stdout, which says that it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut server = Self {
            child,
            _stdin: stdin.ok_or("no stdin")?,
            line: String::new(),
        };
        BufReader::new(stdout.ok_or("no stdout")?).read_line(&mut server.line)?;
        if server.line.is_empty() {
            return Err(format!("{command:?} ended before it was ready").into());
        }
        Ok(server)
    }

    /// What it said when it was ready.
    pub(crate) fn said<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(serde_json::from_str(&self.line)?)
    }

    /// The CPU time of all of its threads so far, in ns.
    pub(crate) fn cpu_ns(&self) -> Result<f64, Failure> {
        cpu_ns(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The scheduler counts in nanoseconds, where `/proc/PID/stat` has hundredths of a second. Threads
/// that have ended are missing; the servers here keep theirs.
pub(crate) fn cpu_ns(process: u32) -> Result<f64, Failure> {
    let mut sum = 0.0;
    for thread in Path::new(&format!("/proc/{process}/task")).read_dir()? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran = text.split(' ').next().ok_or("an empty schedstat")?;
        sum += ran.parse::<f64>()?;
    }
    Ok(sum)
}

/// The same of a process and all that it has started, as far as it runs.
pub(crate) fn cpu_ns_of_all(process: u32) -> Result<f64, Failure> {
    family(process)?.into_iter().map(cpu_ns).sum()
}

/// The memory that a process and all that it has started hold, in bytes. What they share counts
/// for each.
pub(crate) fn memory_of_all(process: u32) -> Result<f64, Failure> {
    let resident = |process: u32| -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held = held.ok_or("no VmRSS")?.trim().trim_end_matches(" kB");
        Ok(held.parse::<f64>()? * 1024.0)
    };
    family(process)?.into_iter().map(resident).sum()
}

fn family(process: u32) -> Result<Vec<u32>, Failure> {
    let mut all = vec![process];
    for thread in Path::new(&format!("/proc/{process}/task")).read_dir()? {
        let children = std::fs::read_to_string(thread?.path().join("children"))?;
        for child in children.split_whitespace() {
            all.append(&mut family(child.parse()?)?);
        }
    }
    Ok(all)
}
