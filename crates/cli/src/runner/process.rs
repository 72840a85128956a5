//! Child processes, each in a group of its own that dies as a whole.
//!
//! One task owns a child: it passes signals on, waits for the child's end or for the order to end
//! it, and then kills what is left of the group, grandchildren included.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::process::ExitStatus;

use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, watch};

use super::group::{Group, Groups, TempFolder};

/// Knows when all processes that it started have ended.
pub(crate) struct Processes {
    groups: Groups,
    alive: mpsc::Sender<Infallible>,
    ended: mpsc::Receiver<Infallible>,
}

impl Processes {
    pub(crate) fn new(groups: Groups) -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self {
            groups,
            alive,
            ended,
        }
    }

    /// For one that may start processes.
    pub(crate) fn spawner(&self) -> Spawner {
        Spawner {
            groups: self.groups.clone(),
            alive: self.alive.clone(),
        }
    }

    /// Waits until no process is left. Everyone who holds a [`Process`] or a [`Spawner`] must
    /// have let go of it.
    pub(crate) async fn ended(mut self) {
        drop(self.alive);
        let _ = self.ended.recv().await;
    }
}

/// Starts processes, which do not outlive the tool.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    groups: Groups,
    alive: mpsc::Sender<Infallible>,
}

impl Spawner {
    /// Starts a command in a process group of its own, away from the terminal's Ctrl-C: the tool
    /// takes that and ends the group in order.
    pub(crate) fn spawn(&self, command: Command) -> io::Result<Process> {
        self.start(command, true)
    }

    /// Starts a command that the user works with. At a terminal on Unix it stays in the terminal's
    /// group, because no other may read the keyboard; to hand the keyboard over to another group
    /// would take it away from the rest of the line, as `less` in `cloudcall exec … | less`, and
    /// Ctrl-C from the script that runs it. There only the command itself is ended: what it leaves
    /// behind in the background lives on, and is its own affair.
    pub(crate) fn spawn_in_foreground(&self, command: Command) -> io::Result<Process> {
        self.start(command, !io::stdin().is_terminal())
    }

    /// A new folder in the system's temporary one, which does not outlive the tool either.
    pub(crate) fn temp_folder(&self) -> io::Result<TempFolder> {
        self.groups.temp_folder()
    }

    fn start(&self, command: Command, own_group: bool) -> io::Result<Process> {
        let mut group = self.groups.start(command, own_group)?;
        let (stdout, stderr) = group.output();
        let (signals, orders) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        tokio::spawn(own(group, orders, end, self.alive.clone()));
        Ok(Process {
            stdout,
            stderr,
            signals: Some(signals),
            ended,
        })
    }
}

/// A process and all its descendants. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Process {
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
    /// Signals to pass on. When this is gone, that is the order to end.
    signals: Option<mpsc::UnboundedSender<u8>>,
    ended: watch::Receiver<Option<Ending>>,
}

impl Process {
    /// Orders the end, at once.
    pub(crate) fn stop(&mut self) {
        self.signals = None;
    }

    /// Passes a signal on that the tool was sent, to the whole group, so that it can end in order.
    pub(crate) fn pass_on(&self, signal: u8) {
        if let Some(signals) = &self.signals {
            // Fails when the process has ended, and then nobody is left to take it.
            let _ = signals.send(signal);
        }
    }

    /// Waits for the end, of itself or ordered; nothing of the group is left then.
    pub(crate) async fn ended(&self) -> Ending {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ending) => ending.unwrap_or(Ending(None)),
            // The owner is gone without a word, so the runtime is shutting down.
            Err(_) => Ending(None),
        }
    }
}

/// How a process ended, if the system told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending(pub(super) Option<ExitStatus>);

impl Ending {
    /// The exit code as shells count: 128 and the number for a signal; 1 where nothing is known.
    pub(crate) fn code(self) -> u8 {
        #[cfg(unix)]
        let signal = |status: ExitStatus| {
            use std::os::unix::process::ExitStatusExt as _;
            status.signal().map(|signal| signal + 128)
        };
        #[cfg(not(unix))]
        let signal = |_: ExitStatus| None;
        let code = self
            .0
            .and_then(|status| status.code().or_else(|| signal(status)));
        // What fits no byte, as Windows has it, must not become 0.
        code.map_or(1, |code| u8::try_from(code).unwrap_or(1))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(f, "{status}"),
            None => f.write_str("unknown exit status"),
        }
    }
}

/// The task that owns a child. `_alive` is dropped when nothing of the group is left.
async fn own(
    mut group: Group,
    mut orders: mpsc::UnboundedReceiver<u8>,
    end: watch::Sender<Option<Ending>>,
    _alive: mpsc::Sender<Infallible>,
) {
    let ended_itself = loop {
        tokio::select! {
            status = group.leader_ended() => break Some(status),
            order = orders.recv() => match order {
                Some(signal) => group.pass_on(signal),
                None => break None,
            },
        }
    };
    group.kill();
    let status = match ended_itself {
        Some(status) => status,
        None => group.leader_ended().await,
    };
    end.send_replace(Some(Ending(status.ok())));
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::runner::group::in_tests as groups;
    use std::process::Stdio;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

    /// A shell whose stdout its descendants hold too: the end of the stream is the end of all.
    fn shell(spawner: &Spawner, script: &str) -> (Process, BufReader<ChildStdout>) {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = spawner.spawn(command).expect("sh");
        let stdout = process.stdout.take().expect("piped");
        (process, BufReader::new(stdout))
    }

    async fn line(stdout: &mut BufReader<ChildStdout>) -> String {
        let mut line = String::new();
        stdout.read_line(&mut line).await.expect("line");
        line
    }

    async fn end(mut stdout: BufReader<ChildStdout>) {
        stdout
            .read_to_end(&mut Vec::new())
            .await
            .expect("end of the stream");
    }

    #[tokio::test]
    async fn an_ordered_end_takes_the_grandchildren() {
        let processes = Processes::new(groups());
        let (mut process, mut stdout) = shell(&processes.spawner(), "sleep 1000 & echo up; wait");
        assert_eq!(line(&mut stdout).await, "up\n");
        process.stop();
        assert!(process.ended().await.to_string().starts_with("signal: 9"));
        end(stdout).await;
        processes.ended().await;
    }

    #[tokio::test]
    async fn a_process_that_ends_itself_takes_the_grandchildren_too() {
        let processes = Processes::new(groups());
        let (process, stdout) = shell(&processes.spawner(), "sleep 1000 & exit 7");
        assert_eq!(process.ended().await.to_string(), "exit status: 7");
        end(stdout).await;
    }

    #[tokio::test]
    async fn a_signal_is_passed_on_and_leaves_time_to_end_in_order() {
        let processes = Processes::new(groups());
        let (process, mut stdout) = shell(
            &processes.spawner(),
            "trap 'echo cleaned; exit 5' TERM; sleep 1000 & echo up; wait",
        );
        assert_eq!(line(&mut stdout).await, "up\n");
        process.pass_on(15);
        assert_eq!(process.ended().await.code(), 5);
        assert_eq!(line(&mut stdout).await, "cleaned\n");
        end(stdout).await;
    }

    #[tokio::test]
    async fn a_signal_that_is_ignored_does_not_end_it_but_the_order_does() {
        let processes = Processes::new(groups());
        let (mut process, mut stdout) = shell(
            &processes.spawner(),
            "trap '' TERM; echo up; while :; do sleep 1000; done",
        );
        assert_eq!(line(&mut stdout).await, "up\n");
        process.pass_on(15);
        let grace = std::time::Duration::from_millis(100);
        assert!(
            tokio::time::timeout(grace, process.ended()).await.is_err(),
            "it runs on"
        );
        process.stop();
        assert_eq!(process.ended().await.code(), 128 + 9);
        end(stdout).await;
    }

    #[tokio::test]
    async fn letting_go_is_an_order_to_end() {
        let processes = Processes::new(groups());
        let (process, stdout) = shell(&processes.spawner(), "sleep 1000 & sleep 1000");
        drop(process);
        processes.ended().await;
        end(stdout).await;
    }

    #[test]
    fn a_runtime_that_shuts_down_leaves_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime");
        let (process, stdout) = runtime.block_on(async {
            let processes = Processes::new(groups());
            let (process, mut stdout) = shell(&processes.spawner(), "sleep 1000 & echo up; wait");
            line(&mut stdout).await;
            (
                process,
                stdout.into_inner().into_owned_fd().expect("descriptor"),
            )
        });
        drop(runtime);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut std::fs::File::from(stdout), &mut rest).expect("end");
        drop(process);
    }
}
