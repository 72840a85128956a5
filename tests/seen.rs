//! What a person sees of a run, compared with a committed snapshot.

use std::process::Command;

use crate::tool::{in_root, output, stderr, stdout};

/// Compares a run with `snapshots/NAME.snap`.
macro_rules! assert_seen {
    ($name:expr, $command:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        // What WeChat says of a call, and where a panic was, differ from run to run.
        settings.add_filter(r"hint: \[[\w-]+\]", "hint: [HINT]");
        settings.add_filter(r"rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}", "rid: RID");
        settings.add_filter(r"(127\.0\.0\.1|localhost):\d{5}", "$1:PORT");
        settings.add_filter(
            r"thread '[^']+'( \(\d+\))? panicked at \S+:",
            "thread NAME panicked at PLACE:",
        );
        let seen = $crate::seen::seen($command);
        settings.bind(|| insta::assert_snapshot!($name, seen));
    }};
}
pub(crate) use assert_seen;

/// A run: exit code, stdout and stderr, without what differs from machine to machine.
pub(crate) fn seen(command: &mut Command) -> String {
    let output = output(command);
    let talk: String = stderr(&output)
        .lines()
        .filter(|line| !is_of_cargo(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let code = output
        .status
        .code()
        .map_or("none".into(), |code| code.to_string());
    let seen = format!(
        "exit code: {code}\n--- stdout\n{}--- stderr\n{talk}",
        stdout(&output)
    );
    seen.replace(&in_root(""), "[ROOT]/")
}

/// Progress of a build.
fn is_of_cargo(line: &str) -> bool {
    const VERBS: [&str; 5] = ["Blocking", "Building", "Compiling", "Finished", "Locking"];
    let word = line.trim_start().split(' ').next().unwrap_or_default();
    line.starts_with(' ') && VERBS.contains(&word)
}
