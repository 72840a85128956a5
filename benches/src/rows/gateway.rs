//! The gateway behind `wx-server-sdk`, against a canned reply.

use std::cell::RefCell;

use super::client::emulator;
use super::{Rounds, in_turn, two_rows};
use crate::Failure;
use crate::process::{OTHER, Rate, role};
use crate::server::Server;
use crate::table::{Claim, Report, Target, Unit};
use crate::wx_server_sdk::WxServerSdk;

/// Calls of one round.
const CALLS: usize = 320;

const AGAINST: &str = "the same process and a canned reply";

const SECOND: Claim = Claim::new(
    "gateway: wx-server-sdk's calls/s",
    AGAINST,
    Target::AtLeast(0.95),
    Unit::PerSecond,
);

const CORE_SECOND: Claim = Claim::new(
    "gateway: wx-server-sdk's calls in a core-second of both",
    AGAINST,
    Target::Stated,
    Unit::PerSecond,
);

pub(super) fn rows(report: &mut Report) {
    for (size, label) in [(1_000, "1 KB"), (100_000, "100 KB")] {
        for at_once in [1, 32] {
            let rates = against_canned(size, at_once);
            let case = format!("{label}, {at_once} at once");
            two_rows(report, [SECOND, CORE_SECOND], &case, &rates);
        }
    }
}

fn against_canned(size: usize, at_once: usize) -> Rounds<Rate> {
    let [gateway, canned] = [emulator(size)?, canned(size)?];
    // One process for both: two of them differ by more than what is measured, each by how its
    // compiler and its heap happen to have gone.
    let node = WxServerSdk::start(&[&gateway.access, &canned.access], size, at_once)?;
    let node = RefCell::new(node);
    in_turn(
        || of_both(&mut node.borrow_mut(), &gateway, &canned),
        || of_both(&mut node.borrow_mut(), &canned, &gateway),
    )
}

/// The CPU time is that of the Node process and of the server that answers it: what they would come
/// to if they shared a core. The other side's server must have had nothing to do.
fn of_both(node: &mut WxServerSdk, server: &Server, idle: &Server) -> Result<Rate, Failure> {
    let before = [server.cpu_ns()?, idle.cpu_ns()?];
    let spent = node.call(&server.access, CALLS)?;
    let [served, strayed] = [server.cpu_ns()? - before[0], idle.cpu_ns()? - before[1]];
    // It may still close a connection.
    if strayed > served / 4.0 {
        return Err("some requests went to the other side's server".into());
    }
    Ok(Rate::new(&spent, spent.cpu_ns + served))
}

/// A gateway that says the same to everyone, on the other core.
pub(super) fn canned(size: usize) -> Result<Server, Failure> {
    Server::that_tells(&mut role(
        OTHER,
        &["server", "canned", &size.to_string(), "1"],
    )?)
}
