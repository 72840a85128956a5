//! What this program plays when it is started as one side of a comparison.

mod client;
mod load;
mod memory;
mod scaling;
mod server;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

/// The app of the emulator here; its secret guards nothing.
pub(crate) const APP_ID: &str = "wx1234567890abcdef";
pub(crate) const APP_SECRET: &str = "bench";

/// The one Cloud Call that is made here.
const API: &str = "customerServiceMessage.getTempMedia";

/// Media of this size: what makes it a png, and then zeros.
pub(crate) fn media(size: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(size, 0);
    bytes
}

/// Plays the role that the first argument names.
pub(crate) fn play(arguments: &[String]) -> Result<(), Failure> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", kind, size, count] => server::serve(kind, size.parse()?, count.parse()?),
        ["client", kind, url, size, at_once] => {
            client::call(kind, url, size.parse()?, at_once.parse()?)
        }
        ["load", url, media, connections, requests] => {
            load::ask(url, media.parse()?, connections.parse()?, requests.parse()?)
        }
        ["post", connections, requests, ref urls @ ..] => {
            load::post(urls, connections.parse()?, requests.parse()?)
        }
        ["memory", kind, url, size, at_once] => {
            memory::peak(kind, url, size.parse()?, at_once.parse()?)
        }
        ["scaling", workers, calls] => scaling::call(workers.parse()?, calls.parse()?),
        _ => Err(format!("no such role: {arguments:?}").into()),
    }
}

/// What this process has spent since something began: CPU time on all cores, and the clock's.
struct Stopwatch {
    cpu: Duration,
    wall: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            cpu: cpu(),
            wall: Instant::now(),
        }
    }

    /// Prints what these calls took, for who has started this process.
    fn tell(self, calls: usize) {
        let wall = self.wall.elapsed().as_nanos();
        let cpu = (cpu() - self.cpu).as_nanos();
        println!(r#"{{"cpu_ns":{cpu},"wall_ns":{wall},"calls":{calls}}}"#);
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("CPU time is not negative")
}
