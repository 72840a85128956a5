//! What the emulator was asked, for tests to look at: the newest entries, without any secret.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;

/// A method, path or media id goes into the journal up to this many characters, so that the bound on
/// the number of entries bounds the memory too.
const LONGEST_TEXT: usize = 256;

/// One request that the emulator answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalEntry {
    /// The request's method. At most 256 characters.
    pub method: Method,
    /// The request's path, such as `/cgi-bin/media/get`, without the query string. At most 256
    /// characters.
    pub path: String,
    /// WeChat's error code, 0 when the call succeeded. For a path or method that the emulator
    /// does not serve it is the HTTP status.
    pub errcode: i64,
    /// The media id that was asked for, or that an upload was given. At most 256 characters.
    pub media_id: Option<Arc<str>>,
    /// The fault that the request met, such as `errcode=45009`, or the last of its delays if it
    /// met nothing else. `errcode` is that of the answer, also where the fault kept the caller
    /// from seeing it.
    pub fault: Option<Arc<str>>,
}

/// The newest requests that an [`Emulator`](crate::Emulator) answered, oldest first.
///
/// It never holds tokens, secrets or query strings. Clones share their entries.
#[derive(Clone)]
pub struct Journal {
    entries: Arc<Mutex<VecDeque<JournalEntry>>>,
    limit: usize,
}

impl Journal {
    /// How many entries are kept unless
    /// [`journal_limit`](crate::EmulatorBuilder::journal_limit) says otherwise.
    pub const DEFAULT_LIMIT: usize = 10_000;

    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: Arc::default(),
            limit,
        }
    }

    /// The entries kept, oldest first.
    pub fn entries(&self) -> Vec<JournalEntry> {
        self.locked().iter().cloned().collect()
    }

    /// How many of the entries kept have this path.
    pub fn count(&self, path: &str) -> usize {
        self.locked()
            .iter()
            .filter(|entry| entry.path == path)
            .count()
    }

    /// Adds an entry, whose texts are [`clipped`].
    pub(crate) fn record(
        &self,
        method: Method,
        path: &str,
        errcode: i64,
        media_id: Option<Arc<str>>,
        fault: Option<Arc<str>>,
    ) {
        if self.limit == 0 {
            return;
        }
        // Dropped when the lock is no longer held.
        let mut displaced = None;
        let mut entries = self.locked();
        if entries.len() == self.limit {
            displaced = entries.pop_front();
        }
        // The new entry takes over the memory of the old one's path: to free what another thread
        // has allocated would make threads wait for each other.
        let mut text = displaced
            .as_mut()
            .map(|entry| std::mem::take(&mut entry.path))
            .unwrap_or_default();
        text.clear();
        text.push_str(path);
        entries.push_back(JournalEntry {
            method,
            path: text,
            errcode,
            media_id,
            fault,
        });
    }

    fn locked(&self) -> impl std::ops::DerefMut<Target = VecDeque<JournalEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text up to [`LONGEST_TEXT`] characters.
pub(crate) fn clipped(text: &str) -> &str {
    // A character has a byte at least.
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The same of a method, which may be any word.
pub(crate) fn clipped_method(method: &Method) -> Method {
    let word = clipped(method.as_str());
    match word.len() < method.as_str().len() {
        true => word.parse().expect("a part of a method is one"),
        false => method.clone(),
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("entries", &self.locked().len())
            .field("limit", &self.limit)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_entries() {
        let journal = Journal::new(2);
        for path in ["/a/longer", "/b", "/b"] {
            journal.record(Method::GET, path, 0, None, None);
        }
        let paths: Vec<_> = journal
            .entries()
            .into_iter()
            .map(|entry| entry.path)
            .collect();
        assert_eq!(paths, ["/b", "/b"]);
        assert_eq!((journal.count("/a/longer"), journal.count("/b")), (0, 2));
    }

    #[test]
    fn a_new_entry_has_the_memory_of_the_one_it_displaces() {
        let journal = Journal::new(2);
        let newest = || {
            journal
                .locked()
                .back()
                .expect("it was recorded")
                .path
                .as_ptr()
        };
        journal.record(Method::GET, "/a/longer", 0, None, None);
        let first = newest();
        journal.record(Method::GET, "/b", 0, None, None);
        journal.record(Method::GET, "/c", 0, None, None);
        assert_eq!(newest(), first);
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        let journal = Journal::new(0);
        journal.record(Method::GET, "/a", 0, None, None);
        assert_eq!(journal.entries(), []);
    }

    #[test]
    fn long_text_is_clipped_between_characters() {
        for length in [0, 255, 256] {
            let fits = "x".repeat(length);
            assert_eq!(clipped(&fits), fits);
        }
        assert_eq!(clipped(&"x".repeat(257)), "x".repeat(256));
        assert_eq!(clipped(&"媒".repeat(300)), "媒".repeat(256));
    }
}
