//! Lines on their way to stderr, for a server: who does not read them must not keep it from
//! serving, nor from ending.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines may be on their way.
const MOST: usize = 1024;

/// How long a line waits for a reader who is merely slow.
const SLOW: Duration = Duration::from_secs(1);

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
    /// Writes lines with `write`, and with `lost` how many were left out before the next.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(super) fn start(
        state: &'static State,
        write: impl Fn(T) + Send + 'static,
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
    write: impl Fn(T),
    lost: impl Fn(u64) -> T,
) {
    for message in waiting {
        match message {
            Message::Line(line) => write(line),
            // Who waits may have given up.
            Message::Whole(written) => drop(written.try_send(())),
        }
        state.stalled.store(false, Ordering::Relaxed);
        match state.lost.swap(0, Ordering::Relaxed) {
            0 => {}
            count => write(lost(count)),
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
        let write = move |line: String| {
            let _ = read.lock().expect("no panic").recv();
            let _ = written.send(line);
        };
        let behind = Behind::start(&STATE, write, |count| format!("lost {count}"));
        let behind = behind.expect("a thread");
        let begun = Instant::now();
        // One may be with the writer already.
        for number in 0..MOST + 11 {
            behind.write(number.to_string());
        }
        behind.flush();
        assert!(begun.elapsed() < 10 * SLOW, "{:?}", begun.elapsed());
        drop(reads);
        // From here on somebody reads: each line comes, or is counted where it would have come.
        let (mut lines, mut lost) = (0, 0);
        while lines + lost < MOST + 11 {
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
}
