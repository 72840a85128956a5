//! Watches how fast bytes move, and tells when the other side is too slow.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::Patience;

/// One body, or one answer, on its way.
pub(super) struct Pace {
    patience: Patience,
    started: Instant,
    bytes: u64,
    late: Pin<Box<Sleep>>,
}

impl Pace {
    /// Begins now.
    pub(super) fn new(patience: Patience) -> Self {
        let started = Instant::now();
        Self {
            patience,
            started,
            bytes: 0,
            late: Box::pin(sleep_until(started + patience.stall)),
        }
    }

    /// Some bytes have moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.bytes += bytes as u64;
        let earned = Duration::from_secs_f64(self.bytes as f64 / f64::from(self.patience.rate));
        let slowest = self.started + earned;
        let deadline = Instant::now().min(slowest) + self.patience.stall;
        self.late.as_mut().reset(deadline);
    }

    /// Is ready when the next byte is late.
    pub(super) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.late.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn late_after(pace: &mut Pace) -> Duration {
        let waiting = Instant::now();
        poll_fn(|cx| pace.poll_late(cx)).await;
        waiting.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_byte_has_its_time_and_all_of_them_have_theirs() {
        let patience = Patience {
            stall: SECOND * 10,
            rate: 100,
        };
        let about = |seconds: u64| seconds * 1000..=seconds * 1000 + 5;

        let mut silent = Pace::new(patience);
        let late = late_after(&mut silent).await.as_millis() as u64;
        assert!(about(10).contains(&late), "{late}");

        // Fast enough: the next byte has the whole time.
        let mut fast = Pace::new(patience);
        tokio::time::advance(SECOND * 5).await;
        fast.moved(10_000);
        let late = late_after(&mut fast).await.as_millis() as u64;
        assert!(about(10).contains(&late), "{late}");

        // A byte every five seconds never stalls, but is too slow as a whole.
        let mut dripping = Pace::new(patience);
        let mut drops = 0;
        let started = Instant::now();
        loop {
            let next = tokio::time::timeout(SECOND * 5, poll_fn(|cx| dripping.poll_late(cx)));
            if next.await.is_ok() {
                break;
            }
            dripping.moved(1);
            drops += 1;
        }
        assert_eq!(drops, 2);
        assert!(started.elapsed() < SECOND * 11);
    }
}
