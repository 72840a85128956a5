//! How much a client may take of a server: connections, bytes of a head, and time.

use std::time::Duration;

/// The limits of one server. The defaults are far from what a real client needs.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections are served at a time. Further ones wait until another ends, as then
    /// each does after its answer.
    pub connections: u32,
    /// How long a connection is idle until it is closed for others that wait. Sooner, and its
    /// client may be about to send a request that nobody would answer.
    pub idle: Duration,
    /// How long a head may take, from its first byte; the first head of a connection from its
    /// start. Idle connections have no limit: a function in a debugger answers after hours, on the
    /// connection that brought the event.
    pub head: Duration,
    /// The largest head, in bytes.
    pub head_size: usize,
    /// How slow the sender of a body may be.
    pub body: Patience,
    /// How slow the reader of an answer may be.
    pub answer: Patience,
}

/// How slow the other side may be: each byte within `stall` of the one before, and all of them
/// within `stall` and what they take at `rate`.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long nothing may move.
    pub stall: Duration,
    /// In bytes a second, once `stall` has passed.
    pub rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A test that makes a thousand calls at once fits. The operating system may allow
            // fewer, and is then asked again.
            connections: 1024,
            idle: Duration::from_secs(5),
            head: Duration::from_secs(30),
            // A URL of the SDK has 32 KiB at most.
            head_size: 64 << 10,
            body: Patience {
                stall: Duration::from_secs(60),
                rate: 16 << 10,
            },
            // A Node process that a debugger has stopped does not read.
            answer: Patience {
                stall: Duration::from_secs(10 * 60),
                rate: 16 << 10,
            },
        }
    }
}
