//! What a worker writes: passed on to stderr line by line, and the last lines kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinSet;

use super::process::Process;
use crate::printer::Printer;

/// A longer line is passed on in pieces of this size, in bytes.
const PIECE: usize = 4096;

/// How many lines a crash report shows.
const LAST_LINES: usize = 20;

/// How long to wait for the end of the streams once the process group is gone. They end at once,
/// unless a process that left the group holds them.
const DRAIN: Duration = Duration::from_millis(500);

/// Streams of a process that are read line by line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    readers: JoinSet<()>,
}

impl Lines {
    /// Reads a stream from now on.
    pub(super) fn read<R>(&mut self, stream: R, line: impl FnMut(String) + Send + 'static)
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        self.readers.spawn(each_line(stream, line));
    }

    /// Waits for what is still in the pipes; to be called when the process has ended.
    pub(super) async fn end(&mut self) {
        let all = async { while self.readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(DRAIN, all).await;
    }
}

/// The output of one worker.
#[derive(Debug)]
pub(super) struct Output {
    lines: Lines,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    /// Passes on what the process writes from now on.
    pub(super) fn follow(process: &mut Process, function: &str, printer: Printer) -> Self {
        let mut output = Self {
            lines: Lines::default(),
            last: Arc::default(),
        };
        output.read(process.stdout.take(), function, printer);
        output.read(process.stderr.take(), function, printer);
        output
    }

    fn read<R>(&mut self, stream: Option<R>, function: &str, printer: Printer)
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let Some(stream) = stream else { return };
        let (function, last) = (function.to_owned(), Arc::clone(&self.last));
        self.lines.read(stream, move |line| {
            printer.function_line(&function, &line);
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line);
        });
    }

    /// Waits for what is still in the pipes; to be called when the process has ended.
    pub(super) async fn drain(&mut self) {
        self.lines.end().await;
    }

    /// The last lines of both streams.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().cloned().collect()
    }
}

async fn each_line(mut stream: impl AsyncRead + Unpin, mut line: impl FnMut(String)) {
    let mut splitter = Splitter::default();
    let mut chunk = [0; PIECE];
    // A stream that cannot be read any further has ended.
    while let Ok(size @ 1..) = stream.read(&mut chunk).await {
        splitter.push(&chunk[..size], &mut line);
    }
    splitter.finish(&mut line);
}

/// Cuts bytes into lines, and lines that are too long into pieces.
#[derive(Default)]
struct Splitter {
    pending: Vec<u8>,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], line: &mut impl FnMut(String)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = part.strip_suffix(b"\n");
            self.pending.extend_from_slice(whole.unwrap_or(part));
            while self.pending.len() > PIECE {
                let rest = self.pending.split_off(cut(&self.pending));
                line(text(&self.pending));
                self.pending = rest;
            }
            if whole.is_some() {
                line(text(
                    self.pending.strip_suffix(b"\r").unwrap_or(&self.pending),
                ));
                self.pending.clear();
            }
        }
    }

    fn finish(self, line: &mut impl FnMut(String)) {
        if !self.pending.is_empty() {
            line(text(&self.pending));
        }
    }
}

/// Where to cut a line that is too long: not within a character.
fn cut(bytes: &[u8]) -> usize {
    let continues = |at: &usize| bytes[*at] & 0b1100_0000 == 0b1000_0000;
    (PIECE - 3..=PIECE)
        .rev()
        .find(|at| !continues(at))
        .unwrap_or(PIECE)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(bytes, |line| lines.push(line)).await;
        lines
    }

    #[tokio::test]
    async fn lines_are_cut_at_either_line_end() {
        assert_eq!(lines(b"").await, [""; 0]);
        assert_eq!(lines(b"a\r\n\nb").await, ["a", "", "b"]);
        assert_eq!(lines(b"\xff\n").await, ["\u{fffd}"]);
    }

    #[tokio::test]
    async fn a_long_line_is_passed_on_in_pieces_of_whole_characters() {
        let long = "文".repeat(10_000);
        let pieces = lines(format!("{long}\nnext\n").as_bytes()).await;
        let (next, pieces) = pieces.split_last().expect("lines");
        assert_eq!(next, "next");
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(pieces.concat(), long);
        let binary = vec![0x80; 3 * PIECE];
        assert!(lines(&binary).await.len() >= 3);
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text: String = (0..25).map(|number| format!("{number}\n")).collect();
        let mut output = Output {
            lines: Lines::default(),
            last: Arc::default(),
        };
        output.read(Some(std::io::Cursor::new(text)), "f", Printer);
        output.drain().await;
        let expected: Vec<_> = (5..25).map(|number| number.to_string()).collect();
        assert_eq!(output.last_lines(), expected);
    }
}
