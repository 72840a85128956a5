//! Writes down what passes between a client and another transport.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use http_body::{Frame, SizeHint};
use memchr::memmem;
use serde_json::Value;

use super::error::CassetteError;
use super::files::Files;
use super::format::{Exchange, Response};
use super::tape::Tape;
use super::{body, request, secrets};
use crate::secret::Redactor;
use crate::transport::exchange::announced_length;
use crate::transport::{Body, Transport, TransportError};

/// A [`Transport`] that lets another do the work, and writes each exchange to a
/// [cassette](super).
///
/// - A body passes while it arrives; its bytes are kept in memory until its end, and only then is
///   the exchange recorded. One whose body nobody reads to the end is not recorded, nor is one
///   that gave no whole response.
/// - The cassette on disk is replaced after each exchange, in one step: whenever the process ends,
///   what was exchanged until then is there. So there is nothing to finish.
/// - A cassette that was there before stays until the first exchange, and then goes, with its
///   media. Any other file is never overwritten.
/// - An exchange that cannot be written fails with a [`TransportError`], although WeChat answered:
///   what is not recorded must not look as if it were.
/// - One recorder at a time writes a cassette. When another one, or anybody else, has written to
///   it meanwhile, nothing is overwritten, and exchanges fail. Clones are the same recorder.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    transport: Box<dyn Transport>,
    tape: Tape,
    redactor: Mutex<Redactor>,
    arrivals: AtomicU64,
}

impl Recorder {
    /// Records what passes through `transport` to the cassette at `path`, whose folder must be
    /// there.
    ///
    /// # Errors
    ///
    /// The path cannot be written, or holds a file that is no cassette.
    pub fn new(transport: impl Transport, path: impl Into<PathBuf>) -> Result<Self, CassetteError> {
        Ok(Self(Arc::new(Inner {
            transport: Box::new(transport),
            tape: Tape::new(path.into())?,
            redactor: Mutex::default(),
            arrivals: AtomicU64::new(0),
        })))
    }

    /// The cassette.
    pub fn path(&self) -> &Path {
        self.0.tape.path()
    }

    /// How many exchanges were recorded so far. Those that gave an access token are not counted:
    /// they are in no cassette.
    pub fn recorded(&self) -> usize {
        self.0.tape.len()
    }
}

impl Inner {
    fn redactor(&self) -> MutexGuard<'_, Redactor> {
        self.redactor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let inner = &self.0;
        let arrival = inner.arrivals.fetch_add(1, Ordering::Relaxed);
        secrets::learn_from_request(&request, &mut inner.redactor());
        let response = inner.transport.send(request.clone()).await?;
        let (head, body) = response.into_parts();
        let taking = Taking {
            recorder: self.clone(),
            arrival,
            request,
            head: head.clone(),
            pieces: Vec::new(),
            arrived: 0,
        };
        let body = Watched {
            body,
            taking: Some(taking),
        };
        Ok(http::Response::from_parts(head, body.begin()?))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("path", &self.path())
            .field("recorded", &self.recorded())
            .finish_non_exhaustive()
    }
}

/// An exchange whose response is arriving.
struct Taking {
    recorder: Recorder,
    arrival: u64,
    request: http::Request<Bytes>,
    head: http::response::Parts,
    pieces: Vec<Bytes>,
    /// Their length, in bytes.
    arrived: u64,
}

impl Taking {
    /// How long the body is to be, in bytes.
    fn announced(&self) -> Option<u64> {
        // A HEAD announces what a GET would get.
        announced_length(&self.head).filter(|_| self.request.method() != "HEAD")
    }

    /// Whether all that was announced has arrived.
    fn is_whole(&self) -> bool {
        self.announced().is_some_and(|it| self.arrived >= it)
    }

    /// The response is whole.
    fn record(self) -> Result<(), TransportError> {
        if self.announced().is_some_and(|it| self.arrived < it) {
            return Ok(());
        }
        let whole = joined(self.pieces);
        let inner = &self.recorder.0;
        let mut redactor = inner.redactor();
        secrets::learn_from_answer(&whole, &mut redactor);
        if request::gives_token(self.request.uri().path()) && is_token(&whole) {
            return Ok(());
        }
        let mut files = Files::new();
        let content_type = request::content_type(&self.head.headers);
        let exchange = Exchange {
            request: request::recorded(&self.request, &redactor, &mut files),
            response: Response {
                status: self.head.status.as_u16(),
                headers: headers(&self.head, &redactor),
                body: body::of_response(content_type, &whole, &redactor, &mut files),
            },
        };
        drop(redactor);
        let added = inner.tape.add(self.arrival, exchange, files);
        added.map_err(|error| error.of_exchange("WeChat answered, but that was not recorded: "))
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces
        .iter()
        .for_each(|piece| whole.extend_from_slice(piece));
    whole.freeze()
}

/// Whether WeChat gave a token, be it in JSON that is broken, which nobody can take it out of.
fn is_token(answer: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(answer) {
        Ok(json) => json["access_token"].is_string(),
        Err(_) => memmem::find(answer, b"\"access_token\"").is_some(),
    }
}

fn headers(head: &http::response::Parts, redactor: &Redactor) -> BTreeMap<String, String> {
    [CONTENT_TYPE, CONTENT_DISPOSITION, CONTENT_ENCODING]
        .into_iter()
        .filter_map(|name| {
            let value = String::from_utf8_lossy(head.headers.get(&name)?.as_bytes()).into_owned();
            Some((
                name.as_str().to_owned(),
                redactor.clean(&value).into_owned(),
            ))
        })
        .collect()
}

/// A body that passes, and what is kept of it until its end.
struct Watched {
    body: Body,
    taking: Option<Taking>,
}

impl Watched {
    /// One that is at its end already may never be asked for more.
    fn begin(mut self) -> Result<Body, TransportError> {
        if self.is_at_end() {
            self.end()?;
            return Ok(self.body);
        }
        Ok(Body::new(self))
    }

    /// Whether nobody need ask once more: a server that passes the body on stops at the length that
    /// was announced.
    fn is_at_end(&self) -> bool {
        let is_whole = self.taking.as_ref().is_some_and(Taking::is_whole);
        is_whole || http_body::Body::is_end_stream(&self.body)
    }

    fn end(&mut self) -> Result<(), TransportError> {
        self.taking.take().map_or(Ok(()), Taking::record)
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => return Poll::Ready(self.end().err().map(Err)),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.taking = None;
                return Poll::Ready(Some(Err(error)));
            }
        };
        if let (Some(taking), Some(piece)) = (&mut self.taking, frame.data_ref()) {
            taking.arrived += piece.len() as u64;
            taking.pieces.push(piece.clone());
        }
        if self.is_at_end()
            && let Err(error) = self.end()
        {
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.taking.is_none() && http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
