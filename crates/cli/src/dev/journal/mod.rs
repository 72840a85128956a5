//! The journal: what happens while functions are served, the newest kept, each said in a line.

mod line;
mod routes;
mod what;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::printer::{EntryLine, Printer, Time, Told};
pub(crate) use routes::router;
pub(crate) use what::{Call, Invocation, Parameters, Reload, User, Verdict, What};

/// How many entries are kept, unless said otherwise.
pub(crate) const LIMIT: usize = 1000;

/// The newest entries. Clones are the same journal.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    printer: Printer,
    limit: usize,
    ring: Mutex<Ring>,
    /// The id of the newest entry, for who waits for the next.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    newest: u64,
}

/// Something that happened. Its line and its JSON are made where they are read: whoever tells of it
/// has others waiting.
#[derive(Debug)]
pub(crate) struct Entry {
    /// From 1, without gaps.
    pub(crate) id: u64,
    time: SystemTime,
    what: What,
}

impl Entry {
    /// The `type` of the JSON.
    fn kind(&self) -> &'static str {
        self.what.kind()
    }

    fn function(&self) -> Option<&str> {
        self.what.function()
    }
}

impl Told for Entry {
    fn line(&self) -> EntryLine {
        line::line(&Time::of(self.time).clock(), &self.what)
    }

    fn json(&self) -> String {
        what::json(self.id, &Time::of(self.time).full(), &self.what)
    }
}

/// Entries in order, and how many there were before the first that are no longer kept.
pub(crate) struct Part {
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) lost: u64,
}

impl Journal {
    /// A journal that keeps this many entries.
    pub(crate) fn new(printer: Printer, limit: usize) -> Self {
        Self(Arc::new(Inner {
            printer,
            limit,
            ring: Mutex::default(),
            newest: watch::Sender::new(0),
        }))
    }

    /// Keeps and says what happened now. The id of the entry.
    pub(crate) fn record(&self, what: What) -> u64 {
        self.record_at(what.bounded(), SystemTime::now())
    }

    fn record_at(&self, what: What, time: SystemTime) -> u64 {
        let mut ring = self.locked();
        let id = ring.newest + 1;
        ring.newest = id;
        let entry = Arc::new(Entry { id, time, what });
        ring.entries.push_back(Arc::clone(&entry));
        let oldest = match ring.entries.len() > self.0.limit {
            true => ring.entries.pop_front(),
            false => None,
        };
        // Within the lock, so that the lines have the order of the ids.
        self.0.printer.entry(entry);
        drop(ring);
        drop(oldest);
        self.0
            .newest
            .send_modify(|newest| *newest = id.max(*newest));
        id
    }

    /// At most `most` of the entries behind that of the id `after`.
    pub(crate) fn after(&self, after: u64, most: usize) -> Part {
        let ring = self.locked();
        // An id of another journal, of a process before this one.
        let after = if after > ring.newest { 0 } else { after };
        let kept = ring
            .entries
            .front()
            .map_or(ring.newest + 1, |first| first.id);
        let lost = kept.saturating_sub(after + 1);
        let skip = usize::try_from((after + 1).saturating_sub(kept)).unwrap_or(usize::MAX);
        let entries = ring.entries.iter().skip(skip).take(most);
        Part {
            entries: entries.cloned().collect(),
            lost,
        }
    }

    fn newest(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    fn locked(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
