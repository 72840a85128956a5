//! What others leave for the watching thread. Nobody who leaves something ever waits for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::Root;
use super::changes::MOST;

/// What the system said since the last look.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// Real paths, each with whether its content changed for certain: the clock of file systems is
    /// coarse, so that two saves in a row may leave the same time and size.
    pub(super) paths: BTreeMap<PathBuf, bool>,
    /// There were more, or the system itself lost some.
    pub(super) lost: bool,
}

#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) hints: Hints,
    /// The newest roots, and all who wait until they are watched.
    pub(super) roots: Option<Vec<Root>>,
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    pub(super) error: Option<notify::Error>,
    pub(super) closed: bool,
}

impl Mail {
    fn is_empty(&self) -> bool {
        let Hints { paths, lost } = &self.hints;
        paths.is_empty() && !lost && self.roots.is_none() && self.error.is_none() && !self.closed
    }
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

impl Inbox {
    pub(super) fn hint(&self, path: PathBuf, certain: bool) {
        let mut mail = self.lock();
        if !mail.hints.lost {
            *mail.hints.paths.entry(path).or_default() |= certain;
            if mail.hints.paths.len() > MOST {
                mail.hints.paths.clear();
                mail.hints.lost = true;
            }
        }
        self.arrived.notify_one();
    }

    pub(super) fn lost(&self) {
        let mut mail = self.lock();
        mail.hints.paths.clear();
        mail.hints.lost = true;
        self.arrived.notify_one();
    }

    pub(super) fn fail(&self, error: notify::Error) {
        self.lock().error = Some(error);
        self.arrived.notify_one();
    }

    pub(super) fn set_roots(&self, roots: Vec<Root>, done: oneshot::Sender<()>) {
        let mut mail = self.lock();
        if !mail.closed {
            mail.roots = Some(roots);
            mail.waiting.push(done);
            self.arrived.notify_one();
        }
    }

    /// From either side. Who waits is told by the end of the channel.
    pub(super) fn close(&self) {
        let mut mail = self.lock();
        mail.closed = true;
        mail.waiting.clear();
        self.arrived.notify_one();
    }

    /// Whether there is no need to go on.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes what is there; waits for it until then.
    pub(super) fn take(&self, until: Instant) -> Mail {
        let mut mail = self.lock();
        while mail.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            mail = (self.arrived.wait_timeout(mail, left))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let closed = mail.closed;
        let taken = std::mem::take(&mut *mail);
        mail.closed = closed;
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_that_nobody_takes_do_not_pile_up() {
        let inbox = Inbox::default();
        (0..3 * MOST).for_each(|number| inbox.hint(number.to_string().into(), true));
        let hints = inbox.take(Instant::now()).hints;
        assert!(hints.lost && hints.paths.is_empty());
        inbox.hint("a".into(), true);
        inbox.hint("a".into(), false);
        let hints = inbox.take(Instant::now()).hints;
        assert!(!hints.lost);
        assert_eq!(hints.paths, [("a".into(), true)].into());
    }
}
