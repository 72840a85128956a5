//! Groups on Unix: process groups, each led by a guard.
//!
//! The guard is there before the command is, so there is no moment at which the command lives and
//! nobody would end it. And while the guard lives, or is dead but not yet waited for, the system
//! gives its id, which is the group's, to nobody else: what is killed is always the group.

use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::guard::{Guard, Guards};
use super::{PREFIX, TempFolder};
use crate::printer::Printer;

/// Starts groups.
#[derive(Debug, Clone)]
pub(crate) struct Groups(pub(super) Guards);

impl Groups {
    pub(crate) fn new(printer: Printer) -> Self {
        Self(Guards::new(printer))
    }

    /// Starts a command in a group of its own, or else in the tool's: that may be the user's
    /// shell's as well, so only the command itself is ended with the tool, by its id.
    pub(in super::super) fn start(
        &self,
        mut command: Command,
        own_group: bool,
    ) -> io::Result<Group> {
        let mut guard = self.0.start(None);
        let _one_at_a_time = self.0.one_at_a_time();
        if own_group {
            command.process_group(guard.as_ref().map_or(0, |it| it.id().as_raw_pid()));
        }
        let child = match command.spawn() {
            // The guard has been killed, and there are systems where its group went with it.
            Err(error) if own_group && error.kind() == io::ErrorKind::PermissionDenied => {
                guard = None;
                command.process_group(0).spawn()?
            }
            child => child?,
        };
        let id = id(&child)?;
        let target = match &mut guard {
            _ if !own_group => {
                if let Some(guard) = &mut guard {
                    guard.take_on(id);
                }
                Target::Command(id)
            }
            Some(guard) => Target::Group(guard.id()),
            None => Target::Group(id),
        };
        Ok(Group {
            child,
            target: Some(target),
            guard,
        })
    }

    /// The guard knows the folder before it is made.
    pub(in super::super) fn temp_folder(&self) -> io::Result<TempFolder> {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        let parent = std::path::absolute(std::env::temp_dir())?;
        let guard = self.0.start(Some(&parent.join(&name)));
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix(&name).rand_bytes(0).tempdir_in(parent)?;
        Ok(TempFolder {
            folder,
            _guard: guard,
        })
    }
}

/// A child has an id until it has been waited for.
fn id(child: &Child) -> io::Result<Pid> {
    child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .ok_or_else(|| io::Error::other("a process without an id"))
}

/// Kills the group when dropped, so that a panic or a runtime that shuts down leaves nothing.
#[derive(Debug)]
pub(in super::super) struct Group {
    child: Child,
    /// Whom to kill; nobody once that was done, because the ids may be others' then.
    target: Option<Target>,
    /// Dropped last, so that the group's id is the group's until then.
    guard: Option<Guard>,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Group(Pid),
    /// The command alone: it shares the tool's group.
    Command(Pid),
}

impl Group {
    pub(in super::super) fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits for the command only: its descendants may run on.
    pub(in super::super) async fn leader_ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        if matches!(self.target, Some(Target::Command(_))) {
            self.target = None;
        }
        status
    }

    pub(in super::super) fn kill(&mut self) {
        // Each fails when nothing is left, which is the aim.
        let _ = match self.target.take() {
            Some(Target::Group(id)) => kill_process_group(id, Signal::KILL),
            Some(Target::Command(id)) => kill_process(id, Signal::KILL),
            None => Ok(()),
        };
    }

    pub(in super::super) fn pass_on(&self, signal: u8) {
        let of_the_keyboard = crate::signals::is_of_the_keyboard(signal);
        let Some(signal) = Signal::from_named_raw(signal.into()) else {
            return;
        };
        if let (Some(Target::Group(_)), Some(guard)) = (self.target, &self.guard) {
            guard.ready();
        }
        // Each fails when nothing is left, and then nobody is left to take it.
        let _ = match self.target {
            Some(Target::Group(id)) => kill_process_group(id, signal),
            // In the terminal's group, the command has the keyboard's signals from the terminal: a
            // second Ctrl-C often means to end without order.
            Some(Target::Command(_)) if of_the_keyboard => Ok(()),
            Some(Target::Command(id)) => kill_process(id, signal),
            None => Ok(()),
        };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
