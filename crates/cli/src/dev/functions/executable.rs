//! Built programs, set aside: cargo may write the next one while they run, which Windows would
//! refuse, and an old version must never start the new program.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::runner::{Spawner, TempFolder};

/// How much of two files is compared at a time, in bytes.
const PIECE: usize = 64 << 10;

/// Where they are set aside.
pub(super) struct Executables {
    spawner: Spawner,
    /// Made when first needed.
    folder: OnceLock<TempFolder>,
    count: AtomicU64,
}

/// A program that is set aside, until this is dropped.
#[derive(Debug)]
pub(super) struct Executable {
    path: PathBuf,
}

impl Executables {
    pub(super) fn new(spawner: Spawner) -> Self {
        Self {
            spawner,
            folder: OnceLock::new(),
            count: AtomicU64::new(0),
        }
    }

    /// Copies a program.
    pub(super) fn set_aside(&self, program: &Path) -> io::Result<Executable> {
        let folder = match self.folder.get() {
            Some(folder) => folder,
            None => {
                let folder = self.spawner.temp_folder()?;
                self.folder.get_or_init(|| folder)
            }
        };
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        // Its own name is what a list of processes shows.
        let folder = folder.path().join(number.to_string());
        fs::create_dir(&folder)?;
        let path = folder.join(program.file_name().unwrap_or(program.as_os_str()));
        fs::copy(program, &path)?;
        Ok(Executable { path })
    }
}

impl Executable {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another file is the same program.
    pub(super) fn is_same(&self, other: &Path) -> io::Result<bool> {
        let (one, other) = (File::open(&self.path)?, File::open(other)?);
        if one.metadata()?.len() != other.metadata()?.len() {
            return Ok(false);
        }
        let mut one = BufReader::with_capacity(PIECE, one);
        let mut other = BufReader::with_capacity(PIECE, other);
        let (mut ours, mut theirs) = (vec![0; PIECE], vec![0; PIECE]);
        loop {
            let size = one.read(&mut ours)?;
            if size == 0 {
                return Ok(true);
            }
            other.read_exact(&mut theirs[..size])?;
            if ours[..size] != theirs[..size] {
                return Ok(false);
            }
        }
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // What is left is removed with the folder of all.
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir_all(folder);
        }
    }
}
