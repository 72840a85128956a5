//! What is said of invocations and reloads, one line each.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::answer::{Answer, Job, Refusal};
use crate::printer::Printer;
use crate::runner::Source;

/// An invocation has ended.
pub(super) fn ended(printer: Printer, function: &str, job: &Job, answer: &Answer) {
    let status = answer.end.status().as_u16();
    let milliseconds = answer.duration.as_millis();
    let source = job.source.name();
    let (worker, version, queued) = (answer.worker, answer.version, answer.queued.as_millis());
    printer.done(format_args!(
        "{function}  {source}  {status}  {milliseconds} ms, waited {queued} ms  worker {worker}, version {version}"
    ));
    if let Some(message) = answer.end.error_message() {
        let line = message.lines().next().unwrap_or_default();
        printer.done(format_args!("{function}  {line}"));
    }
}

/// An invocation did not begin.
pub(super) fn refused(
    printer: Printer,
    function: &str,
    source: Source,
    _request_id: &str,
    refusal: &Refusal,
) {
    let (source, status) = (source.name(), refusal.status().as_u16());
    let line = refusal.message.lines().next().unwrap_or_default();
    printer.done(format_args!("{function}  {source}  {status}  {line}"));
}

/// Another version serves.
pub(super) fn reloaded(
    printer: Printer,
    function: &str,
    paths: &BTreeSet<PathBuf>,
    version: u64,
    changes: &[String],
) {
    let (why, changes) = (names(paths), changes.join(" "));
    printer.done(format_args!(
        "{function}  reloaded  version {version}  {why} {changes}"
    ));
}

/// A change gave no version that could serve: that before goes on.
pub(super) fn not_reloaded(
    printer: Printer,
    function: &str,
    paths: &BTreeSet<PathBuf>,
    _refusal: &Refusal,
) {
    let why = names(paths);
    printer.done(format_args!(
        "{function}  not reloaded: the version before serves on  {why}"
    ));
}

/// Functions have come or gone.
pub(super) fn rescanned(printer: Printer, new: &[String], gone: &[String]) {
    for name in new {
        printer.done(format_args!("{name}  is served from now on"));
    }
    for name in gone {
        printer.done(format_args!("{name}  is gone"));
    }
}

fn names(paths: &BTreeSet<PathBuf>) -> String {
    let names: Vec<_> = paths
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy()))
        .take(3)
        .collect();
    names.join(", ")
}
