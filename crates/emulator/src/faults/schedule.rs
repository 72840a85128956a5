//! When a fault happens: how often, to which requests in a row, and by chance.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The options of a fault. Without any it happens always.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Schedule {
    pub(super) times: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) after: Option<u64>,
    pub(super) probability: Option<f64>,
    pub(super) seed: Option<u64>,
}

impl Schedule {
    /// What was given, and the rest of the preset's.
    pub(super) fn or(self, preset: Self) -> Self {
        Self {
            times: self.times.or(preset.times),
            every: self.every.or(preset.every),
            after: self.after.or(preset.after),
            probability: self.probability.or(preset.probability),
            seed: self.seed.or(preset.seed),
        }
    }
}

/// As in a SPEC, each with its comma.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("times", self.times),
            ("every", self.every),
            ("after", self.after),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                write!(f, ",{name}={count}")?;
            }
        }
        if let Some(probability) = self.probability {
            write!(f, ",probability={probability}")?;
        }
        if let Some(seed) = self.seed {
            write!(f, ",seed={seed}")?;
        }
        Ok(())
    }
}

/// A schedule at work: counts requests.
#[derive(Debug)]
pub(super) struct Turn {
    schedule: Schedule,
    matched: u64,
    fired: u64,
    chance: StdRng,
}

impl Turn {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            chance: StdRng::seed_from_u64(schedule.seed.unwrap_or_default()),
            schedule,
            matched: 0,
            fired: 0,
        }
    }

    /// Counts one more request; whether the fault happens to it.
    pub(super) fn next(&mut self) -> bool {
        let Schedule {
            times,
            every,
            after,
            probability,
            ..
        } = self.schedule;
        self.matched += 1;
        let Some(place @ 1..) = self.matched.checked_sub(after.unwrap_or_default()) else {
            return false;
        };
        let fires = place % every.unwrap_or(1) == 0
            && times.is_none_or(|times| self.fired < times)
            && probability.is_none_or(|probability| self.chance.random_bool(probability));
        self.fired += u64::from(fires);
        fires
    }

    /// The requests seen, and those that the fault happened to.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.matched, self.fired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the first requests it happens to, counted from 1.
    fn firings(schedule: Schedule, requests: u64) -> Vec<u64> {
        let mut turn = Turn::new(schedule);
        let fired: Vec<_> = (1..=requests).filter(|_| turn.next()).collect();
        assert_eq!(turn.counts(), (requests, fired.len() as u64));
        fired
    }

    #[test]
    fn counts_are_exact() {
        let of = |times, every, after| Schedule {
            times,
            every,
            after,
            ..Schedule::default()
        };
        assert_eq!(firings(of(None, None, None), 3), [1, 2, 3]);
        assert_eq!(firings(of(Some(2), None, None), 9), [1, 2]);
        assert_eq!(firings(of(None, Some(3), None), 9), [3, 6, 9]);
        assert_eq!(firings(of(None, None, Some(7)), 9), [8, 9]);
        assert_eq!(firings(of(Some(2), Some(2), Some(1)), 9), [3, 5]);
    }

    #[test]
    fn chance_is_repeatable_with_a_seed_and_about_what_was_asked() {
        let with = |seed| Schedule {
            probability: Some(0.2),
            seed: Some(seed),
            ..Schedule::default()
        };
        let fired = firings(with(7), 10_000);
        assert_eq!(fired, firings(with(7), 10_000));
        assert_ne!(fired, firings(with(8), 10_000));
        assert!((1_800..2_200).contains(&fired.len()), "{}", fired.len());
        let once = Schedule {
            times: Some(1),
            ..with(7)
        };
        assert_eq!(firings(once, 10_000), fired[..1]);
    }
}
