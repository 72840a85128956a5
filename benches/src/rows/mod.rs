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

use crate::table::{HEAD, Pair, Row, line};
use crate::{Failure, machine};

/// A group of rows by the name it is asked for, and what measures it.
type Group = (
    &'static str,
    fn(&mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)),
);

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

/// Prints the table of these groups, or of all. A row that could not be measured fails the run;
/// one that falls short does not: it is there to be read.
pub(crate) fn measure(wanted: &[String]) -> ExitCode {
    let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!("cloudcall-bench: {unknown} is none of {}", names.join(", "));
        return ExitCode::from(2);
    }
    println!("{}\n\n{HEAD}", machine::describe());
    let mut is_whole = true;
    for (name, rows) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            rows(&mut |row, pairs| {
                is_whole &= pairs.is_ok();
                println!("{}", line(&row, &pairs));
            });
        }
    }
    if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Measures one side and the other in turn, so that what the machine does meanwhile meets both.
fn in_turn(
    rounds: usize,
    mut one: impl FnMut() -> Result<f64, Failure>,
    mut other: impl FnMut() -> Result<f64, Failure>,
) -> Result<Vec<Pair>, Failure> {
    // The first round reads files and fills caches, and does not count.
    one()?;
    other()?;
    (0..rounds).map(|_| Ok((one()?, other()?))).collect()
}

/// How many rounds count.
const ROUNDS: usize = 5;
