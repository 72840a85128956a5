//! Bodies that break off, or arrive in drops.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::active::Released;

/// Says of a response that no caller gets to see any of it.
#[derive(Clone, Copy)]
pub(crate) struct Unsent;

/// The first bytes of a body, then an error.
pub(super) struct Broken {
    body: Body,
    left: u64,
}

impl Broken {
    pub(super) fn after(bytes: u64, body: Body) -> Body {
        Body::new(Self { body, left: bytes })
    }
}

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left > 0
            && let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx))
        {
            let mut data = frame?.into_data().unwrap_or_default();
            let fits = usize::try_from(self.left).unwrap_or(usize::MAX);
            data.truncate(fits);
            self.left -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let broken = io::Error::from(io::ErrorKind::ConnectionReset);
        Poll::Ready(Some(Err(axum::Error::new(broken))))
    }
}

/// A body in pieces of at most so many bytes, with a pause between any two.
pub(super) struct Drip {
    body: Body,
    bytes: usize,
    pause: Duration,
    /// What has arrived and is not passed on yet.
    rest: Bytes,
    paused: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    released: Released,
}

/// Waits for this time, or until those that wait are let go.
pub(super) async fn pause(time: Duration, mut released: Released) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        // An error says that the emulator is gone, which means the same.
        _ = released.changed() => {}
    }
}

impl Drip {
    pub(super) fn of(body: Body, bytes: usize, pause: Duration, released: Released) -> Body {
        Body::new(Self {
            body,
            bytes,
            pause,
            rest: Bytes::new(),
            paused: None,
            released,
        })
    }
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(frame) => self.rest = frame?.into_data().unwrap_or_default(),
                None => return Poll::Ready(None),
            }
        }
        if let Some(paused) = &mut self.paused {
            ready!(paused.as_mut().poll(cx));
        }
        let piece = self.bytes.min(self.rest.len());
        let piece = self.rest.split_to(piece);
        self.paused = Some(Box::pin(pause(self.pause, self.released.clone())));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        let whole = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        if let Some(upper) = whole.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(whole.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_broken_body_gives_its_first_bytes_and_an_error() {
        for (bytes, expected) in [(0, ""), (4, "body"), (99, "body of text")] {
            let mut body = Broken::after(bytes, Body::from("body of text"));
            let mut read = Vec::new();
            let error = loop {
                match body.frame().await.expect("an error at its end") {
                    Ok(frame) => read.extend(frame.into_data().expect("data")),
                    Err(error) => break error,
                }
            };
            assert_eq!(read, expected.as_bytes());
            assert_eq!(error.to_string(), "connection reset");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn drops_come_one_a_pause_until_they_are_let_go() {
        let (release, released) = watch::channel(0);
        let drip = || {
            let body = Body::from("body of text");
            Drip::of(body, 5, Duration::from_secs(1), released.clone())
        };
        let start = Instant::now();
        let mut body = drip();
        assert_eq!(body.size_hint().exact(), Some(12));
        for (second, expected) in [(0, "body "), (1, "of te"), (2, "xt")] {
            let frame = body.frame().await.expect("more").expect("no error");
            assert_eq!(frame.into_data().expect("data"), expected);
            assert_eq!(start.elapsed(), Duration::from_secs(second));
        }
        assert!(body.frame().await.is_none());
        assert_eq!(start.elapsed(), Duration::from_secs(2));

        let start = Instant::now();
        let body = tokio::spawn(drip().collect());
        tokio::task::yield_now().await;
        release.send_modify(|_| {});
        let whole = body.await.expect("no panic").expect("no error");
        assert_eq!(whole.to_bytes(), "body of text");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
