//! `cloudcall check`: the functions' code against their `config.json`, without running anything.
//!
//! | file | does |
//! |---|---|
//! | `sources` | which files are read |
//! | `javascript`, `rust` | which Cloud Calls are in them |
//! | `config`, `triggers` | what `config.json` declares, and what is wrong with it |
//! | `packages` | whether `package.json` has the SDK |
//! | `compare` | one function: what it calls against what it declares |
//! | `fix` | adds what is not declared |
//! | `render` | shows the findings |

mod compare;
mod config;
mod finding;
mod fix;
mod javascript;
mod packages;
mod render;
mod rust;
mod sources;
mod text;
mod triggers;
mod uses;

use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub(crate) use finding::{Finding, Level};
pub(crate) use render::{Format, render};
pub(crate) use triggers::is_name as is_trigger_name;

use crate::runner::Function;

/// Parsers go as deep as the code they read. Only what is used of it takes memory.
const STACK: usize = 256 << 20;

/// What came of a check.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) functions: usize,
    /// By function, file and place.
    pub(crate) findings: Vec<Finding>,
    pub(crate) fixed: Vec<Fixed>,
}

/// A file that was changed, and what was added to its permissions.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) function: String,
    pub(crate) file: PathBuf,
    pub(crate) added: Vec<String>,
}

impl Report {
    /// How many findings there are of this level.
    pub(crate) fn count(&self, level: Level) -> usize {
        let of_level = |finding: &&Finding| finding.level == level;
        self.findings.iter().filter(of_level).count()
    }
}

/// Why a check came to no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("no thread can be started: {0}")]
    Thread(#[from] io::Error),
    #[error("a check panicked: this is a bug of cloudcall")]
    Panicked,
}

/// Checks functions, several at a time. With `fix`, adds the permissions that they lack.
pub(crate) fn check(functions: &[Function], fix: bool) -> Result<Report, CheckError> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        while let Some(function) = functions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let checked = compare::check(function);
            if let Ok(mut done) = done.lock() {
                done.push(checked);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads.min(functions.len()))
            .map(|_| {
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, work)
            })
            .collect::<io::Result<_>>()?;
        started
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| CheckError::Panicked))
    })?;
    let mut done = done.into_inner().map_err(|_| CheckError::Panicked)?;
    done.sort_by(|one, other| one.function.cmp(&other.function));

    let mut report = Report {
        functions: functions.len(),
        ..Report::default()
    };
    for mut checked in done {
        if fix && !checked.missing.is_empty() {
            checked.fix(&mut report);
        }
        report.findings.append(&mut checked.findings);
    }
    Ok(report)
}
