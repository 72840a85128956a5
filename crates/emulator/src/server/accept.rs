//! The loop that accepts connections: as many at a time as the limit allows.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::{Guards, connection};
use crate::faults;

/// How long a failed accept waits for its cause, such as too many open files, to go away.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// Serves `router` on `listener` until `stopped` is ready; then lets running exchanges end, closes
/// idle connections, and ends when all are gone.
///
/// To be polled in a Tokio runtime that has its timers enabled.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    guards: Guards,
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = pin!(stopped);
    let slots = Arc::new(Semaphore::new(guards.limits.connections as usize));
    let crowded = watch::Sender::new(false);
    loop {
        let next = async {
            let stream = accept(&listener, &crowded).await;
            (stream, slot(&slots, &crowded).await)
        };
        let (stream, slot) = tokio::select! {
            next = next => next,
            () = &mut stopped => break,
        };
        let (stream, control) = faults::wrap(stream);
        let connection =
            connection::serve(stream, control, router.clone(), guards, crowded.subscribe());
        tokio::spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    drop(crowded);
    // Nothing closes the semaphore, so this ends when every connection has given its slot back.
    let _ = slots.acquire_many(guards.limits.connections).await;
}

async fn accept(listener: &TcpListener, crowded: &watch::Sender<bool>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it replies may wait for the client's acknowledgement; they still arrive.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => {
                crowded.send_replace(true);
                sleep(ACCEPT_AGAIN).await;
                crowded.send_replace(false);
            }
        }
    }
}

/// A place for another connection, as soon as there is one.
async fn slot(slots: &Arc<Semaphore>, crowded: &watch::Sender<bool>) -> OwnedSemaphorePermit {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return slot;
    }
    crowded.send_replace(true);
    let slot = Arc::clone(slots).acquire_owned().await;
    crowded.send_replace(false);
    slot.expect("nothing closes the semaphore")
}

/// Whether the connection that was to be accepted is gone, which says nothing about the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
