//! Findings as one JSON document, in one line.
//!
//! ```json
//! { "functions": 3, "errors": 1, "warnings": 0,
//!   "findings": [{ "id": "undeclared-api", "level": "error", "function": "a",
//!     "file": "functions/a/index.js", "line": 5, "column": 9, "endColumn": 49,
//!     "message": "…", "help": "…", "entry": "customerServiceMessage.send" }],
//!   "fixed": [{ "function": "b", "file": "functions/b/config.json", "added": ["…"] }] }
//! ```
//!
//! Lines and columns count from 1, columns in characters; `endColumn` is the one after. They are
//! null where a file as a whole is meant. `help` and `entry`, what to add to
//! `permissions.openapi`, are null where there is none.

use serde_json::json;

use super::path;
use crate::check::Report;
use crate::check::finding::{Finding, Level};

pub(super) fn render(report: &Report) -> String {
    let fixed: Vec<_> = report
        .fixed
        .iter()
        .map(|fixed| {
            json!({
                "function": fixed.function,
                "file": path(&fixed.file),
                "added": fixed.added,
            })
        })
        .collect();
    let document = json!({
        "functions": report.functions,
        "errors": report.count(Level::Error),
        "warnings": report.count(Level::Warning),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "fixed": fixed,
    });
    format!("{document}\n")
}

fn finding(finding: &Finding) -> serde_json::Value {
    let position = finding.position.as_ref();
    json!({
        "id": finding.rule.id(),
        "level": finding.level.name(),
        "function": finding.function,
        "file": path(&finding.file),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "endColumn": position.map(|position| position.end_column),
        "message": finding.message,
        "help": finding.help,
        "entry": finding.entry,
    })
}
