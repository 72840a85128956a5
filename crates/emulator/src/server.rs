//! The emulator on a socket: start, and an orderly end.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::middleware;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::emulator::Emulator;
use crate::faults::{ConnectionControl, FaultyListener};
use crate::host_check::loopback_host_only;

/// A running server. Dropping it stops the server too, without waiting for its end.
#[derive(Debug)]
pub struct EmulatorHandle {
    emulator: Emulator,
    local_addr: SocketAddr,
    /// The server stops when this is dropped.
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

pub(crate) fn start(
    emulator: Emulator,
    listener: TcpListener,
    router: Router,
) -> io::Result<EmulatorHandle> {
    let local_addr = listener.local_addr()?;
    let router = if emulator.allows_non_loopback() {
        router
    } else if local_addr.ip().to_canonical().is_loopback() {
        router.layer(middleware::from_fn(loopback_host_only))
    } else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the emulator listens on loopback addresses only, not on {local_addr}, unless \
                 allow_non_loopback() was called"
            ),
        ));
    };

    let (stop, stopped) = oneshot::channel();
    let listener = listener.tap_io(|stream| {
        // Without it replies may wait for the client's acknowledgement; they still arrive.
        let _ = stream.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<ConnectionControl>();
    let server = axum::serve(FaultyListener(listener), service).with_graceful_shutdown(async {
        // An error says that the handle is gone, which means the same.
        let _ = stopped.await;
    });
    Ok(EmulatorHandle {
        emulator,
        local_addr,
        stop,
        server: tokio::spawn(async move { server.await }),
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
    /// A client that never finishes its request keeps it waiting: put it under
    /// [`tokio::time::timeout`](https://docs.rs/tokio/latest/tokio/time/fn.timeout.html) to give
    /// up on such.
    pub async fn close(self) {
        drop(self.stop);
        self.emulator.faults().release();
        // A server that panicked has stopped as well.
        let _ = self.server.await;
    }
}
