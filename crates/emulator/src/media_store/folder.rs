//! The media folder: each file `NAME.ext` answers to media id `NAME`.
//!
//! A media id is only ever looked up among the names that a scan of the folder found; it never
//! becomes part of a path. A link is followed within the folder and not out of it: a folder that
//! comes with somebody's repository must not serve what else is on the disk. Files are read on the thread that asks: a `stat` costs less than
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
    /// The folder itself, behind any links.
    real_path: PathBuf,
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
            real_path: fs::canonicalize(path)?,
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
        let version = self.version_of(&file.path)?;
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
                && let Some(version) = self.version_of(&path)
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

    /// The version of a file; `None` when there is no such file, it is not a file, or it is a link
    /// that leads out of the folder.
    fn version_of(&self, path: &Path) -> Option<Version> {
        let mut metadata = fs::symlink_metadata(path).ok()?;
        if metadata.is_symlink() {
            let target = fs::canonicalize(path).ok()?;
            if !target.starts_with(&self.real_path) {
                return None;
            }
            metadata = fs::symlink_metadata(target).ok()?;
        }
        metadata.is_file().then(|| Version {
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
    fn an_id_is_compared_and_never_a_path() {
        let dir = folder_of(&[("x.txt", "outside")]);
        let media = dir.path().join("media");
        fs::create_dir(&media).expect("created");
        fs::write(media.join("inside.txt"), "inside").expect("written");
        let folder = Folder::open(&media, NOW).expect("opened");
        assert_eq!(text(&folder, "inside").as_deref(), Some("inside"));
        let absolute = dir.path().join("x");
        let long = "x".repeat(100_000);
        for id in [
            "../x",
            "../x.txt",
            "..\\x",
            "media/../x",
            "%2e%2e/x",
            "%2e%2e%2fx",
            "./inside",
            ".\\inside",
            "inside/",
            "inside.",
            "inside ",
            "INSIDE",
            "inside\0",
            "inside\0.txt",
            "inside::$DATA",
            "inside.txt::$DATA",
            "..",
            ".",
            "/",
            "C:\\Windows\\win.ini",
            "CON",
            "NUL",
            "COM1",
            "con.txt",
            absolute.to_str().expect("Unicode"),
            &long,
        ] {
            assert_eq!(text(&folder, id), None, "{id:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_within_the_folder_only() {
        use std::os::unix::fs::symlink;

        let dir = folder_of(&[("secret.txt", "outside")]);
        let media = dir.path().join("media");
        fs::create_dir_all(media.join("sub")).expect("created");
        fs::write(media.join("a.txt"), "inside").expect("written");
        fs::write(media.join("sub/b.txt"), "below").expect("written");
        let outside = dir.path().join("secret.txt");
        for (target, name) in [
            (Path::new("a.txt"), "same.txt"),
            (Path::new("sub/b.txt"), "below.txt"),
            (Path::new("../secret.txt"), "up.txt"),
            (&outside, "absolute.txt"),
            (Path::new("up.txt"), "twice.txt"),
            (Path::new("../media-2/c.txt"), "sibling.txt"),
            (Path::new("loop.txt"), "loop.txt"),
            (Path::new("/dev/zero"), "endless.txt"),
            (Path::new("nowhere"), "dangling.txt"),
        ] {
            symlink(target, media.join(name)).expect("linked");
        }
        // Its path begins with the folder's own, as text.
        fs::create_dir(dir.path().join("media-2")).expect("created");
        fs::write(dir.path().join("media-2/c.txt"), "outside").expect("written");
        symlink(&media, dir.path().join("link")).expect("linked");

        // The folder itself may be a link.
        for path in [&media, &dir.path().join("link")] {
            let folder = Folder::open(path, NOW).expect("opened");
            assert_eq!(text(&folder, "same").as_deref(), Some("inside"));
            assert_eq!(text(&folder, "below").as_deref(), Some("below"));
            for id in [
                "up", "absolute", "twice", "sibling", "loop", "endless", "dangling",
            ] {
                assert_eq!(text(&folder, id), None, "{id}");
            }
        }

        // A file that becomes such a link later is gone.
        let folder = Folder::open(&media, NOW).expect("opened");
        assert_eq!(text(&folder, "a").as_deref(), Some("inside"));
        fs::remove_file(media.join("a.txt")).expect("removed");
        symlink(&outside, media.join("a.txt")).expect("linked");
        assert_eq!(text(&folder, "a"), None);
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
