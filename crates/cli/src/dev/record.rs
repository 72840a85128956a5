//! What functions do, for the journal.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use super::answer::{Answer, End, Job, Refusal, Why};
use super::journal::{Invocation, Journal, Reload, User, What};
use crate::printer::Printer;
use crate::runner::Source;

/// How many files are named that made a function change.
const MOST: usize = 5;

/// An invocation has ended.
pub(super) fn ended(journal: &Journal, function: &str, job: &Job, answer: &Answer) {
    let outcome = match answer.end {
        End::Result(_) => "ok",
        End::Error(_) => "error",
        End::TimedOut(_) => "timeout",
        End::Died(_) => "died",
    };
    let bytes = match &answer.end {
        End::Result(body) | End::Error(body) => body.len() as u64,
        End::TimedOut(_) | End::Died(_) => 0,
    };
    journal.record(What::Invocation(Invocation {
        outcome,
        status: answer.end.status().as_u16(),
        error_message: answer.end.error_message(),
        bytes,
        queued_ms: millis(answer.queued),
        duration_ms: millis(answer.duration),
        worker: Some(answer.worker.0),
        version: answer.version,
        ..invocation(function, job)
    }));
}

/// An invocation did not begin.
pub(super) fn refused(journal: &Journal, function: &str, job: &Job, refusal: &Refusal) {
    let outcome = match refusal.why {
        Why::Unknown => "unknown",
        Why::QueueFull => "refused",
        Why::Broken => "broken",
        Why::Closed => "closed",
    };
    journal.record(What::Invocation(Invocation {
        outcome,
        status: refusal.status().as_u16(),
        error_message: Some(refusal.message.clone()),
        ..invocation(function, job)
    }));
}

/// A request over HTTP was not sound: its body is no event, say.
pub(super) fn not_asked(
    journal: &Journal,
    (function, request_id): (&str, &str),
    status: StatusCode,
    message: &str,
) {
    journal.record(What::Invocation(Invocation {
        function: function.to_owned(),
        request_id: request_id.to_owned(),
        source: Source::Http.name(),
        outcome: "invalid",
        status: status.as_u16(),
        error_message: Some(message.to_owned()),
        ..Invocation::default()
    }));
}

fn invocation(function: &str, job: &Job) -> Invocation {
    let [open_id, app_id, union_id] = job.caller.ids().map(|id| id.map(str::to_owned));
    Invocation {
        function: function.to_owned(),
        request_id: job.request_id.clone(),
        source: job.source.name(),
        caller: User {
            open_id,
            app_id,
            union_id,
        },
        ..Invocation::default()
    }
}

/// Another version serves.
pub(super) fn reloaded(
    journal: &Journal,
    function: &str,
    paths: &BTreeSet<PathBuf>,
    version: u64,
    changes: &[String],
) {
    journal.record(What::Reload(Reload {
        function: function.to_owned(),
        why: names(paths),
        version,
        changes: changes.to_vec(),
        error: None,
    }));
}

/// A change gave no version that could serve: that before goes on.
pub(super) fn not_reloaded(
    journal: &Journal,
    function: &str,
    paths: &BTreeSet<PathBuf>,
    version: u64,
    refusal: &Refusal,
) {
    journal.record(What::Reload(Reload {
        function: function.to_owned(),
        why: names(paths),
        version,
        changes: Vec::new(),
        error: Some(refusal.message.clone()),
    }));
}

/// Functions have come or gone.
pub(super) fn rescanned(printer: Printer, new: &[String], gone: &[String]) {
    for name in new {
        printer.note(format_args!("{name} is served from now on"));
    }
    for name in gone {
        printer.note(format_args!("{name} is gone"));
    }
}

/// The names of files, without their folders; of the first few where there are many.
fn names(paths: &BTreeSet<PathBuf>) -> Vec<String> {
    let names = paths.iter().filter_map(|path| path.file_name());
    let mut names: Vec<_> = names
        .take(MOST)
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if paths.len() > MOST {
        names.push(format!("{} more", paths.len() - MOST));
    }
    names
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
