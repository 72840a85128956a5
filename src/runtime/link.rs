//! The connection to the runtime API: one, which is kept, and which the task that waits for the reply
//! drives itself. Nothing else runs for it, so that an event wakes one task and no other thread.

use std::error::Error as StdError;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{self, Either};
use http::header::{HOST, HeaderValue, InvalidHeaderValue};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::transport::{TransportError, TransportErrorKind};

/// How long a connection may take until it is there.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is not used until it is looked at before it is used again: a server may have
/// closed it while a handler kept the thread for itself.
const RESTS: Duration = Duration::from_secs(1);

/// How long that look takes.
const LOOK: Duration = Duration::from_millis(1);

/// The largest event, in bytes.
const LARGEST: usize = 64 << 20;

type Request = http::Request<Full<Bytes>>;
type Response = http::Response<Bytes>;

/// Exchanges requests with one host, one at a time; never through a proxy, and without a time limit.
pub(super) struct Link {
    /// `HOST:PORT`.
    host: String,
    /// The same.
    name: HeaderValue,
    connection: Option<Connection>,
}

struct Connection {
    requests: http1::SendRequest<Full<Bytes>>,
    /// Sends and receives while it is polled.
    driver: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    used: Instant,
}

/// Why an exchange failed.
enum Failure {
    /// The connection was closed before anything of the request was sent: here it is.
    Unsent(Box<Request>, hyper::Error),
    Broken(Box<dyn StdError + Send + Sync>),
}

impl Link {
    /// Connects when it is first used.
    pub(super) fn to(host: &str) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            host: host.to_owned(),
            name: HeaderValue::try_from(host)?,
            connection: None,
        })
    }

    /// Sends the request, whose URI is a path, and gives the whole reply. A request of which nothing
    /// was sent, because the server had closed the connection that was kept, gets a new one.
    pub(super) async fn exchange(
        &mut self,
        request: http::Request<Bytes>,
    ) -> Result<Response, TransportError> {
        let mut request = request.map(Full::new);
        request.headers_mut().insert(HOST, self.name.clone());
        if let Some(kept) = self.connection.take() {
            if kept.used.elapsed() >= RESTS {
                // A timer goes off where sockets are asked for their news, and after that. A yield is
                // no such thing: whatever else has woken this task cuts it short.
                tokio::time::sleep(LOOK).await;
            }
            match self.through(kept, request).await {
                Err(Failure::Unsent(unsent, _)) => request = *unsent,
                other => return other.map_err(|failure| self.broken(failure)),
            }
        }
        let connection = self.connect().await?;
        let reply = self.through(connection, request).await;
        reply.map_err(|failure| self.broken(failure))
    }

    /// The connection is kept if all went well. A server that refuses a request may leave the rest of
    /// it unread, and no other could be sent behind that.
    async fn through(
        &mut self,
        connection: Connection,
        request: Request,
    ) -> Result<Response, Failure> {
        let Connection {
            requests, driver, ..
        } = connection;
        match future::select(driver, pin!(exchange(requests, request))).await {
            Either::Right((exchanged, driver)) => {
                let (reply, requests) = exchanged?;
                self.connection = reply.status().is_success().then(|| Connection {
                    requests,
                    driver,
                    used: Instant::now(),
                });
                Ok(reply)
            }
            // The connection has ended, and is gone: that tells the exchange what came of it.
            Either::Left((_, exchange)) => exchange.await.map(|(reply, _)| reply),
        }
    }

    async fn connect(&self) -> Result<Connection, TransportError> {
        let cannot = |error: Box<dyn StdError + Send + Sync>| {
            let message = format!("cannot connect to {}: {error}", self.host);
            TransportError::new(TransportErrorKind::Connect, message).caused_by(error)
        };
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(&*self.host)).await;
        let stream = stream.map_err(|late| cannot(late.into()))?;
        let stream = stream.map_err(|error| cannot(error.into()))?;
        // Without it a result may wait for an acknowledgement; it still arrives.
        let _ = stream.set_nodelay(true);
        let (requests, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| cannot(error.into()))?;
        Ok(Connection {
            requests,
            driver,
            used: Instant::now(),
        })
    }

    fn broken(&self, failure: Failure) -> TransportError {
        let error = match failure {
            Failure::Unsent(_, error) => error.into(),
            Failure::Broken(error) if error.is::<LengthLimitError>() => {
                let message = format!("the reply is larger than {LARGEST} bytes");
                return TransportError::new(TransportErrorKind::TooLarge, message);
            }
            Failure::Broken(error) => error,
        };
        let mut cause: &dyn StdError = error.as_ref();
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let message = format!("the connection to {} broke: {cause}", self.host);
        TransportError::new(TransportErrorKind::Interrupted, message).caused_by(error)
    }
}

/// To be polled with the connection. Gives the sender back for the next request.
async fn exchange(
    mut requests: http1::SendRequest<Full<Bytes>>,
    request: Request,
) -> Result<(Response, http1::SendRequest<Full<Bytes>>), Failure> {
    if let Err(closed) = requests.ready().await {
        return Err(Failure::Unsent(Box::new(request), closed));
    }
    let reply = requests.try_send_request(request).await;
    let reply = reply.map_err(|mut failed| match failed.take_message() {
        Some(request) => Failure::Unsent(Box::new(request), failed.into_error()),
        None => Failure::Broken(failed.into_error().into()),
    })?;
    let (head, body) = reply.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(Failure::Broken)?.to_bytes();
    Ok((http::Response::from_parts(head, body), requests))
}

#[cfg(test)]
mod tests;
