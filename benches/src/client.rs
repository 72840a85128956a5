//! Clients that live through all rounds, so that their start and their compiler count in none.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;

use crate::Failure;
use crate::process::{MEASURED, Spent, role};

/// A process that does what a line on its stdin says, and tells in one on stdout what that took.
pub(crate) struct Client {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Client {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (asked, told) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            asked: asked.ok_or("no stdin")?,
            told: BufReader::new(told.ok_or("no stdout")?),
        })
    }

    /// One in Rust: `kind` is `sdk` or `reqwest`. Its first calls do not count.
    pub(crate) fn in_rust(
        kind: &str,
        url: &str,
        size: usize,
        at_once: usize,
        first: usize,
    ) -> Result<Self, Failure> {
        let [size, at_once] = [size, at_once].map(|number| number.to_string());
        let mut command = role(MEASURED, &["client", kind, url, &size, &at_once])?;
        let mut client = Self::start(&mut command)?;
        client.call(first)?;
        Ok(client)
    }

    /// Does this, which is written as JSON.
    pub(crate) fn call(&mut self, what: impl Serialize) -> Result<Spent, Failure> {
        writeln!(self.asked, "{}", serde_json::to_string(&what)?)?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        if line.is_empty() {
            return Err("a client ended: see stderr".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes that take turns: each has its luck with its heap, and with what its compiler makes, so
/// that one would not tell what the next one is like.
pub(crate) struct InTurn<C> {
    all: Vec<C>,
    latest: usize,
}

impl<C> InTurn<C> {
    /// So many of them.
    pub(crate) fn start(
        count: usize,
        start: impl Fn() -> Result<C, Failure>,
    ) -> Result<Self, Failure> {
        let all = (0..count).map(|_| start());
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            latest: 0,
        })
    }

    pub(crate) fn next(&mut self) -> &mut C {
        self.latest = (self.latest + 1) % self.all.len();
        &mut self.all[self.latest]
    }
}
