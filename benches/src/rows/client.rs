//! The SDK as a client, against a bare reqwest GET and against `wx-server-sdk` in Node.

use super::{in_turn, rounds};
use crate::Failure;
use crate::client::{Client, InTurn};
use crate::process::{OTHER, role};
use crate::server::Server;
use crate::table::{Claim, Pair, Report, Target, Unit};
use crate::wx_server_sdk::WxServerSdk;

/// Bytes, what they are called, how many calls make a round, and the target.
const SIZES: [(usize, &str, usize, Target); 3] = [
    (1_000, "1 KB", 3_200, Target::Stated),
    (100_000, "100 KB", 1_280, Target::AtMost(1.10)),
    (1_000_000, "1 MB", 256, Target::AtMost(1.05)),
];

/// Against reqwest, where the difference is small: for seconds a call of either side may cost twice
/// what it does in others, as the bytes come in many pieces or in few.
const MANY: usize = 45;

/// How many processes of a side take turns.
const PROCESSES: usize = 9;

const AGAINST_NODE: Claim = Claim::new(
    "SDK: calls in a core-second",
    "wx-server-sdk 4.0.2 in Node",
    Target::AtLeast(25.0),
    Unit::PerSecond,
);

pub(super) fn rows(report: &mut Report) {
    for (size, label, calls, target) in SIZES {
        let claim = Claim::new(
            "SDK: CPU of a get_temp_media",
            "reqwest GET of the URL, body read",
            target,
            Unit::Microseconds,
        );
        for at_once in [1, 32] {
            let case = format!("{label}, {at_once} at once");
            report.row(&claim, case, against_reqwest(size, at_once, calls));
        }
    }
    for at_once in [1, 32] {
        let case = format!("100 KB, {at_once} at once");
        report.row(&AGAINST_NODE, case, against_node(100_000, at_once));
    }
}

fn against_reqwest(size: usize, at_once: usize, calls: usize) -> Result<Vec<Pair>, Failure> {
    let server = emulator(size)?;
    let start = |kind| {
        let url = &server.access.url;
        InTurn::start(PROCESSES, move || {
            Client::in_rust(kind, url, size, at_once, calls)
        })
    };
    let (mut sdk, mut reqwest) = (start("sdk")?, start("reqwest")?);
    rounds(
        MANY,
        || Ok(sdk.next().call(calls)?.cpu_of_a_call()),
        || Ok(reqwest.next().call(calls)?.cpu_of_a_call()),
    )
}

fn against_node(size: usize, at_once: usize) -> Result<Vec<Pair>, Failure> {
    let server = emulator(size)?;
    let gateway = &server.access;
    let start = || Client::in_rust("sdk", &gateway.url, size, at_once, 1_280);
    let mut sdk = InTurn::start(PROCESSES, start)?;
    // Each takes seconds to become fast.
    let mut node = InTurn::start(3, || WxServerSdk::start(&[gateway], size, at_once))?;
    in_turn(
        || Ok(1e9 / sdk.next().call(5_120)?.cpu_of_a_call()),
        || Ok(1e9 / node.next().call(gateway, 320)?.cpu_of_a_call()),
    )
}

/// The emulator with one media of this size, on the other core.
pub(super) fn emulator(size: usize) -> Result<Server, Failure> {
    Server::that_tells(&mut role(
        OTHER,
        &["server", "emulator", &size.to_string(), "1"],
    )?)
}
