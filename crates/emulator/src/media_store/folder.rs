//! The media folder: each file `NAME.ext` answers to media id `NAME`.
//!
//! A media id is only ever looked up among the names that a scan of the folder found; it never
//! becomes part of a path. Files are read on the thread that asks: a `stat` costs less than
//! handing it over, and the bytes are read once per change of the file.

use std::collections::hash_map::{Entry, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;

use super::Media;

/// No file system has longer names, so a longer id needs no look into the folder.
const LONGEST_NAME: usize = 255;

/// The files of one folder, by media id.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    files: RwLock<HashMap<String, File>>,
}

#[derive(Debug, Clone)]
struct File {
    path: Arc<Path>,
    version: Version,
    /// When this version was seen first.
    received: SystemTime,
    /// The bytes of this version, once they have been asked for.
    media: Option<Arc<Media>>,
}

/// What tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    length: u64,
    modified: Option<SystemTime>,
}

impl Folder {
    pub(super) fn open(path: &Path, now: SystemTime) -> io::Result<Self> {
        let folder = Self {
            path: path.to_owned(),
            files: RwLock::default(),
        };
        folder.scan(now)?;
        Ok(folder)
    }

    /// The media with this id. An id that is not known, or whose file is gone, has the folder
    /// scanned again.
    pub(super) fn find(&self, id: &str, now: SystemTime) -> Option<Arc<Media>> {
        if id.is_empty() || id.len() > LONGEST_NAME {
            return None;
        }
        self.look_up(id, now).or_else(|| {
            self.scan(now).ok()?;
            self.look_up(id, now)
        })
    }

    fn look_up(&self, id: &str, now: SystemTime) -> Option<Arc<Media>> {
        let file = self.known(id)?;
        let version = Version::of(&file.path)?;
        if version == file.version
            && let Some(media) = file.media
        {
            return Some(media);
        }
        let received = if version == file.version {
            file.received
        } else {
            now
        };
        // The version was taken before the bytes: a file that changes in between is read again by
        // the next request.
        let bytes = Bytes::from(fs::read(&file.path).ok()?);
        let file_name = file.path.file_name()?.to_str();
        let media = Arc::new(Media::new(id, file_name, bytes, received));
        let read = File {
            path: file.path,
            version,
            received,
            media: Some(Arc::clone(&media)),
        };
        self.files
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), read);
        Some(media)
    }

    fn known(&self, id: &str) -> Option<File> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(id).cloned()
    }

    /// Takes stock of the folder. Files that have not changed keep what is known of them.
    fn scan(&self, now: SystemTime) -> io::Result<()> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()?;
        paths.sort_unstable();

        let mut found = HashMap::new();
        for path in paths {
            if let Some(id) = media_id(&path)
                && let Entry::Vacant(free) = found.entry(id.to_owned())
                && let Some(version) = Version::of(&path)
            {
                free.insert((path, version));
            }
        }

        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *files);
        files.extend(found.into_iter().map(|(id, (path, version))| {
            let file = before
                .remove(&id)
                .filter(|file| *file.path == *path && file.version == version)
                .unwrap_or_else(|| File {
                    path: path.into(),
                    version,
                    received: now,
                    media: None,
                });
            (id, file)
        }));
        Ok(())
    }
}

impl Version {
    /// The version of a file; `None` when there is no such file, or it is not a file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        metadata.is_file().then(|| Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// The id that a file answers to; `None` for a hidden file, and for a name that is not Unicode.
fn media_id(path: &Path) -> Option<&str> {
    path.file_stem()?
        .to_str()
        .filter(|stem| !stem.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::super::LIFETIME;
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn folder_of(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("written");
        }
        dir
    }

    fn text(folder: &Folder, id: &str) -> Option<String> {
        let media = folder.find(id, NOW)?;
        Some(String::from_utf8(media.bytes.to_vec()).expect("text"))
    }

    #[test]
    fn a_file_answers_to_its_stem_only() {
        let dir = folder_of(&[("a.txt", "a"), ("b.tar.gz", "b"), ("plain", "c")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        assert_eq!(text(&folder, "a").as_deref(), Some("a"));
        assert_eq!(text(&folder, "b.tar").as_deref(), Some("b"));
        assert_eq!(text(&folder, "plain").as_deref(), Some("c"));
        for unknown in ["a.txt", "b", "", "A "] {
            assert_eq!(text(&folder, unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn hidden_files_and_folders_are_not_media() {
        let dir = folder_of(&[(".hidden.jpg", "x"), (".gitkeep", "x")]);
        fs::create_dir(dir.path().join("sub.jpg")).expect("created");
        fs::write(dir.path().join("sub.jpg/inner.jpg"), "x").expect("written");
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        for id in [".hidden", ".gitkeep", "sub", "inner", "sub.jpg/inner"] {
            assert_eq!(text(&folder, id), None, "{id}");
        }
    }

    #[test]
    fn of_two_files_with_one_stem_the_alphabetically_first_is_served() {
        let dir = folder_of(&[("a.png", "png"), ("a.jpg", "jpg"), ("a.gif", "gif")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        assert_eq!(text(&folder, "a").as_deref(), Some("gif"));
        fs::remove_file(dir.path().join("a.gif")).expect("removed");
        assert_eq!(text(&folder, "a").as_deref(), Some("jpg"));
    }

    #[test]
    fn added_changed_and_removed_files_are_noticed() {
        let dir = folder_of(&[]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        assert_eq!(text(&folder, "a"), None);
        fs::write(dir.path().join("a.txt"), "one").expect("written");
        assert_eq!(text(&folder, "a").as_deref(), Some("one"));
        fs::write(dir.path().join("a.txt"), "three").expect("written");
        assert_eq!(text(&folder, "a").as_deref(), Some("three"));
        fs::remove_file(dir.path().join("a.txt")).expect("removed");
        assert_eq!(text(&folder, "a"), None);
    }

    #[test]
    fn an_unchanged_file_is_read_once() {
        let dir = folder_of(&[("a.txt", "one")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        let first = folder.find("a", NOW).expect("found");
        assert_eq!(text(&folder, "unknown"), None);
        let second = folder.find("a", NOW).expect("found");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn a_file_ages_from_when_it_was_first_seen_and_anew_after_a_change() {
        let dir = folder_of(&[("a.txt", "one")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        let is_fresh = |now| folder.find("a", now).expect("found").is_fresh(now);
        assert!(is_fresh(NOW + LIFETIME - Duration::from_nanos(1)));
        assert!(!is_fresh(NOW + LIFETIME));

        fs::write(dir.path().join("a.txt"), "three").expect("written");
        assert!(is_fresh(NOW + LIFETIME));
        assert!(!is_fresh(NOW + LIFETIME * 2));
    }

    #[test]
    fn a_touched_file_of_the_same_length_counts_as_received_again() {
        let dir = folder_of(&[("a.txt", "one")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        folder.find("a", NOW).expect("found");
        let file = fs::File::options()
            .write(true)
            .open(dir.path().join("a.txt"))
            .expect("opened");
        file.set_modified(NOW + Duration::from_secs(1))
            .expect("touched");
        let later = NOW + LIFETIME;
        assert!(folder.find("a", later).expect("found").is_fresh(later));
    }

    #[test]
    fn a_folder_that_vanishes_has_no_media() {
        let dir = folder_of(&[("a.txt", "one")]);
        let folder = Folder::open(dir.path(), NOW).expect("opened");
        dir.close().expect("removed");
        assert_eq!(text(&folder, "a"), None);
    }
}
