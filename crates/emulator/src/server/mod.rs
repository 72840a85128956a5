//! The emulator on a socket: start, and an orderly end.
//!
//! Beneath is one server for all of cloudcall: [`serve`] under [`Guards`].

mod accept;
mod body;
mod connection;
mod limits;
mod pace;
mod sender;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::emulator::Emulator;
pub use accept::serve;
pub use limits::{Limits, Patience};
pub use sender::Senders;

/// What a server lets nobody do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guards {
    /// How much a client may take.
    pub limits: Limits,
    /// Whose requests are answered.
    pub senders: Senders,
}

/// A running server. Dropping it stops the server too, without waiting for its end.
#[derive(Debug)]
pub struct EmulatorHandle {
    emulator: Emulator,
    local_addr: SocketAddr,
    /// The server stops when this is dropped.
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

pub(crate) fn start(
    emulator: Emulator,
    listener: TcpListener,
    router: Router,
) -> io::Result<EmulatorHandle> {
    let local_addr = listener.local_addr()?;
    let senders = if emulator.allows_non_loopback() {
        Senders::Any
    } else if local_addr.ip().to_canonical().is_loopback() {
        Senders::ThisMachineAndSdks
    } else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the emulator listens on loopback addresses only, not on {local_addr}, unless \
                 allow_non_loopback() was called"
            ),
        ));
    };
    let guards = Guards {
        limits: Limits::default(),
        senders,
    };
    // Fails here, and not in the task, where the runtime has no timers.
    drop(tokio::time::sleep(Duration::ZERO));
    let (stop, stopped) = oneshot::channel();
    let server = serve(listener, router, guards, async {
        // An error says that the handle is gone, which means the same.
        let _ = stopped.await;
    });
    Ok(EmulatorHandle {
        emulator,
        local_addr,
        stop,
        server: tokio::spawn(server),
    })
}

impl EmulatorHandle {
    /// The address that the server listens on, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The base URL for a client on this machine, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        let mut address = self.local_addr;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// The emulator that is served.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// Stops accepting, lets running exchanges end, and returns when they have. Connections that
    /// are idle are closed.
    ///
    /// A slow client keeps it waiting, for minutes at worst: put it under
    /// [`tokio::time::timeout`](https://docs.rs/tokio/latest/tokio/time/fn.timeout.html) to give
    /// up on such.
    pub async fn close(self) {
        drop(self.stop);
        let _closing = self.emulator.faults().closing();
        // A server that panicked has stopped as well.
        let _ = self.server.await;
    }
}
