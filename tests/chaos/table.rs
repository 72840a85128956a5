//! The table, printed as it comes about.

use std::fmt;

use super::case::Outcome;
use super::cell::Cell;

/// Prints rows in columns that fit all of them.
pub(super) struct Table {
    fault: usize,
    calls: usize,
    outcome: usize,
}

/// What the rows add up to.
#[derive(Default)]
pub(super) struct Sums {
    faults: usize,
    runs: usize,
    survived: usize,
    calls: usize,
    requests: usize,
}

impl Table {
    pub(super) fn of(title: &str, cells: &[Cell]) -> Self {
        let widest = |of: fn(&Cell) -> String| cells.iter().map(|it| of(it).chars().count()).max();
        let table = Self {
            fault: widest(|it| it.case.to_string()).unwrap_or_default(),
            calls: widest(|it| it.calls.to_string()).unwrap_or_default(),
            outcome: widest(|it| it.expected.to_string()).unwrap_or_default(),
        };
        println!("\n{title}\n");
        table.line("fault", "client", "calls", "expected", "got");
        table
    }

    fn line(&self, fault: &str, client: &str, calls: &str, expected: &str, got: &str) {
        let Self {
            fault: f,
            calls: c,
            outcome: o,
            ..
        } = self;
        println!("{fault:<f$} | {client:<7} | {calls:<c$} | {expected:<o$} | {got}");
    }

    /// Prints what came of a cell, and adds it up; an error says how it differs from what was
    /// expected.
    pub(super) fn row(
        &self,
        cell: &Cell,
        got: &Result<Outcome, String>,
        sums: &mut Sums,
    ) -> Result<(), String> {
        let Cell {
            case,
            client,
            calls,
            expected,
        } = cell;
        let seen = match got {
            Ok(outcome) => outcome.to_string(),
            Err(wrong) => format!("WRONG: {wrong}"),
        };
        self.line(
            &case.to_string(),
            &client.to_string(),
            &calls.to_string(),
            &expected.to_string(),
            &seen,
        );
        match got {
            Ok(outcome) if outcome == expected => {
                sums.runs += 1;
                sums.survived += usize::from(outcome.is_survived());
                sums.calls += calls.number();
                sums.requests += outcome.sent();
                Ok(())
            }
            _ => Err(format!(
                "{:?} with {case}, {client}, {calls}: expected {expected}; got {seen}",
                case.api
            )),
        }
    }
}

impl Sums {
    /// One more fault.
    pub(super) fn fault(&mut self) {
        self.faults += 1;
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            faults,
            runs,
            survived,
            calls,
            requests,
        } = self;
        write!(
            f,
            "{faults} faults tried in {runs} runs of {calls} calls, which sent {requests} requests: \
             survived in {survived} runs, and failed as expected in {}",
            runs - survived
        )
    }
}
