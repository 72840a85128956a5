//! What a second core brings, and what more media cost.

use super::server::{load, server};
use super::{Rounds, figure, in_turn, two_rows};
use crate::Failure;
use crate::process::{BOTH, MEASURED, Rate, Spent, outcome, role};
use crate::table::{Claim, Pair, Report, Target, Unit};

/// Calls of one round.
const CALLS: &str = "256000";

const SECOND: Claim = Claim::new(
    "scaling: calls/s, SDK and emulator without a socket",
    "1 core",
    Target::AtLeast(1.8),
    Unit::PerSecond,
);

const CORE_SECOND: Claim = Claim::new(
    "scaling: calls in a core-second, SDK and emulator without a socket",
    "1 core",
    Target::Stated,
    Unit::PerSecond,
);

const MEDIA: Claim = Claim::new(
    "scaling: media/get in a core-second, 1 KB",
    "1 media",
    Target::AtLeast(0.9),
    Unit::PerSecond,
);

pub(super) fn rows(report: &mut Report) {
    two_rows(report, [SECOND, CORE_SECOND], "2 cores", &cores());
    for (count, case) in [(100, "100 media"), (10_000, "10,000 media")] {
        report.row(&MEDIA, case, media(count));
    }
}

fn cores() -> Rounds<Rate> {
    let rate = |cores, workers| {
        let spent: Spent = outcome(&mut role(cores, &["scaling", workers, CALLS])?)?;
        Ok(Rate::new(&spent, spent.cpu_ns))
    };
    in_turn(|| rate(BOTH, "2"), || rate(MEASURED, "1"))
}

fn media(count: usize) -> Result<Vec<Pair>, Failure> {
    let [many, single] = [
        server("emulator", 1_000, count)?,
        server("emulator", 1_000, 1)?,
    ];
    let rates = in_turn(
        || many.rate(|| load(&many, count, 4_800)),
        || single.rate(|| load(&single, 1, 4_800)),
    );
    figure(&rates, |rate| rate.core_second)
}
