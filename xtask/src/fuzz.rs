//! Runs every fuzz target for a while, and says what was found.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::{Failure, command, forget_this_program, root, run};

/// How long each target runs, in seconds, unless told otherwise.
pub(crate) const SECONDS: &str = "30";

/// What the fuzzer prints before the number of inputs that it has tried.
const EXECUTED: &str = "stat::number_of_executed_units:";

/// What it prints before the file that holds a finding.
const WRITTEN: &str = "Test unit written to ";

/// Runs each target for so many seconds, beginning with its seeds and with what earlier runs have
/// left in `fuzz/corpus/`. A finding of any is a failure; its input stays in `fuzz/artifacts/`.
pub(crate) fn fuzz(seconds: &str) -> Result<(), Failure> {
    // To the fuzzer, 0 is for ever.
    let seconds: NonZeroU32 = seconds
        .parse()
        .map_err(|_| format!("{seconds} is no number of seconds"))?;
    let fuzz = root().join("fuzz");
    let targets = targets(&fuzz)?;
    run(nightly(&["build"])).map_err(|failure| {
        format!(
            "{failure}: it needs `rustup toolchain install nightly` and `cargo install cargo-fuzz`"
        )
    })?;

    let mut found = Vec::new();
    println!("{:<18} {:>12}  findings", "target", "executions");
    for target in targets {
        let (executions, artifacts) = run_target(&fuzz, &target, seconds)?;
        let what = match artifacts.len() {
            0 => "none".to_owned(),
            _ => artifacts.join(" "),
        };
        println!("{target:<18} {executions:>12}  {what}");
        found.extend(artifacts);
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("the fuzzer found {}", found.join(" ")))
    }
}

/// `cargo fuzz`. There is no unsafe code of ours for a sanitizer to watch, and without one it is
/// faster.
fn nightly(arguments: &[&str]) -> Command {
    let mut cargo = command("cargo", &["+nightly", "fuzz"]);
    cargo.args(arguments).arg("--sanitizer=none");
    forget_this_program(&mut cargo);
    cargo
}

/// The targets: a file each.
fn targets(fuzz: &Path) -> Result<Vec<String>, Failure> {
    let folder = fuzz.join("fuzz_targets");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut targets: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    Ok(targets)
}

/// How many inputs were tried, and the files of the findings.
fn run_target(
    fuzz: &Path,
    target: &str,
    seconds: NonZeroU32,
) -> Result<(u64, Vec<String>), Failure> {
    let corpus = fuzz.join("corpus").join(target);
    fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let words = if target.starts_with("gateway_") {
        "gateway.dict"
    } else {
        "json.dict"
    };
    let mut cargo = nightly(&["run", target]);
    cargo
        .args([corpus, fuzz.join("seeds").join(target)])
        .arg("--")
        .arg(format!("-dict={}", fuzz.join(words).display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stdout(Stdio::null());
    let output = cargo
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let executions = said
        .lines()
        .filter_map(|line| line.strip_prefix(EXECUTED)?.trim().parse().ok())
        .next_back();

    let found: Vec<_> = said
        .lines()
        .filter_map(|line| Some(line.split_once(WRITTEN)?.1))
        .map(|file| file.trim_start_matches(&root().display().to_string()))
        .map(|file| file.trim_start_matches('/').to_owned())
        .collect();
    // A run that failed without a finding has not tried what it should.
    if !output.status.success() || executions.is_none() {
        eprintln!("{said}");
        if found.is_empty() {
            return Err(format!("{target} could not be run ({})", output.status));
        }
    }
    Ok((executions.unwrap_or_default(), found))
}
