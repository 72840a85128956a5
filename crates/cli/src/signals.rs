//! Ctrl-C and its relatives: the signals that end the tool, and all that it started.

use std::io;

/// SIGINT's number: also what Ctrl-C counts as on Windows.
const INTERRUPT: u8 = 2;

/// SIGQUIT's number: what Ctrl-\ sends.
#[cfg(unix)]
const QUIT: u8 = 3;

/// Whether a terminal sends this signal to its whole foreground group, at a key.
#[cfg(unix)]
pub(crate) fn is_of_the_keyboard(signal: u8) -> bool {
    matches!(signal, INTERRUPT | QUIT)
}

/// Listens from its creation on, so that no signal is missed.
pub(crate) struct Signals {
    #[cfg(unix)]
    unix: [(tokio::signal::unix::Signal, u8); 4],
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
                (signal(SignalKind::quit())?, QUIT),
                (signal(SignalKind::hangup())?, 1),
                (signal(SignalKind::terminate())?, 15),
            ],
        })
    }

    /// Waits for a signal; gives its number.
    pub(crate) async fn next(&mut self) -> u8 {
        let [interrupt, quit, hangup, terminate] = &mut self.unix;
        tokio::select! {
            _ = interrupt.0.recv() => interrupt.1,
            _ = quit.0.recv() => quit.1,
            _ = hangup.0.recv() => hangup.1,
            _ = terminate.0.recv() => terminate.1,
        }
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

    /// Waits for a signal; gives its number.
    pub(crate) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.ctrl_c.recv() => {},
            _ = self.ctrl_break.recv() => {},
            _ = self.ctrl_close.recv() => {},
        }
        INTERRUPT
    }
}
