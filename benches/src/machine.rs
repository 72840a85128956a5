//! What the table ran on, and when.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// How long the machine is looked at before anything is measured.
const SAMPLE: Duration = Duration::from_secs(2);

/// Lines to stand above the table.
pub(crate) fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores; Linux {}; {}; Node.js {}; {}; busy before: {}",
        model.trim(),
        said("uname", &["-r"]),
        said("rustc", &["--version"]),
        said("node", &["--version"]),
        said("date", &["--utc", "+%Y-%m-%d"]),
        busy().map_or_else(
            || "unknown".to_owned(),
            |part| format!("{:.0} %", part * 100.0)
        ),
    )
}

/// The part of all cores that is in use, while this waits: what the table bears with. The load average
/// would still tell of the build before it.
fn busy() -> Option<f64> {
    let times = || {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let of_all = text.lines().next()?.strip_prefix("cpu ")?;
        let times: Vec<f64> = of_all
            .split_whitespace()
            .map_while(|it| it.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal; guests are in user already.
        let all: f64 = times.get(..8)?.iter().sum();
        Some((all, times[3] + times[4]))
    };
    let (all, idle) = times()?;
    thread::sleep(SAMPLE);
    let (all_after, idle_after) = times()?;
    Some(1.0 - (idle_after - idle) / (all_after - all))
}

fn said(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| format!("no {program}"), |text| text.trim().to_owned())
}
