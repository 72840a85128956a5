//! A file that gets its name when it is whole.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::task::{JoinError, spawn_blocking};

use super::Sink;
use crate::random;

/// Writes beside the target, and renames at the end. Files have no asynchronous interface, so each
/// step that may take a while is a task of Tokio's blocking threads.
pub(in super::super) struct FileSink {
    target: PathBuf,
    /// None before the first piece, and while a step runs: a step that is dropped takes the file
    /// with it.
    part: Option<Part>,
    size: u64,
}

impl FileSink {
    pub(in super::super) fn new(target: &Path) -> Self {
        Self {
            target: target.to_owned(),
            part: None,
            size: 0,
        }
    }

    /// Does a step with the file, which is created for the first.
    async fn step(
        &mut self,
        step: impl FnOnce(&mut Part) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let part = self.part.take();
        let target = self.target.clone();
        let done = spawn_blocking(move || {
            let mut part = match part {
                Some(part) => part,
                None => Part::create(&target)?,
            };
            step(&mut part).map(|()| part)
        });
        self.part = Some(done.await.map_err(panicked)??);
        Ok(())
    }
}

impl Sink for FileSink {
    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.size += piece.len() as u64;
        self.step(move |part| part.file.write_all(&piece)).await
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn can_restart(&self) -> bool {
        true
    }

    async fn restart(&mut self) -> io::Result<()> {
        self.size = 0;
        if self.part.is_none() {
            return Ok(());
        }
        self.step(|part| {
            part.file.set_len(0)?;
            part.file.rewind()
        })
        .await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.step(|part| part.file.sync_all()).await?;
        // Here and not in a thread, which would go on after a call that was given up meanwhile: the
        // target would change behind the back of who was told that the call failed.
        if let Some(part) = &mut self.part {
            fs::rename(&part.path, &self.target)?;
            part.renamed = true;
        }
        Ok(())
    }
}

/// The file while it is written. Dropped before it is renamed, it is removed.
struct Part {
    file: File,
    path: PathBuf,
    renamed: bool,
}

impl Part {
    /// A new file in the target's folder, with the permissions of any new file.
    fn create(target: &Path) -> io::Result<Self> {
        /// How many names are tried. The first one is taken in one case of 2^64.
        const MOST_NAMES: u32 = 8;

        // Found out now rather than after the download. What is neither a file nor a link, such as
        // a device, nobody wants replaced.
        if target.file_name().is_none() || target.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if fs::symlink_metadata(target).is_ok_and(|it| !it.is_file() && !it.is_symlink()) {
            return Err(io::Error::other("the target is no regular file"));
        }
        let mut names = 0;
        loop {
            let name = format!(".cloudcall-{:016x}.part", random::bits());
            let path = target.with_file_name(name);
            match File::create_new(&path) {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        path,
                        renamed: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    names += 1;
                    if names == MOST_NAMES {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.renamed
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a partial file stays behind");
        }
    }
}

fn panicked(stopped: JoinError) -> io::Error {
    io::Error::other(stopped)
}
