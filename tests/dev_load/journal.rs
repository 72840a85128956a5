//! The journal of a `cloudcall dev`, read as it is written.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::GUARD;

/// What has come of it until now, each entry with the time when it came.
#[derive(Default)]
pub(super) struct Journal(Mutex<Vec<(Instant, Value)>>);

impl Journal {
    /// Reads it from its beginning until the last entry.
    pub(super) fn follow(&self, address: &str, is_last: impl Fn(&Value) -> bool) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(GUARD)).expect("a time limit");
        write!(
            stream,
            "GET /_cloudcall/journal/stream?after=0 HTTP/1.1\r\nhost: {address}\r\n\r\n"
        )
        .expect("to send");
        let mut stream = BufReader::new(stream);
        while !line(&mut stream).is_empty() {}
        let mut text = String::new();
        loop {
            text.push_str(&chunk(&mut stream));
            while let Some((event, rest)) = text.split_once("\n\n") {
                let entry = entry(event);
                text = rest.to_owned();
                if entry.as_ref().is_some_and(&is_last) {
                    return;
                }
                let entry = entry.map(|it| (Instant::now(), it));
                self.0.lock().expect("no panic").extend(entry);
            }
        }
    }

    /// The entries of one kind, each with the time when it came.
    pub(super) fn of(&self, kind: &str) -> Vec<(Instant, Value)> {
        let entries = self.0.lock().expect("no panic");
        let of_kind = entries.iter().filter(|(_, entry)| entry["type"] == kind);
        of_kind.cloned().collect()
    }

    /// Waits until there is a `reload` that is like this.
    #[track_caller]
    pub(super) fn awaits_reload(&self, is_it: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        while !self.of("reload").iter().any(|(_, entry)| is_it(entry)) {
            assert!(begun.elapsed() < GUARD, "{:?}", self.of("reload"));
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// The entry in an event, if it is not there only to keep the connection.
fn entry(event: &str) -> Option<Value> {
    assert!(!event.contains("event: lost"), "{event}");
    let data = event.lines().find_map(|it| it.strip_prefix("data:"))?;
    Some(serde_json::from_str(data).expect("JSON"))
}

/// A part of an answer that is sent as it comes.
fn chunk(stream: &mut impl BufRead) -> String {
    let size = usize::from_str_radix(&line(stream), 16).expect("a size");
    let mut bytes = vec![0; size];
    stream.read_exact(&mut bytes).expect("a chunk");
    line(stream);
    String::from_utf8(bytes).expect("whole characters")
}

fn line(stream: &mut impl BufRead) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}
