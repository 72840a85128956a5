//! The tool's side of a guard: a small process, `cloudcall guard`, that leads a group and ends it
//! when the tool is gone. Its side is in `commands/guard.rs`.
//!
//! It holds nothing of the tool's but the reading end of a pipe. When the tool is gone, even by
//! `kill -9`, the system closes the other end, and the guard sees that.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use rustix::process::Pid;

use crate::printer::Printer;

/// The file that a process of Linux runs, also when its name is another file's by now, or nobody's.
const RUNNING: &str = "/proc/self/exe";

/// Starts guards.
#[derive(Debug, Clone)]
pub(crate) struct Guards {
    program: Result<PathBuf, Arc<io::Error>>,
    arguments: Vec<OsString>,
    printer: Printer,
    warned: Arc<Once>,
    spawning: Arc<Mutex<()>>,
}

impl Guards {
    /// Guards are this very program.
    pub(super) fn new(printer: Printer) -> Self {
        Self::with(own_program(), vec![crate::commands::GUARD.into()], printer)
    }

    fn with(program: io::Result<PathBuf>, arguments: Vec<OsString>, printer: Printer) -> Self {
        Self {
            program: program.map_err(Arc::new),
            arguments,
            printer,
            warned: Arc::new(Once::new()),
            spawning: Arc::default(),
        }
    }

    /// Starts a guard, which also removes a folder when the tool is gone. Without one everything
    /// works, until the tool is killed: that is worth a warning, once.
    pub(super) fn start(&self, folder: Option<&Path>) -> Option<Guard> {
        let _one_at_a_time = self.one_at_a_time();
        match self.try_start(folder) {
            Ok(guard) => Some(guard),
            Err(error) => {
                self.warned.call_once(|| {
                    self.printer.warning(format_args!(
                        "no guard can be started ({error}): what runs below this process will \
                         live on if it is killed with SIGKILL"
                    ));
                });
                None
            }
        }
    }

    fn try_start(&self, folder: Option<&Path>) -> io::Result<Guard> {
        let program = self.program.as_ref().map_err(|error| {
            // An `io::Error` cannot be cloned.
            io::Error::new(error.kind(), Arc::clone(error))
        })?;
        let mut command = Command::new(program);
        if program == Path::new(RUNNING) {
            // What lists of processes show.
            command.arg0("cloudcall");
        }
        command.args(&self.arguments);
        if let Some(folder) = folder {
            command.arg("--folder").arg(folder);
        }
        command
            // Away from the terminal's Ctrl-C.
            .process_group(0)
            // It needs none of it: no secrets, and no folder that it would keep busy.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn()?;
        let ready = Mutex::new(process.stdout.take());
        Ok(Guard { process, ready })
    }

    /// To be held while a process starts. Where the system cannot make a pipe that is closed on
    /// exec in one step, as on macOS, another process that starts at the same moment would take
    /// the guard's pipe along, and hold it open.
    pub(super) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.spawning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This very program. While it runs, a build or an update may put another in its file's place, or
/// none.
fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") && Path::new(RUNNING).exists() {
        return Ok(RUNNING.into());
    }
    std::env::current_exe()
}

/// A guard. Dropping it ends it, and nothing else: what it guards must be gone before.
#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
    /// It says something once signals to its group do it no harm.
    ready: Mutex<Option<ChildStdout>>,
}

impl Guard {
    /// Its id, which is also its group's, until it is dropped.
    pub(super) fn id(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Waits, a few milliseconds at most, until a signal to its group does not end it.
    pub(super) fn ready(&self) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut stdout) = ready.take() {
            // The end of the stream says that it has ended already.
            let _ = stdout.read(&mut [0]);
        }
    }

    /// Makes it end a process that is not in its group.
    pub(super) fn take_on(&mut self, id: Pid) {
        if let Some(pipe) = &mut self.process.stdin {
            // Fails when it has been killed, and then nobody is left to tell.
            let _ = writeln!(pipe, "{}", id.as_raw_pid());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Before its pipe is closed, which would mean that the tool is gone.
        let _ = self.process.kill();
        // At once, as it was killed.
        let _ = self.process.wait();
    }
}

/// Groups for tests, whose own program is no guard: a shell does what one does.
#[cfg(test)]
pub(crate) fn in_tests() -> super::Groups {
    let script = r#"trap '' INT TERM HUP; echo; cat; rm -rf "$1"; kill -9 0"#;
    super::Groups(Guards::with(
        Ok("/bin/sh".into()),
        vec!["-c".into(), script.into()],
        Printer,
    ))
}
