//! The permissions of a `config.json` that may change while its function runs.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use cloudcall::Permissions;

/// Reads the file again when it is another than before: a look at its metadata for each call.
pub(super) struct LivePermissions {
    config: PathBuf,
    read: Mutex<(Stamp, Permissions)>,
}

/// What differs when a file was written, or another one was put in its place. None for no file.
type Stamp = Option<(Option<SystemTime>, u64, u64)>;

impl LivePermissions {
    pub(super) fn of(config: &Path) -> Self {
        let stamp = stamp(config);
        Self {
            config: config.to_owned(),
            read: Mutex::new((stamp, Permissions::load(config))),
        }
    }

    /// Those that the file gives now.
    pub(super) fn now(&self) -> Permissions {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before the file is read, so that what is written meanwhile shows the next time.
        let stamp = stamp(&self.config);
        if read.0 != stamp {
            *read = (stamp, Permissions::load(&self.config));
        }
        read.1.clone()
    }
}

fn stamp(config: &Path) -> Stamp {
    let about = config.metadata().ok()?;
    Some((about.modified().ok(), about.len(), inode(&about)))
}

#[cfg(unix)]
fn inode(about: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_holds_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.json");
        let permissions = LivePermissions::of(&config);
        let permitted = |api| permissions.now().allows(api);
        assert!(!permitted("a.b"));
        for (text, expected) in [
            (r#"{"permissions":{"openapi":["a.b"]}}"#, true),
            (r#"{"permissions":{"openapi":["a.long"]}}"#, false),
            (r#"{"permissions":{"openapi":["a.b", "a.c"]}}"#, true),
        ] {
            std::fs::write(&config, text).expect("to write");
            assert_eq!(permitted("a.b"), expected, "{text}");
        }
        std::fs::remove_file(&config).expect("to remove");
        assert!(!permitted("a.b"));
    }

    #[test]
    #[cfg(unix)]
    fn a_file_of_the_same_time_and_size_in_its_place_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.json");
        let [one, other] =
            ["a.b", "a.c"].map(|api| format!(r#"{{"permissions":{{"openapi":["{api}"]}}}}"#));
        std::fs::write(&config, one).expect("to write");
        let permissions = LivePermissions::of(&config);
        assert!(permissions.now().allows("a.b"));
        let written = config
            .metadata()
            .expect("metadata")
            .modified()
            .expect("a time");
        let new = folder.path().join("new.json");
        std::fs::write(&new, other).expect("to write");
        let file = std::fs::File::options()
            .write(true)
            .open(&new)
            .expect("to open");
        file.set_modified(written).expect("to set its time");
        std::fs::rename(&new, &config).expect("to rename");
        assert!(permissions.now().allows("a.c"));
    }
}
