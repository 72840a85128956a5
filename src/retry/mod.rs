//! How often a call is repeated, and how long it waits in between.

mod attempts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::random;
pub(crate) use attempts::{Attempts, Outcome};

/// When a call that failed is made again; see
/// [`CloudBuilder::retry`](crate::CloudBuilder::retry).
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`attempts`](Self::attempts) | 3 | how often a call is made, the first time included |
/// | [`first_delay`](Self::first_delay) | 150 ms | the most that is waited before the second attempt; it doubles with each further one |
/// | [`longest_delay`](Self::longest_delay) | 2 s | the most that is ever waited |
/// | [`give_up_after`](Self::give_up_after) | 10 s | no attempt begins later than this after the first one did |
/// | [`jitter`](Self::jitter) | random | which share of that most is waited (full jitter), so that many who fail together do not come back together |
///
/// What is repeated depends on whether a call may be made twice without harm. Those with GET may,
/// such as `getTempMedia`, and so may the request for an access token that is not forced; `send`,
/// `uploadTempMedia` and `setTyping` may not.
///
/// | failure | may be made twice | other calls |
/// |---|---|---|
/// | no connection ([`Connect`](crate::transport::TransportErrorKind::Connect)) | repeated | repeated: nothing was sent |
/// | the connection broke, or the reply is cut short ([`Interrupted`](crate::transport::TransportErrorKind::Interrupted)) | repeated | final |
/// | WeChat is busy (`errcode` -1) | repeated | final |
/// | HTTP 5xx that is no refusal of WeChat's | repeated | final |
/// | any other `errcode`, such as 45009 | final | final |
/// | the transport's time limit, a certificate, a reply that is too large or makes no sense | final | final |
///
/// A time limit is final because it was the whole time that the caller had to give. A connection that
/// is not made within the limit of [`HttpsTransport`](crate::transport::HttpsTransport) for it (10
/// seconds) counts as none; with the defaults there is no time left for another attempt then. A rejected
/// access token is no failure in this sense: it is renewed, and the call with the new one has all
/// its attempts again.
///
/// No wait begins that would end after the call's [deadline](crate::Cloud::with_deadline). The
/// call then fails with its last error, whose [hint](crate::Error::hint) says how often it was
/// tried. The request for an access token has no deadline, because others wait for it as well: a call
/// whose deadline passes meanwhile fails with -604102 and names the request's last error.
///
/// Waiting needs the clock of a Tokio runtime. Under another executor use [`none`](Self::none).
///
/// ```
/// use std::time::Duration;
/// use cloudcall::RetryPolicy;
///
/// let patient = RetryPolicy::new()
///     .attempts(5)
///     .longest_delay(Duration::from_secs(10))
///     .give_up_after(Duration::from_secs(60));
/// ```
#[derive(Clone)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    first_delay: Duration,
    longest_delay: Duration,
    give_up_after: Duration,
    jitter: Arc<Jitter>,
}

type Jitter = dyn Fn() -> f64 + Send + Sync;

impl RetryPolicy {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            attempts: 3,
            first_delay: Duration::from_millis(150),
            longest_delay: Duration::from_secs(2),
            give_up_after: Duration::from_secs(10),
            jitter: Arc::new(random::share),
        }
    }

    /// Every call is made once.
    pub fn none() -> Self {
        Self::new().attempts(1)
    }

    /// How often a call is made, the first time included. 0 counts as 1.
    pub fn attempts(mut self, number: u32) -> Self {
        self.attempts = number;
        self
    }

    /// The most that is waited before the second attempt. It doubles with each further one.
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// The most that is waited before any attempt.
    pub fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest_delay = delay;
        self
    }

    /// How long after the beginning of the first attempt another one may begin. An attempt that
    /// has begun is not cut off: that is what a [deadline](crate::Cloud::with_deadline) does.
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = limit;
        self
    }

    /// Where randomness comes from: a function that gives the share of the delay that is waited,
    /// from 0 to 1. For tests, and for who wants a seed; `|| 1.0` always waits the most.
    pub fn jitter(mut self, share: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Arc::new(share);
        self
    }

    /// What is waited after this many attempts, which are at least one.
    fn delay_after(&self, made: u32) -> Duration {
        let doublings = made.saturating_sub(1);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let most = self
            .first_delay
            .saturating_mul(factor)
            .min(self.longest_delay);
        let share = (self.jitter)();
        // No number at all is taken for the most, and so is what only rounding makes too long.
        let share = if share.is_nan() {
            1.0
        } else {
            share.clamp(0.0, 1.0)
        };
        Duration::try_from_secs_f64(most.as_secs_f64() * share)
            .map_or(most, |delay| delay.min(most))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("attempts", &self.attempts)
            .field("first_delay", &self.first_delay)
            .field("longest_delay", &self.longest_delay)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn delays_double_up_to_the_longest() {
        let policy = RetryPolicy::new().jitter(|| 1.0);
        let delays: Vec<_> = (1..=7)
            .map(|made| policy.delay_after(made) / 1_000_000)
            .collect();
        let expected = [150, 300, 600, 1200, 2000, 2000, 2000];
        assert_eq!(delays, expected.map(Duration::from_nanos));
        let half = policy.jitter(|| 0.5);
        assert_eq!(half.delay_after(2), 150 * MS);
    }

    /// Any policy, any number of attempts, any jitter, even one that gives nonsense.
    #[test]
    fn no_delay_is_longer_than_its_most() {
        let durations = [
            Duration::ZERO,
            Duration::from_nanos(1),
            150 * MS,
            Duration::from_secs(86_400),
            Duration::MAX,
        ];
        let shares = [
            f64::NAN,
            f64::NEG_INFINITY,
            -1.0,
            0.0,
            f64::MIN_POSITIVE,
            0.999_999_999,
            1.0,
            2.0,
            f64::INFINITY,
        ];
        for first in durations {
            for longest in durations {
                for share in shares {
                    let policy = RetryPolicy::new()
                        .first_delay(first)
                        .longest_delay(longest)
                        .jitter(move || share);
                    for made in [0, 1, 2, 3, 10, 31, 32, 33, 64, u32::MAX] {
                        let doubled = 2_u128.pow(made.saturating_sub(1).min(32));
                        let most = (first.as_nanos() * doubled).min(longest.as_nanos());
                        let delay = policy.delay_after(made).as_nanos();
                        assert!(delay <= most, "{delay} ns of {most}: {policy:?} {share}");
                    }
                }
            }
        }
    }

    #[test]
    fn who_fail_together_do_not_come_back_together() {
        let policy = RetryPolicy::new();
        let delays: std::collections::HashSet<_> =
            (0..100).map(|_| policy.delay_after(1)).collect();
        assert!(delays.len() > 90, "{}", delays.len());
    }
}
