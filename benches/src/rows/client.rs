//! The SDK as a client, against a bare reqwest GET and against `wx-server-sdk` in Node.

use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{MEASURED, OTHER, Server, Spent, outcome, role};
use crate::rows::gateway::{Access, node};
use crate::table::{Pair, Row, Target, Unit};

/// Bytes, what they are called, how many calls make a round, and the target.
const SIZES: [(usize, &str, usize, Target); 3] = [
    (1_000, "1 KB", 3_200, Target::Stated),
    (100_000, "100 KB", 1_280, Target::AtMost(1.10)),
    (1_000_000, "1 MB", 192, Target::AtMost(1.05)),
];

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    for (size, label, calls, target) in SIZES {
        for at_once in [1, 32] {
            let what = format!("SDK: CPU of a get_temp_media, {label}, {at_once} at once");
            let against = "reqwest GET of the URL, body read";
            let unit = Unit::Microseconds;
            row(
                Row {
                    what,
                    against,
                    target,
                    unit,
                },
                against_reqwest(size, at_once, calls),
            );
        }
    }
    for at_once in [1, 32] {
        row(
            Row {
                what: format!("SDK: calls in a core-second, 100 KB, {at_once} at once"),
                against: "wx-server-sdk 4.0.2 in Node",
                target: Target::AtLeast(25.0),
                unit: Unit::PerSecond,
            },
            against_node(at_once),
        );
    }
}

fn against_reqwest(size: usize, at_once: usize, calls: usize) -> Result<Vec<Pair>, Failure> {
    let server = emulator(size)?;
    let url = server.said::<Access>()?.url;
    in_turn(
        ROUNDS,
        || Ok(client("sdk", &url, size, at_once, calls)?.cpu_of_a_call()),
        || Ok(client("reqwest", &url, size, at_once, calls)?.cpu_of_a_call()),
    )
}

fn against_node(at_once: usize) -> Result<Vec<Pair>, Failure> {
    let size = 100_000;
    let server = emulator(size)?;
    let access = server.said::<Access>()?;
    in_turn(
        ROUNDS,
        || Ok(1e9 / client("sdk", &access.url, size, at_once, 1_280)?.cpu_of_a_call()),
        || Ok(1e9 / node(&access, size, at_once, 160)?.cpu_of_a_call()),
    )
}

fn client(
    kind: &str,
    url: &str,
    size: usize,
    at_once: usize,
    calls: usize,
) -> Result<Spent, Failure> {
    let [size, at_once, calls] = [size, at_once, calls].map(|number| number.to_string());
    outcome(&mut role(
        MEASURED,
        &["client", kind, url, &size, &at_once, &calls],
    )?)
}

/// The emulator with one media of this size, on the other core.
pub(super) fn emulator(size: usize) -> Result<Server, Failure> {
    Server::start(&mut role(
        OTHER,
        &["server", "emulator", &size.to_string(), "1"],
    )?)
}
