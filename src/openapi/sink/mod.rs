//! Where the bytes of media go while they arrive.

mod file;

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) use file::FileSink;

/// Takes media piece by piece.
pub(super) trait Sink {
    /// Writes all of the piece.
    async fn write(&mut self, piece: Bytes) -> io::Result<()>;

    /// How many bytes it has been given, of which some may not have been written.
    fn size(&self) -> u64;

    /// Whether it can forget what it has been given.
    fn can_restart(&self) -> bool;

    /// Forgets it.
    async fn restart(&mut self) -> io::Result<()>;

    /// All has been written.
    async fn finish(&mut self) -> io::Result<()>;
}

/// A writer of the caller's. What it has been given cannot be taken back.
pub(super) struct WriterSink<W> {
    writer: W,
    size: u64,
}

impl<W> WriterSink<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, size: 0 }
    }
}

impl<W: AsyncWrite + Unpin> Sink for WriterSink<W> {
    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        // Counted first: a write that fails or is dropped may have done a part.
        self.size += piece.len() as u64;
        self.writer.write_all(&piece).await
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn can_restart(&self) -> bool {
        self.size == 0
    }

    async fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.writer.flush().await
    }
}
