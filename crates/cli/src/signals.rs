//! Ctrl-C and its relatives: the signals that end the tool, and all that it started.

use std::io;

use crate::exit::Exit;

/// SIGINT's number: also what Ctrl-C counts as on Windows.
const INTERRUPT: u8 = 2;

/// Listens from its creation on, so that no signal is missed.
pub(crate) struct Signals {
    #[cfg(unix)]
    unix: [(tokio::signal::unix::Signal, u8); 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    ctrl_break: tokio::signal::windows::CtrlBreak,
    #[cfg(windows)]
    ctrl_close: tokio::signal::windows::CtrlClose,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            unix: [
                (signal(SignalKind::interrupt())?, INTERRUPT),
                (signal(SignalKind::hangup())?, 1),
                (signal(SignalKind::terminate())?, 15),
            ],
        })
    }

    /// Waits for a signal; gives how to exit after it.
    pub(crate) async fn next(&mut self) -> Exit {
        let [interrupt, hangup, terminate] = &mut self.unix;
        let number = tokio::select! {
            _ = interrupt.0.recv() => interrupt.1,
            _ = hangup.0.recv() => hangup.1,
            _ = terminate.0.recv() => terminate.1,
        };
        Exit::Interrupted(number)
    }
}

#[cfg(windows)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self {
            ctrl_c: ctrl_c()?,
            ctrl_break: ctrl_break()?,
            ctrl_close: ctrl_close()?,
        })
    }

    /// Waits for a signal; gives how to exit after it.
    pub(crate) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.ctrl_c.recv() => {},
            _ = self.ctrl_break.recv() => {},
            _ = self.ctrl_close.recv() => {},
        }
        Exit::Interrupted(INTERRUPT)
    }
}
