//! The most memory that many large media take, held or written to files as they arrive.

use super::client::emulator;
use crate::Failure;
use crate::process::{MEASURED, outcome, role};
use crate::rows::gateway::Access;
use crate::table::{Pair, Row, Target, Unit};

const AT_ONCE: usize = 64;
const SIZE: usize = 10 << 20;

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    let bytes = (AT_ONCE * SIZE) as f64;
    let mebibytes = bytes / f64::from(1 << 20);
    row(
        Row {
            what: "memory: peak, 64 × 10 MiB at once, in memory".to_owned(),
            against: "the bytes themselves; 1.15 of them and 30 MiB are allowed",
            target: Target::AtMost(1.15 + 30.0 / mebibytes),
            unit: Unit::Mebibytes,
        },
        against_bytes("buffered", bytes),
    );
    row(
        Row {
            what: "memory: peak, 64 × 10 MiB at once, to files".to_owned(),
            against: "40 MiB",
            target: Target::AtMost(1.0),
            unit: Unit::Mebibytes,
        },
        against_bytes("streamed", f64::from(40 << 20)),
    );
}

fn against_bytes(kind: &str, bytes: f64) -> Result<Vec<Pair>, Failure> {
    let server = emulator(SIZE)?;
    let url = server.said::<Access>()?.url;
    let [size, at_once] = [SIZE, AT_ONCE].map(|number| number.to_string());
    let arguments = ["memory", kind, &url, &size, &at_once];
    (0..3)
        .map(|_| Ok((outcome(&mut role(MEASURED, &arguments)?)?, bytes)))
        .collect()
}
