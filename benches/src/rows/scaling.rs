//! What a second core brings, and what more media cost.

use super::server::{in_a_core_second, server};
use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{BOTH, MEASURED, Spent, outcome, role};
use crate::table::{Pair, Row, Target, Unit};

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    row(
        Row {
            what: "scaling: calls in a core-second, SDK and emulator without a socket, 2 cores"
                .to_owned(),
            against: "1 core",
            target: Target::AtLeast(0.9),
            unit: Unit::PerSecond,
        },
        cores(),
    );
    for (count, what) in [(100, "100 media"), (10_000, "10,000 media")] {
        row(
            Row {
                what: format!("scaling: media/get in a core-second, 1 KB, {what}"),
                against: "1 media",
                target: Target::AtLeast(0.9),
                unit: Unit::PerSecond,
            },
            media(count),
        );
    }
}

fn cores() -> Result<Vec<Pair>, Failure> {
    let in_a_core_second = |cores, workers| {
        let spent: Spent = outcome(&mut role(cores, &["scaling", workers, "64000"])?)?;
        Ok(1e9 / spent.cpu_of_a_call())
    };
    in_turn(
        ROUNDS,
        || in_a_core_second(BOTH, "2"),
        || in_a_core_second(MEASURED, "1"),
    )
}

fn media(count: usize) -> Result<Vec<Pair>, Failure> {
    let [many, single] = [
        server("emulator", 1_000, count)?,
        server("emulator", 1_000, 1)?,
    ];
    in_turn(
        ROUNDS,
        || in_a_core_second(&many, count, 4_800),
        || in_a_core_second(&single, 1, 4_800),
    )
}
