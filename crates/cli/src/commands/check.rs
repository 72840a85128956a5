//! `cloudcall check`: the functions' code against their `config.json`.

use std::collections::BTreeSet;

use super::Context;
use crate::check::{self, CheckError, Level, Report};
use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::runner::Project;

pub(super) async fn run(args: CheckArgs, context: Context) -> Result<(), Failure> {
    let project = Project::find(&context.root, args.project.as_deref())?;
    let functions = if args.functions.is_empty() {
        project.functions()?
    } else {
        let names: BTreeSet<_> = args.functions.iter().collect();
        let named = names.into_iter().map(|name| project.function(name));
        named.collect::<Result<_, _>>()?
    };
    if functions.is_empty() {
        return Err(
            Failure::usage("the functions folder holds no function").hint(
                "a function is a folder that holds an index.js, a package.json or a Cargo.toml",
            ),
        );
    }
    let fix = args.fix;
    // On a thread of its own, so that Ctrl-C gets through.
    let checked = tokio::task::spawn_blocking(move || check::check(&functions, fix)).await;
    let report = checked.map_err(|_| CheckError::Panicked)??;

    let printer = context.printer;
    printer
        .data(&check::render(&report, args.format))
        .map_err(|error| Failure::tool(format_args!("stdout cannot be written: {error}")))?;
    for fixed in &report.fixed {
        let added = fixed.added.join(", ");
        printer.done(format_args!(
            "fixed {}: added {added}",
            fixed.file.display()
        ));
    }
    printer.done(summary(&report));
    let missing = report
        .findings
        .iter()
        .filter_map(|finding| finding.entry.as_ref());
    if missing.count() > 0 && !fix {
        printer.hint("--fix adds the missing permissions to config.json, and nothing else");
    }
    let errors = report.count(Level::Error);
    let warnings = report.count(Level::Warning);
    if errors > 0 || (args.deny_warnings && warnings > 0) {
        return Err(Failure::silent(Exit::Failed));
    }
    Ok(())
}

fn summary(report: &Report) -> String {
    let count = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    format!(
        "checked {}: {}, {}",
        count(report.functions, "function"),
        count(report.count(Level::Error), "error"),
        count(report.count(Level::Warning), "warning")
    )
}
