//! The token that this process has, and when it is to be renewed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::store::SharedToken;
use crate::secret::Secret;

/// How long before its end a token is used only if there is no other.
const MARGIN: Duration = Duration::from_secs(60);

/// How long before its end a token is renewed in the background, at the earliest. WeChat hands out
/// the same one until 5 minutes before its end; the 10 seconds are for answers that took a while.
const LEAD: Duration = Duration::from_secs(290);

/// The part of the lead over which the processes spread, so that they do not renew together.
const SPREAD: f64 = 0.4;

/// How long after a failed renewal the next one may come, and how far that grows.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A token, and until when it lives by this process's own clock.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) token: Secret,
    pub(super) end: Instant,
    margin: Duration,
    lead: Duration,
}

impl Current {
    /// One that WeChat gave a lifetime. It counts from before the request, so that a slow answer
    /// cannot stretch it.
    pub(super) fn fetched(token: Secret, asked_at: Instant, lifetime: Duration) -> Self {
        Self {
            token,
            end: asked_at + lifetime,
            margin: MARGIN.min(lifetime / 10),
            lead: LEAD.min(lifetime / 2),
        }
    }

    /// One that was shared.
    pub(super) fn shared(shared: SharedToken) -> Self {
        Self {
            token: shared.token,
            end: Instant::now() + shared.time_left.min(super::LONGEST_LIFE),
            margin: MARGIN,
            lead: LEAD,
        }
    }

    /// As others are to get it.
    pub(super) fn to_share(&self) -> SharedToken {
        SharedToken {
            token: self.token.clone(),
            time_left: self.end.saturating_duration_since(Instant::now()),
        }
    }
}

/// How many rejected tokens are remembered.
const REMEMBERED: usize = 8;

/// What a renewal is to bring: a token that is not this one, and lives long enough.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) rejected: Option<Secret>,
    /// When the rejected one would have ended.
    rejected_end: Option<Instant>,
    /// What WeChat has rejected before.
    rejected_before: VecDeque<Secret>,
    least_left: Duration,
}

impl Wanted {
    /// Whether a shared token is that. A token that was issued before the rejected one is older,
    /// so it ends earlier, and is as dead; some seconds are for what the ends are measured with.
    pub(super) fn accepts(&self, shared: &SharedToken) -> bool {
        const INEXACT: Duration = Duration::from_secs(10);
        let end = Instant::now() + shared.time_left.min(super::LONGEST_LIFE);
        shared.time_left > self.least_left
            && !self.rejects(&shared.token)
            && self.rejected_end.is_none_or(|it| it <= end + INEXACT)
    }

    /// Whether WeChat is known to have rejected it.
    pub(super) fn rejects(&self, token: &Secret) -> bool {
        self.rejected.as_ref() == Some(token) || self.rejected_before.contains(token)
    }
}

/// What this process knows.
pub(super) struct State {
    current: Option<Current>,
    /// Where in the spread of all processes this one is, from 0 to 1.
    place: f64,
    /// How many renewals in a row brought nothing new, and when the next one may be.
    fruitless: u32,
    renew_after: Option<Instant>,
    /// The latest that WeChat rejected.
    rejected: VecDeque<Secret>,
    pub(super) forced_at: Option<Instant>,
}

impl State {
    /// The tokens that it knows, living or rejected.
    pub(super) fn known(&self) -> impl Iterator<Item = &Secret> {
        let current = self.current.as_ref().map(|current| &current.token);
        current.into_iter().chain(&self.rejected)
    }

    pub(super) fn new(place: f64) -> Self {
        Self {
            current: None,
            place,
            fruitless: 0,
            renew_after: None,
            rejected: VecDeque::new(),
            forced_at: None,
        }
    }

    /// The token to send, if it is as good as one can have without asking: in the last minute it
    /// is not, unless a renewal has just failed.
    pub(super) fn usable(&self, rejected: Option<&Secret>, now: Instant) -> Option<Secret> {
        let margin = match self.renew_after {
            Some(after) if now < after => Duration::ZERO,
            _ => self.current.as_ref()?.margin,
        };
        self.living(rejected, now + margin)
    }

    /// The token to send if no better one can be had.
    pub(super) fn last_resort(&self, rejected: Option<&Secret>) -> Option<Secret> {
        self.living(rejected, Instant::now())
    }

    fn living(&self, rejected: Option<&Secret>, then: Instant) -> Option<Secret> {
        let current = self.current.as_ref()?;
        (then < current.end && rejected != Some(&current.token)).then(|| current.token.clone())
    }

    /// Whether it is time to renew the token in the background.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.renew_after.is_none_or(|after| after <= now)
            && self.current.as_ref().is_some_and(|current| {
                let lead = current.lead.mul_f64(1.0 - SPREAD * self.place);
                current.end <= now + lead
            })
    }

    /// What a renewal is for that a call waits for.
    pub(super) fn wanted(&mut self, rejected: Option<&Secret>) -> Wanted {
        let of_current = self
            .current
            .as_ref()
            .filter(|it| rejected == Some(&it.token));
        let wanted = Wanted {
            rejected: rejected.cloned(),
            rejected_end: of_current.map(|current| current.end),
            rejected_before: self.rejected.clone(),
            least_left: MARGIN,
        };
        if let Some(rejected) = rejected
            && !self.rejected.contains(rejected)
        {
            self.rejected.push_back(rejected.clone());
            if self.rejected.len() > REMEMBERED {
                self.rejected.pop_front();
            }
        }
        wanted
    }

    /// What a renewal is for that no call waits for.
    pub(super) fn wanted_ahead(&self) -> Wanted {
        Wanted {
            rejected: None,
            rejected_end: None,
            rejected_before: self.rejected.clone(),
            least_left: LEAD,
        }
    }

    /// Takes a token over, and gives the one to use: what is there stays if it ends later and was
    /// not rejected.
    pub(super) fn take(&mut self, new: Current, rejected: Option<&Secret>) -> Secret {
        let token = match &self.current {
            Some(it) if it.end > new.end && rejected != Some(&it.token) => it.token.clone(),
            _ => {
                let token = new.token.clone();
                self.current = Some(new);
                token
            }
        };
        self.renew_after = None;
        if self.is_due(Instant::now()) {
            // WeChat still hands out the same one, or what was shared is about to end.
            self.pause();
        } else {
            self.fruitless = 0;
        }
        token
    }

    /// Puts the next renewal off.
    pub(super) fn pause(&mut self) {
        let pause = FIRST_PAUSE * 2_u32.pow(self.fruitless.min(4));
        self.renew_after = Some(Instant::now() + pause.min(LONGEST_PAUSE));
        self.fruitless = self.fruitless.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(token: &str, seconds: u64) -> Current {
        Current::fetched(token.into(), Instant::now(), Duration::from_secs(seconds))
    }

    fn shared(token: &str, seconds: u64) -> SharedToken {
        SharedToken::new(token, Duration::from_secs(seconds))
    }

    fn taken(state: &mut State, new: Current, rejected: Option<&str>) -> String {
        let rejected = rejected.map(Secret::from);
        state.take(new, rejected.as_ref()).expose().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_that_ends_later_stays_unless_it_was_rejected() {
        let mut state = State::new(0.0);
        assert_eq!(taken(&mut state, fetched("T2", 7200), None), "T2");
        assert_eq!(taken(&mut state, fetched("T1", 7199), None), "T2");
        assert_eq!(taken(&mut state, fetched("T1", 7199), Some("T0")), "T2");
        assert_eq!(taken(&mut state, fetched("T1", 7199), Some("T2")), "T1");
        assert_eq!(taken(&mut state, fetched("T3", 7200), None), "T3");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_rejected_or_is_older_or_ends_soon_is_not_taken_from_others() {
        let mut state = State::new(0.0);
        let [first, second] = ["T1", "T2"].map(Secret::from);
        state.take(fetched("T1", 7000), None);
        let wanted = state.wanted(Some(&first));
        for (token, seconds, expected) in [
            ("T1", 7200, false),
            ("T2", 7200, true),
            ("T0", 6900, false),
            ("T2", 6995, true),
        ] {
            let accepted = wanted.accepts(&shared(token, seconds));
            assert_eq!(accepted, expected, "{token} {seconds}");
        }
        state.take(fetched("T2", 7100), Some(&first));
        // The first is remembered, whatever it says of its end.
        let wanted = state.wanted(Some(&second));
        assert!(!wanted.accepts(&shared("T1", 7200)));
        assert!(!state.wanted_ahead().accepts(&shared("T1", 7200)));

        let wanted = State::new(0.0).wanted(None);
        assert!(!wanted.accepts(&shared("T1", 60)));
        assert!(wanted.accepts(&shared("T1", 61)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_is_due_according_to_the_place_in_the_spread() {
        for (place, left) in [(0.0, 290), (0.5, 232), (1.0, 174)] {
            let mut state = State::new(place);
            state.take(fetched("T1", 7200), None);
            tokio::time::advance(Duration::from_secs(7200 - left - 1)).await;
            assert!(!state.is_due(Instant::now()), "{place}");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(state.is_due(Instant::now()), "{place}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_its_last_minute_a_token_is_used_only_after_a_renewal_has_failed() {
        let mut state = State::new(0.0);
        state.take(fetched("T1", 7200), None);
        let usable = |state: &State| state.usable(None, Instant::now()).is_some();
        tokio::time::advance(Duration::from_secs(7200 - 61)).await;
        assert!(usable(&state));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!usable(&state));
        state.pause();
        assert!(usable(&state));
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(!usable(&state));
    }

    #[tokio::test(start_paused = true)]
    async fn no_lifetime_is_too_short_or_too_long_to_reckon_with() {
        for seconds in [0, 1, 10, u64::MAX] {
            let lifetime = Duration::from_secs(seconds).min(super::super::LONGEST_LIFE);
            let mut state = State::new(1.0);
            state.take(
                Current::fetched("T1".into(), Instant::now(), lifetime),
                None,
            );
            assert_eq!(
                state.usable(None, Instant::now()).is_some(),
                seconds > 0,
                "{seconds}"
            );
        }
        let mut state = State::new(1.0);
        state.take(Current::shared(SharedToken::new("T1", Duration::MAX)), None);
        assert!(state.usable(None, Instant::now()).is_some());
    }
}
