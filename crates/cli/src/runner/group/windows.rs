//! Groups on Windows: jobs. The system ends a job's processes when its last handle is closed
//! (`JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE`, which process-wrap sets for a `JobObject` together with
//! `KillOnDrop`), and closes the tool's handles when the tool is gone, however it went. So no guard
//! is needed for processes. A temporary folder stays behind where the tool is killed.

use std::io;
use std::process::ExitStatus;

use process_wrap::tokio::{ChildWrapper, CommandWrap, JobObject, KillOnDrop};
use tokio::process::{ChildStderr, ChildStdout, Command};

use super::{PREFIX, TempFolder};
use crate::printer::Printer;

/// Starts groups.
#[derive(Debug, Clone)]
pub(crate) struct Groups;

impl Groups {
    pub(crate) fn new(_printer: Printer) -> Self {
        Self
    }

    /// Starts a command in a job of its own. That takes no keyboard away, so `own_group` is moot.
    pub(in super::super) fn start(&self, command: Command, own_group: bool) -> io::Result<Group> {
        let _ = own_group;
        let mut command = CommandWrap::from(command);
        command.wrap(KillOnDrop);
        command.wrap(JobObject);
        Ok(Group(command.spawn()?))
    }

    pub(in super::super) fn temp_folder(&self) -> io::Result<TempFolder> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        Ok(TempFolder { folder })
    }
}

/// Kills the job when dropped, so that a panic or a runtime that shuts down leaves nothing.
pub(in super::super) struct Group(Box<dyn ChildWrapper>);

impl Group {
    pub(in super::super) fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.0.stdout().take(), self.0.stderr().take())
    }

    /// Waits for the first process only: its descendants may run on, and waiting for them is what
    /// the job's own `wait` would do.
    pub(in super::super) async fn leader_ended(&mut self) -> io::Result<ExitStatus> {
        self.0.inner_mut().wait().await
    }

    pub(in super::super) fn kill(&mut self) {
        // Fails when nothing is left, which is the aim.
        let _ = self.0.start_kill();
    }

    /// Ctrl-C and the like reach all processes of the console, without our help.
    pub(in super::super) fn pass_on(&self, _signal: u8) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Groups for tests.
#[cfg(test)]
pub(crate) fn in_tests() -> Groups {
    Groups
}
