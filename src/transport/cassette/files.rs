//! The files of a cassette: where they are, what they are called, and how they are written.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::error::CassetteError;
use super::format::File;

/// The media of a cassette, to be written.
pub(super) type Files = Vec<(File, Bytes)>;

/// The folder of a cassette's media: `NAME.media` beside `NAME.json`.
pub(super) fn folder(cassette: &Path) -> Result<PathBuf, CassetteError> {
    let folder = cassette.with_extension("media");
    let message = if cassette.file_name().is_none() {
        "it has no name"
    } else if folder == cassette {
        "its media are in a folder of this name"
    } else {
        return Ok(folder);
    };
    Err(CassetteError::Name {
        path: cassette.into(),
        message,
    })
}

/// Puts bytes into the list, and gives their name, which depends on nothing else.
pub(super) fn keep(bytes: Bytes, files: &mut Files) -> File {
    let file = File {
        name: format!("{:016x}.{}", fingerprint(&bytes), extension(&bytes)),
        size: bytes.len() as u64,
    };
    files.push((file.clone(), bytes));
    file
}

/// The path of a file, if its name is a plain one: a cassette may come from anywhere, and leads
/// nowhere else.
pub(super) fn path(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Some(folder.join(name)),
        _ => None,
    }
}

/// FNV-1a: short, the same on every machine, and not made to withstand those who mean ill.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// By which other programs open it.
fn extension(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'B', b'M', ..] => "bmp",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "webp",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "mp4",
        [b'#', b'!', b'A', b'M', b'R', ..] => "amr",
        [b'I', b'D', b'3', ..] => "mp3",
        _ => "bin",
    }
}

/// Writes a file so that it is there whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CassetteError> {
    let unwritable = |source| CassetteError::Unwritable {
        path: path.into(),
        source,
    };
    let temporary = temporary(path);
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|error| {
            // It may not even be there.
            let _ = fs::remove_file(&temporary);
            unwritable(error)
        })
}

/// Sees whether a file can be written, without touching it.
pub(super) fn check_writable(path: &Path) -> Result<(), CassetteError> {
    let checked = if path.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        let temporary = temporary(path);
        fs::write(&temporary, []).and_then(|()| fs::remove_file(&temporary))
    };
    checked.map_err(|source| CassetteError::Unwritable {
        path: path.into(),
        source,
    })
}

/// A name beside the file that nobody else takes.
fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{count}.tmp", std::process::id()));
    path.with_file_name(name)
}
