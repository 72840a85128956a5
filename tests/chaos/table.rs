//! The table, printed as it comes about.

use super::case::Outcome;
use super::cell::Cell;

/// Prints rows in columns that fit all of them.
pub(super) struct Table {
    fault: usize,
    calls: usize,
    outcome: usize,
    cells: usize,
    calls_made: usize,
    faults: usize,
    survived: usize,
    requests: usize,
}

impl Table {
    pub(super) fn of(title: &str, cells: &[Cell]) -> Self {
        let widest = |of: fn(&Cell) -> String| cells.iter().map(|it| of(it).chars().count()).max();
        let table = Self {
            fault: widest(|it| it.case.to_string()).unwrap_or_default(),
            calls: widest(|it| it.calls.to_string()).unwrap_or_default(),
            outcome: widest(|it| it.expected().to_string()).unwrap_or_default(),
            cells: 0,
            calls_made: 0,
            faults: 0,
            survived: 0,
            requests: 0,
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

    /// A case whose cells follow.
    pub(super) fn fault(&mut self) {
        self.faults += 1;
    }

    /// Prints what came of a cell, and adds it up; an error says how it differs from what was
    /// expected.
    pub(super) fn add(&mut self, cell: &Cell, got: &Result<Outcome, String>) -> Result<(), String> {
        let Cell {
            case,
            client,
            calls,
        } = cell;
        let expected = cell.expected();
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
            Ok(outcome) if *outcome == expected => {
                self.cells += 1;
                self.calls_made += calls.number();
                self.survived += usize::from(outcome.is_survived());
                self.requests += outcome.sent();
                Ok(())
            }
            _ => Err(format!(
                "{:?} with {case}, {client}, {calls}: expected {expected}; got {seen}",
                case.api
            )),
        }
    }

    /// Prints the sums.
    pub(super) fn sums(&self) {
        let Self {
            cells,
            calls_made,
            faults,
            survived,
            requests,
            ..
        } = self;
        println!(
            "\n{faults} faults tried in {cells} runs; survived without notice in {survived}, and \
             as told in the others; {calls_made} calls, {requests} requests sent"
        );
    }
}
