//! What the table ran on, and when.

use std::fs;
use std::process::Command;

/// Lines to stand above the table.
pub(crate) fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{}, {cores} cores; Linux {}; {}; Node.js {}; {}; load before: {load}",
        model.trim(),
        said("uname", &["-r"]),
        said("rustc", &["--version"]),
        said("node", &["--version"]),
        said("date", &["--utc", "+%Y-%m-%d"]),
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| format!("no {program}"), |text| text.trim().to_owned())
}
