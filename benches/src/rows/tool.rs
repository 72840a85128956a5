//! The tool as a newcomer waits for it: `invoke` of a Node function, and `check` of many.

use super::gateway::canned;
use super::in_turn;
use crate::Failure;
use crate::process::{BOTH, MEASURED, built, duration, pinned, root};
use crate::table::{Claim, Pair, Report, Target, Unit};
use crate::wx_server_sdk::as_a_function;

#[path = "../../../tests/large_project.rs"]
mod large_project;

const FUNCTION: &str = "get-temp-media-node";
const EVENT: &str = r#"{"mediaId":"sample"}"#;
const FUNCTIONS: usize = 200;

const INVOKE: Claim = Claim::new(
    "invoke: a Node function once",
    "node with the function, the SDK and a canned reply",
    Target::AtMost(1.25),
    Unit::Milliseconds,
);

const CHECK: Claim = Claim::new(
    "check: a project of 200 functions",
    "node that only parses the files, in one process",
    Target::Stated,
    Unit::Milliseconds,
);

pub(super) fn rows(report: &mut Report) {
    report.row(&INVOKE, "112 KB", invoke());
    report.row(&CHECK, "600 files", check());
}

/// The time from start to end, on both cores, as on a developer's machine.
fn invoke() -> Result<Vec<Pair>, Failure> {
    let size = root().join("media/sample.jpg").metadata()?.len();
    let server = canned(usize::try_from(size)?)?;
    let tool = built("cloudcall")?;
    let function = root().join("functions").join(FUNCTION).canonicalize()?;
    in_turn(
        || {
            let mut invoke = pinned(BOTH, &tool);
            invoke
                .args(["invoke", FUNCTION, "--event", EVENT])
                .current_dir(root());
            Ok(duration(&mut invoke)?.as_nanos() as f64)
        },
        || {
            let mut node = pinned(BOTH, "node");
            node.arg(root().join("benches/node/once.cjs"))
                .arg(&function)
                .arg(EVENT);
            Ok(duration(as_a_function(&mut node, &server.access))?.as_nanos() as f64)
        },
    )
}

/// The time from start to end, on one core.
fn check() -> Result<Vec<Pair>, Failure> {
    let folder = tempfile::tempdir()?;
    large_project::write(folder.path(), FUNCTIONS)?;
    let tool = built("cloudcall")?;
    in_turn(
        || {
            let mut check = pinned(MEASURED, &tool);
            check.arg("check").current_dir(folder.path());
            Ok(duration(&mut check)?.as_nanos() as f64)
        },
        || {
            let mut node = pinned(MEASURED, "node");
            node.arg(root().join("benches/node/syntax.cjs"))
                .arg(folder.path().join("functions"));
            Ok(duration(&mut node)?.as_nanos() as f64)
        },
    )
}
