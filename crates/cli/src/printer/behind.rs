//! Lines on their way to stderr, for a server: who does not read them must not keep it from
//! serving, nor from ending. Lines that come fast are written together: to wake a thread costs more
//! than to write a line.

use std::iter;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines may wait.
const MOST: usize = 1024;

/// How many are written together: so few that also while these are written, by a reader who is merely
/// slow, there is room for further ones before anybody gives up.
const TOGETHER: usize = 64;

/// How long a line waits for a reader who is merely slow.
const SLOW: Duration = Duration::from_secs(1);

/// How long lines gather after some were written: the first one goes out at once.
const MOMENT: Duration = Duration::from_millis(5);

/// What passes lines on, in a thread of its own.
pub(super) struct Behind<T> {
    lines: SyncSender<Message<T>>,
    state: &'static State,
}

/// What both sides know.
#[derive(Default)]
pub(super) struct State {
    /// Nobody seems to read, so that no line waits.
    stalled: AtomicBool,
    /// How many lines were left out.
    lost: AtomicU64,
}

enum Message<T> {
    Line(T),
    /// Everything before it was written.
    Whole(SyncSender<()>),
}

impl<T: Send + 'static> Behind<T> {
    /// Writes lines with `write`, one or several at a time, and with `lost` how many were left out
    /// before the next.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(super) fn start(
        state: &'static State,
        write: impl Fn(Vec<T>) + Send + 'static,
        lost: impl Fn(u64) -> T + Send + 'static,
    ) -> std::io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel(MOST);
        thread::Builder::new()
            .name("stderr".into())
            .spawn(move || pass_on(&waiting, state, write, lost))?;
        Ok(Self { lines, state })
    }

    /// Has a line written, in order.
    pub(super) fn write(&self, line: T) {
        if !self.send(Message::Line(line)) {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but not for long.
    pub(super) fn flush(&self) {
        let (written, whole) = mpsc::sync_channel(1);
        if self.send(Message::Whole(written)) {
            let _ = whole.recv_timeout(SLOW);
        }
    }

    fn send(&self, mut message: Message<T>) -> bool {
        let begun = Instant::now();
        loop {
            match self.lines.try_send(message) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => message = back,
            }
            if self.state.stalled.load(Ordering::Relaxed) || begun.elapsed() >= SLOW {
                self.state.stalled.store(true, Ordering::Relaxed);
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn pass_on<T>(
    waiting: &Receiver<Message<T>>,
    state: &State,
    write: impl Fn(Vec<T>),
    lost: impl Fn(u64) -> T,
) {
    while let Ok(first) = waiting.recv() {
        let (mut lines, mut flushing) = (Vec::new(), Vec::new());
        for message in iter::once(first).chain(waiting.try_iter().take(TOGETHER - 1)) {
            match message {
                Message::Line(line) => lines.push(line),
                Message::Whole(written) => flushing.push(written),
            }
        }
        let are_more = lines.len() == TOGETHER;
        if !lines.is_empty() {
            write(lines);
        }
        state.stalled.store(false, Ordering::Relaxed);
        match state.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            count => write(vec![lost(count)]),
        }
        for written in flushing {
            // Who waits may have given up.
            let _ = written.try_send(());
        }
        if !are_more {
            thread::sleep(MOMENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_reader_who_stalls_keeps_nobody_waiting_and_is_told_what_it_lost() {
        static STATE: State = State {
            stalled: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        };
        let (reads, read) = mpsc::channel::<()>();
        let (written, seen) = mpsc::channel();
        let read = Mutex::new(read);
        let write = move |lines: Vec<String>| {
            let _ = read.lock().expect("no panic").recv();
            for line in lines {
                let _ = written.send(line);
            }
        };
        let behind = Behind::start(&STATE, write, |count| format!("lost {count}"));
        let behind = behind.expect("a thread");
        let begun = Instant::now();
        // Some may be with the writer already.
        for number in 0..MOST + TOGETHER + 11 {
            behind.write(number.to_string());
        }
        behind.flush();
        assert!(begun.elapsed() < 10 * SLOW, "{:?}", begun.elapsed());
        drop(reads);
        // From here on somebody reads: each line comes, or is counted where it would have come.
        let (mut lines, mut lost) = (0, 0);
        while lines + lost < MOST + TOGETHER + 11 {
            let line = seen.recv_timeout(60 * SLOW).expect("a line");
            match line.strip_prefix("lost ") {
                Some(count) => lost += count.parse::<usize>().expect("a count"),
                None => lines += 1,
            }
        }
        assert!(lost >= 10, "{lost}");
        behind.write("after".into());
        behind.flush();
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["after"]);
    }

    #[test]
    fn lines_that_come_while_others_are_written_are_written_together() {
        static STATE: State = State {
            stalled: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        };
        let (goes_on, go_on) = mpsc::channel::<()>();
        let (begun, seen) = mpsc::channel();
        let go_on = Mutex::new(go_on);
        let write = move |lines: Vec<u32>| {
            let _ = begun.send(lines);
            let _ = go_on.lock().expect("no panic").recv();
        };
        let behind = Behind::start(&STATE, write, |_| unreachable!("all are read"));
        let behind = behind.expect("a thread");
        let together = || seen.recv_timeout(60 * SLOW).expect("lines");
        behind.write(0);
        assert_eq!(together(), [0]);
        for number in 1..=100 {
            behind.write(number);
        }
        // Not all of them: each time that a slow reader is done, there is room again.
        let _ = goes_on.send(());
        assert_eq!(together(), Vec::from_iter(1..=64));
        drop(goes_on);
        assert_eq!(together(), Vec::from_iter(65..=100));
    }
}
