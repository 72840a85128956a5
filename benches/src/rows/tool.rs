//! The tool as a newcomer waits for it: `invoke` of a Node function, and `check` of many.

use super::gateway::{as_a_function, canned};
use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{BOTH, MEASURED, cloudcall, duration, pinned, root};
use crate::rows::gateway::Access;
use crate::table::{Pair, Row, Target, Unit};

#[path = "../../../tests/large_project.rs"]
mod large_project;

const FUNCTION: &str = "get-temp-media-node";
const EVENT: &str = r#"{"mediaId":"sample"}"#;
const FUNCTIONS: usize = 200;

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    row(
        Row {
            what: "invoke: a Node function once, 112 KB".to_owned(),
            against: "node with the function, the SDK and a canned reply",
            target: Target::AtMost(1.25),
            unit: Unit::Milliseconds,
        },
        invoke(),
    );
    row(
        Row {
            what: "check: a project of 200 functions, 600 files".to_owned(),
            against: "node that only parses the files, in one process",
            target: Target::Stated,
            unit: Unit::Milliseconds,
        },
        check(),
    );
}

/// The time from start to end, on both cores, as on a developer's machine.
fn invoke() -> Result<Vec<Pair>, Failure> {
    let size = root().join("media/sample.jpg").metadata()?.len();
    let server = canned(usize::try_from(size)?)?;
    let access = server.said::<Access>()?;
    let tool = cloudcall()?;
    let function = root().join("functions").join(FUNCTION).canonicalize()?;
    in_turn(
        ROUNDS,
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
            Ok(duration(as_a_function(&mut node, &access))?.as_nanos() as f64)
        },
    )
}

/// The time from start to end, on one core.
fn check() -> Result<Vec<Pair>, Failure> {
    let folder = tempfile::tempdir()?;
    large_project::write(folder.path(), FUNCTIONS)?;
    let tool = cloudcall()?;
    in_turn(
        ROUNDS,
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
