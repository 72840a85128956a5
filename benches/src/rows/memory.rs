//! The most memory that many large media take, held or written to files as they arrive.

use super::client::emulator;
use crate::Failure;
use crate::process::{MEASURED, outcome, role};
use crate::table::{Claim, Pair, Report, Target, Unit};

const AT_ONCE: usize = 64;
const SIZE: usize = 10 << 20;
const CASE: &str = "64 × 10 MiB at once";

const BYTES: f64 = (AT_ONCE * SIZE) as f64;
const MEBIBYTE: f64 = (1 << 20) as f64;

const BUFFERED: Claim = Claim::new(
    "memory: peak, in memory",
    "the bytes themselves; 1.15 of them and 30 MiB are allowed",
    Target::AtMost(1.15 + 30.0 * MEBIBYTE / BYTES),
    Unit::Mebibytes,
);

const STREAMED: Claim = Claim::new(
    "memory: peak, to files",
    "40 MiB",
    Target::AtMost(1.0),
    Unit::Mebibytes,
);

pub(super) fn rows(report: &mut Report) {
    report.row(&BUFFERED, CASE, against_bytes("buffered", BYTES));
    report.row(&STREAMED, CASE, against_bytes("streamed", 40.0 * MEBIBYTE));
}

fn against_bytes(kind: &str, bytes: f64) -> Result<Vec<Pair>, Failure> {
    let server = emulator(SIZE)?;
    let [size, at_once] = [SIZE, AT_ONCE].map(|number| number.to_string());
    let arguments = ["memory", kind, &server.access.url, &size, &at_once];
    (0..3)
        .map(|_| Ok((outcome(&mut role(MEASURED, &arguments)?)?, bytes)))
        .collect()
}
