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
            && self.rejected.as_ref() != Some(&shared.token)
            && !self.rejected_before.contains(&shared.token)
            && self.rejected_end.is_none_or(|it| it <= end + INEXACT)
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
    pub(super) fn usable(&self, rejected: Option<&Secret>) -> Option<Secret> {
        let margin = match self.renew_after {
            Some(after) if Instant::now() < after => Duration::ZERO,
            _ => self.current.as_ref()?.margin,
        };
        self.living(rejected, margin)
    }

    /// The token to send if no better one can be had.
    pub(super) fn last_resort(&self, rejected: Option<&Secret>) -> Option<Secret> {
        self.living(rejected, Duration::ZERO)
    }

    fn living(&self, rejected: Option<&Secret>, margin: Duration) -> Option<Secret> {
        let current = self.current.as_ref()?;
        (Instant::now() + margin < current.end && rejected != Some(&current.token))
            .then(|| current.token.clone())
    }

    /// Whether it is time to renew the token in the background.
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::now();
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
        if self.is_due() {
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
