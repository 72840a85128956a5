//! Every fault against every client, many at once as well: the whole table, printed.

use std::process::Command;

use crate::node;
use crate::steps::{Failure, cargo, run};

/// The test that is the table.
const TABLE: &str = "chaos::every_fault_comes_to_what_the_whole_table_says";

/// Prints the table, and stops at the first cell that is not as it says.
pub(crate) fn table() -> Result<(), Failure> {
    node::install()?;
    // A name that no test has would pass.
    let listed = test(&["--list"])
        .output()
        .map_err(|error| format!("cargo test: {error}"))?;
    if !String::from_utf8_lossy(&listed.stdout).contains(TABLE) {
        return Err(format!(
            "the test {TABLE} is not there: {}",
            String::from_utf8_lossy(&listed.stderr)
        ));
    }
    run(test(&["--nocapture"]))
}

fn test(arguments: &[&str]) -> Command {
    let mut test = cargo(&["test", "--quiet", "--package=cloudcall-tests"]);
    test.args(["--test=end-to-end", "--", "--ignored", "--exact", TABLE]);
    test.args(arguments);
    test
}
