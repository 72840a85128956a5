//! The emulator's clock: the system's, or one that only a test moves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Tells the emulator what time it is. Clones are the same clock.
///
/// Tokens and media expire by this clock, so a test moves it instead of waiting:
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use cloudcall_emulator::Clock;
///
/// let clock = Clock::manual(SystemTime::UNIX_EPOCH);
/// clock.advance(Duration::from_secs(7200));
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(7200));
/// ```
#[derive(Clone)]
pub struct Clock {
    /// Where a manual clock stands before it is moved; `None` for the system's clock.
    start: Option<SystemTime>,
    advanced_nanos: Arc<AtomicU64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self {
            start: None,
            advanced_nanos: Arc::default(),
        }
    }

    /// A clock that stands at `start` until it is [advanced](Self::advance).
    pub fn manual(start: SystemTime) -> Self {
        Self {
            start: Some(start),
            advanced_nanos: Arc::default(),
        }
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        let advanced = Duration::from_nanos(self.advanced_nanos.load(Ordering::Acquire));
        self.start.unwrap_or_else(SystemTime::now) + advanced
    }

    /// Moves the clock forward, for all its clones. A system clock runs ahead by `step` from then
    /// on. All steps together go no further than about 584 years.
    pub fn advance(&self, step: Duration) {
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        // The closure always returns a value, so there is no failure to look at.
        let _ = self
            .advanced_nanos
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |advanced| {
                Some(advanced.saturating_add(step))
            });
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.start.map_or("system", |_| "manual");
        f.debug_struct("Clock")
            .field("kind", &kind)
            .field("now", &self.now())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_any_clone_moves_it() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let clone = clock.clone();
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
        clone.advance(Duration::from_millis(1500));
        clone.advance(Duration::from_millis(500));
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(2));
    }

    #[test]
    fn a_system_clock_follows_the_system_and_can_run_ahead() {
        let clock = Clock::system();
        let hour = Duration::from_secs(3600);
        let before = SystemTime::now();
        assert!(clock.now() >= before && clock.now() < before + hour);
        clock.advance(hour);
        assert!(clock.now() >= before + hour);
    }

    #[test]
    fn an_endless_step_stops_at_the_clocks_end() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        clock.advance(Duration::MAX);
        clock.advance(Duration::from_secs(1));
        assert_eq!(
            clock.now(),
            SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::MAX)
        );
    }
}
