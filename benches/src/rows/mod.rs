//! The rows: what is compared with what. One file a kind.

mod client;
mod dev;
mod gateway;
mod memory;
mod scaling;
mod server;
mod tokens;
mod tool;

use std::process::ExitCode;

use crate::process::Rate;
use crate::table::{Claim, Pair, Report};
use crate::{Failure, machine};

/// A group of rows by the name it is asked for, and what measures it.
type Group = (&'static str, fn(&mut Report));

const GROUPS: [Group; 8] = [
    ("client", client::rows),
    ("server", server::rows),
    ("gateway", gateway::rows),
    ("memory", memory::rows),
    ("tokens", tokens::rows),
    ("tool", tool::rows),
    ("scaling", scaling::rows),
    ("dev", dev::rows),
];

/// Prints the table of these groups, or of all, and then the short one. A row that could not be
/// measured fails the run; one that falls short does not: it is there to be read.
pub(crate) fn measure(wanted: &[String]) -> ExitCode {
    let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!("cloudcall-bench: {unknown} is none of {}", names.join(", "));
        return ExitCode::from(2);
    }
    println!("{}\n", machine::describe());
    let mut report = Report::default();
    report.head();
    for (name, rows) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            rows(&mut report);
        }
    }
    println!("\nIn short:\n");
    report.in_short();
    if report.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What was measured on one side and on the other, in each round.
type Rounds<T> = Result<Vec<(T, T)>, Failure>;

/// How many rounds count.
const ROUNDS: usize = 11;

/// Measures one side and the other in turn, so that what the machine does meanwhile meets both.
fn in_turn<T>(
    one: impl FnMut() -> Result<T, Failure>,
    other: impl FnMut() -> Result<T, Failure>,
) -> Rounds<T> {
    rounds(ROUNDS, one, other)
}

fn rounds<T>(
    count: usize,
    mut one: impl FnMut() -> Result<T, Failure>,
    mut other: impl FnMut() -> Result<T, Failure>,
) -> Rounds<T> {
    // The first round reads files and fills caches, and does not count.
    one()?;
    other()?;
    (0..count).map(|_| Ok((one()?, other()?))).collect()
}

/// One figure of what was measured, for a row of its own.
fn figure<T>(rounds: &Rounds<T>, of: impl Fn(&T) -> f64) -> Result<Vec<Pair>, Failure> {
    match rounds {
        Ok(rounds) => Ok(rounds
            .iter()
            .map(|(one, other)| (of(one), of(other)))
            .collect()),
        Err(why) => Err(why.to_string().into()),
    }
}

/// A row for the rates by the clock, and one for those in a core-second.
fn two_rows(report: &mut Report, claims: [Claim; 2], case: &str, rates: &Rounds<Rate>) {
    let [second, core_second] = claims;
    report.row(&second, case, figure(rates, |rate| rate.second));
    report.row(&core_second, case, figure(rates, |rate| rate.core_second));
}
