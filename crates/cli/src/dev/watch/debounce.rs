//! Changes are told together: after a pause, but not later than a while after the first.

use std::time::Instant;

use super::{Changes, Timing};

#[derive(Debug)]
pub(super) struct Debounce {
    timing: Timing,
    /// When the first and the last of the changes came.
    span: Option<(Instant, Instant)>,
    changes: Changes,
}

impl Debounce {
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            timing,
            span: None,
            changes: Changes::default(),
        }
    }

    pub(super) fn add(&mut self, changes: Changes, now: Instant) {
        if !changes.is_empty() {
            self.changes.append(changes);
            let first = self.span.map_or(now, |(first, _)| first);
            self.span = Some((first, now));
        }
    }

    /// When the changes are to be told, if there are some.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = self.span?;
        Some((last + self.timing.quiet).min(first + self.timing.longest))
    }

    /// They could not be told: again after a pause.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.span = self.span.map(|_| (now, now));
    }

    pub(super) fn take(&mut self) -> Changes {
        self.span = None;
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn change(path: &str) -> Changes {
        let mut changes = Changes::default();
        changes.add(path.into());
        changes
    }

    #[test]
    fn changes_are_due_after_a_pause_but_not_long_after_the_first() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut debounce = Debounce::new(Timing::default());
        debounce.add(Changes::default(), at(0));
        assert_eq!(debounce.due(), None);
        debounce.add(change("a"), at(0));
        assert_eq!(debounce.due(), Some(at(50)));
        debounce.add(change("b"), at(49));
        assert_eq!(debounce.due(), Some(at(99)));
        (2..20).for_each(|number| debounce.add(change("a"), at(number * 25)));
        assert_eq!(debounce.due(), Some(at(500)));
        assert_eq!(debounce.take().paths, ["a".into(), "b".into()].into());
        assert_eq!(debounce.due(), None);
        debounce.add(change("c"), at(600));
        assert_eq!(debounce.due(), Some(at(650)));
    }

    #[test]
    fn what_could_not_be_told_is_kept() {
        let now = Instant::now();
        let mut debounce = Debounce::new(Timing::default());
        debounce.postpone(now);
        assert_eq!(debounce.due(), None);
        debounce.add(change("a"), now);
        let later = now + Duration::from_secs(9);
        debounce.postpone(later);
        assert_eq!(debounce.due(), Some(later + Duration::from_millis(50)));
        debounce.add(change("b"), later);
        assert_eq!(debounce.take().paths, ["a".into(), "b".into()].into());
    }
}
