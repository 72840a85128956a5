//! The media that can be fetched: those in memory, then those in the media folder.

mod folder;
mod media;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use folder::Folder;
pub(crate) use media::{ImageFormat, Media};

/// Temporary media live three days (platform API page of `media/upload`).
const LIFETIME: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Finds media by their id.
#[derive(Debug, Default)]
pub(crate) struct MediaStore {
    memory: RwLock<Memory>,
    folder: Option<Folder>,
}

#[derive(Debug, Default)]
struct Memory {
    media: HashMap<Arc<str>, Arc<Media>>,
    /// The ids in the order of their arrival, so that expired media are dropped from the front.
    arrivals: VecDeque<Arc<str>>,
}

impl MediaStore {
    /// Serves the files of `folder` too.
    pub(crate) fn open_folder(&mut self, folder: &Path, now: SystemTime) -> io::Result<()> {
        self.folder = Some(Folder::open(folder, now)?);
        Ok(())
    }

    /// The media with this id, unless it has expired.
    pub(crate) fn find(&self, id: &str, now: SystemTime) -> Option<Arc<Media>> {
        let in_memory = || {
            let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
            memory.media.get(id).cloned()
        };
        let in_folder = || self.folder.as_ref()?.find(id, now);
        in_memory()
            .or_else(in_folder)
            .filter(|media| media.is_fresh(now))
    }

    /// Keeps media in memory, as received now.
    pub(crate) fn keep(&self, id: &str, bytes: Bytes, now: SystemTime) -> Arc<Media> {
        let media = Arc::new(Media::new(id, None, bytes, now));
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.drop_expired(now);
        let id = Arc::clone(&media.id);
        memory.arrivals.push_back(Arc::clone(&id));
        memory.media.insert(id, Arc::clone(&media));
        media
    }
}

impl Memory {
    fn drop_expired(&mut self, now: SystemTime) {
        while let Some(id) = self.arrivals.front() {
            match self.media.get(id) {
                Some(media) if media.is_fresh(now) => break,
                Some(_) => self.media.remove(id),
                None => None,
            };
            self.arrivals.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_expire_three_days_after_they_were_received() {
        let store = MediaStore::default();
        let received = SystemTime::UNIX_EPOCH;
        store.keep("ID", Bytes::from_static(b"x"), received);
        let last_moment = received + LIFETIME - Duration::from_nanos(1);
        assert!(store.find("ID", last_moment).is_some());
        assert!(store.find("ID", received + LIFETIME).is_none());
    }

    #[test]
    fn expired_media_do_not_stay_in_memory() {
        let store = MediaStore::default();
        let day = Duration::from_secs(24 * 60 * 60);
        for days in 0..10 {
            let now = SystemTime::UNIX_EPOCH + day * days;
            store.keep(&format!("ID{days}"), Bytes::from_static(b"x"), now);
        }
        let memory = store.memory.read().expect("no test thread panicked");
        assert_eq!((memory.media.len(), memory.arrivals.len()), (3, 3));
    }

    #[test]
    fn keeping_an_id_again_replaces_it_and_renews_it() {
        let store = MediaStore::default();
        let start = SystemTime::UNIX_EPOCH;
        store.keep("ID", Bytes::from_static(b"old"), start);
        store.keep("ID", Bytes::from_static(b"new"), start + LIFETIME / 2);
        let later = start + LIFETIME;
        store.keep("OTHER", Bytes::from_static(b"x"), later);
        let media = store.find("ID", later).expect("renewed");
        assert_eq!(media.bytes, "new");
    }
}
