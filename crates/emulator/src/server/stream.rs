//! The bytes of one connection, under the time limits of its heads and its answers.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::limits::Limits;
use super::pace::Pace;

/// What a connection is waiting for. Clones are those of one connection.
#[derive(Debug, Clone)]
pub(super) struct Phase(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A first head, of which nothing may have arrived.
    New,
    /// Nothing, since then: the client may send another request, or not.
    Idle(Instant),
    /// The rest of a head.
    Head,
    /// The body, the answer, or the end of both.
    Exchange,
}

impl Phase {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State::New)))
    }

    /// A whole head has arrived.
    pub(super) fn exchange_begins(&self) {
        self.set(State::Exchange);
    }

    /// The answer is on its way.
    pub(super) fn exchange_ends(&self) {
        self.set(State::Idle(Instant::now()));
    }

    /// Whether nothing has come since the last answer, for at least this long.
    pub(super) fn is_idle_for(&self, duration: Duration) -> bool {
        matches!(self.get(), State::Idle(since) if since.elapsed() >= duration)
    }

    fn get(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when the client is too slow with a head,
/// or to read an answer. Bodies have a [limit of their own](super::body).
pub(super) struct Guarded<S> {
    stream: S,
    limits: Limits,
    phase: Phase,
    /// Running while a head is waited for.
    head: Option<Pin<Box<Sleep>>>,
    /// Running from when the client does not take what is written, until it has taken all.
    answer: Option<Pace>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, limits: Limits, phase: Phase) -> Self {
        Self {
            stream,
            limits,
            phase,
            head: None,
            answer: None,
        }
    }

    /// Is ready when a head is late.
    fn poll_head_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !matches!(self.phase.get(), State::New | State::Head) {
            self.head = None;
            return Poll::Pending;
        }
        let limit = self.limits.head;
        let late = self.head.get_or_insert_with(|| Box::pin(sleep(limit)));
        late.as_mut().poll(cx)
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some(answer) = &mut self.answer {
                    answer.moved(bytes);
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let patience = self.limits.answer;
                let answer = self.answer.get_or_insert_with(|| Pace::new(patience));
                answer.poll_late(cx).map(|()| Err(timed_out()))
            }
        }
    }
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            return self.poll_head_late(cx).map(|()| Err(timed_out()));
        }
        if buf.filled().len() > before && matches!(self.phase.get(), State::Idle(_)) {
            self.phase.set(State::Head);
            self.head = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.answer = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
