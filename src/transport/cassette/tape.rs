//! The cassette that is being recorded: what is in it so far, and the file that holds it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::error::CassetteError;
use super::files::{self, Files};
use super::format::{self, Exchange};

pub(super) struct Tape {
    path: PathBuf,
    folder: PathBuf,
    content: Mutex<Content>,
    /// Held by the one who writes the file. Those who wait for it find that their exchange was
    /// written along with the next.
    disk: Mutex<Disk>,
}

#[derive(Default)]
struct Content {
    /// Their texts, sorted.
    exchanges: Vec<(Place, String)>,
    /// The names of files that are, or are about to be, of use.
    files: HashSet<String>,
}

/// Where an exchange stands: by its request, and then by when it was made.
type Place = (String, u64);

struct Disk {
    /// How many exchanges are in the file.
    written: usize,
    /// What the file was like when it was last seen; none when there was no file.
    seen: Option<Seen>,
    /// The media of the cassette that was there before.
    stale: Vec<String>,
}

impl Tape {
    /// Checks that a cassette can be written here. One that is there stays until the first
    /// exchange, and any other file for good.
    pub(super) fn new(path: PathBuf) -> Result<Self, CassetteError> {
        let folder = files::folder(&path)?;
        files::check_writable(&path)?;
        let seen = Seen::of(&path);
        let before = content_of(&path)?;
        let stale = match before.as_deref() {
            None | Some([]) => Vec::new(),
            Some(content) => media_of(&path, content)?,
        };
        Ok(Self {
            folder,
            content: Mutex::default(),
            disk: Mutex::new(Disk {
                written: 0,
                seen,
                stale,
            }),
            path,
        })
    }

    /// How many exchanges are in it.
    pub(super) fn len(&self) -> usize {
        lock(&self.content).exchanges.len()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an exchange, the `arrival`th that began, and writes the cassette.
    pub(super) fn add(
        &self,
        arrival: u64,
        exchange: Exchange,
        files: Files,
    ) -> Result<(), CassetteError> {
        // First, so that the cassette never names a file that is not there.
        self.write_files(files)?;
        let count = {
            let mut content = lock(&self.content);
            let place = (exchange.request.key(), arrival);
            let at = content
                .exchanges
                .partition_point(|(other, _)| *other < place);
            content.exchanges.insert(at, (place, exchange.text()));
            content.exchanges.len()
        };
        let mut disk = lock(&self.disk);
        if disk.written >= count {
            return Ok(());
        }
        self.write(&mut disk)
    }

    fn write_files(&self, files: Files) -> Result<(), CassetteError> {
        for (file, bytes) in files {
            let path = self.folder.join(&file.name);
            let known = !lock(&self.content).files.insert(file.name);
            let length = fs::metadata(&path).map(|it| it.len());
            if known && length.is_ok_and(|length| length == file.size) {
                continue;
            }
            fs::create_dir_all(&self.folder).map_err(|source| CassetteError::Unwritable {
                path: self.folder.clone(),
                source,
            })?;
            files::write(&path, &bytes)?;
        }
        Ok(())
    }

    fn write(&self, disk: &mut Disk) -> Result<(), CassetteError> {
        let (text, count) = {
            let content = lock(&self.content);
            let exchanges = content.exchanges.iter().map(|(_, text)| text.as_str());
            (format::write(exchanges), content.exchanges.len())
        };
        if Seen::of(&self.path) != disk.seen {
            return Err(CassetteError::Changed {
                path: self.path.clone(),
            });
        }
        files::write(&self.path, text.as_bytes())?;
        disk.seen = Seen::of(&self.path);
        disk.written = count;
        self.remove(std::mem::take(&mut disk.stale));
        Ok(())
    }

    /// Removes the media of the cassette that was there before, but for those that still are of use.
    fn remove(&self, stale: Vec<String>) {
        let content = lock(&self.content);
        for name in stale {
            if !content.files.contains(&name)
                && let Some(path) = files::path(&self.folder, &name)
            {
                // One that stays does no harm.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// What tells that a file was changed.
#[derive(PartialEq, Eq)]
struct Seen {
    length: u64,
    modified: Option<SystemTime>,
}

impl Seen {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn content_of(path: &Path) -> Result<Option<Vec<u8>>, CassetteError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CassetteError::Unreadable {
            path: path.into(),
            source,
        }),
    }
}

/// The media that a cassette names.
fn media_of(path: &Path, content: &[u8]) -> Result<Vec<String>, CassetteError> {
    let exchanges = format::read(path, &String::from_utf8_lossy(content))?;
    let files = exchanges.iter().flat_map(Exchange::files);
    Ok(files.map(|file| file.name.clone()).collect())
}
