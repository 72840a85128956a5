//! The gateway behind `wx-server-sdk`, against a canned reply.

use std::process::Command;

use serde::Deserialize;

use super::client::emulator;
use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{MEASURED, OTHER, Server, Spent, outcome, pinned, role, root};
use crate::table::{Pair, Row, Target, Unit};

/// Where a server is, and what a function is known by there.
#[derive(Deserialize)]
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) token: String,
}

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    for (size, label) in [(1_000, "1 KB"), (100_000, "100 KB")] {
        for at_once in [1, 32] {
            row(
                Row {
                    what: format!(
                        "gateway: wx-server-sdk's calls in a core-second of both, {label}, {at_once} at once"
                    ),
                    against: "the same process and a canned reply",
                    target: Target::AtLeast(0.95),
                    unit: Unit::PerSecond,
                },
                against_canned(size, at_once),
            );
        }
    }
}

fn against_canned(size: usize, at_once: usize) -> Result<Vec<Pair>, Failure> {
    let [gateway, canned] = [emulator(size)?, canned(size)?];
    in_turn(
        ROUNDS,
        || of_both(&gateway, size, at_once),
        || of_both(&canned, size, at_once),
    )
}

/// Calls in a second of CPU time, of the Node process and of the server that answers it: what they
/// would come to if they shared a core.
fn of_both(server: &Server, size: usize, at_once: usize) -> Result<f64, Failure> {
    let before = server.cpu_ns()?;
    let node = node(&server.said()?, size, at_once, 320)?;
    // The server has seen as many calls before, which did not count.
    let of_server = (server.cpu_ns()? - before) / (node.calls * 2.0);
    Ok(1e9 / (node.cpu_of_a_call() + of_server))
}

/// A gateway that says the same to everyone, on the other core.
pub(super) fn canned(size: usize) -> Result<Server, Failure> {
    Server::start(&mut role(
        OTHER,
        &["server", "canned", &size.to_string(), "1"],
    )?)
}

/// Calls of `wx-server-sdk` in a Node process of its own.
pub(super) fn node(
    access: &Access,
    size: usize,
    at_once: usize,
    calls: usize,
) -> Result<Spent, Failure> {
    let mut node = pinned(MEASURED, "node");
    node.arg(root().join("benches/node/client.cjs"))
        .args([size, at_once, calls].map(|number| number.to_string()));
    outcome(as_a_function(&mut node, access))
}

/// Sets what `wx-server-sdk` finds in a function's environment. The tool's own preload script keeps
/// its look for Tencent's cloud on this machine, for either server.
pub(super) fn as_a_function<'a>(command: &'a mut Command, access: &Access) -> &'a mut Command {
    let preload = root().join("crates/cli/src/runner/node/preload.cjs");
    command.envs([
        ("NODE_OPTIONS", format!("--require={}", preload.display())),
        ("CLOUDCALL_GATEWAY", access.url.clone()),
        (
            "TCB_CONTEXT_CNFG",
            format!(r#"{{"URL":"{}/admin"}}"#, access.url),
        ),
        ("WX_API_TOKEN", access.token.clone()),
    ]);
    command.envs([
        ("TENCENTCLOUD_RUNENV", "WX_LOCAL_SCF"),
        ("TENCENTCLOUD_REGION", "ap-shanghai"),
        ("TENCENTCLOUD_SECRETID", "local"),
        ("TENCENTCLOUD_SECRETKEY", "local"),
        ("TENCENTCLOUD_SESSIONTOKEN", ""),
        ("TCB_ENV", "cloudcall-local"),
        ("SCF_NAMESPACE", "cloudcall-local"),
        ("TCB_SOURCE", "wx_client"),
        ("SCF_FUNCTIONNAME", "bench"),
        ("WX_CONTEXT_KEYS", "WX_API_TOKEN"),
    ])
}
