//! Counts the instructions of the micro-benchmarks, beside those of the baseline that is committed.
//!
//! A case is run a few times and many times under callgrind, and the difference is what one time
//! costs: what the program does before and after is not in it. Unlike a time, a count is nearly the
//! same on a busy machine. It does depend on the compiler, so the baseline says which one it is of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::packages;
use crate::steps::{Failure, cargo, command, root};

/// Percent by which a count may grow before it is called a regression.
const TOLERANCE: f64 = 5.0;

/// How often a case is run: the difference is what is divided.
const FEW: u64 = 2;
const MANY: u64 = 22;

const HOW: &str = "instructions are counted by valgrind: apt-get install valgrind (Debian, Ubuntu), \
                   dnf install valgrind (Fedora)";

/// Counts by the name of the case.
type Counts = BTreeMap<String, u64>;

/// Prints each count beside the baseline's. What has grown is said, but is no failure: another
/// processor or C library has other counts.
pub(crate) fn compare() -> Result<(), Failure> {
    let Some((compiler, counts)) = count()? else {
        return Ok(());
    };
    let path = baseline();
    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
    let (of, baseline) = read(&text)?;
    print!("{}", table(&compiler, &counts, &of, &baseline));
    Ok(())
}

/// Makes the counts the baseline.
pub(crate) fn bless() -> Result<(), Failure> {
    let Some((compiler, counts)) = count()? else {
        return Err("nothing was counted".to_owned());
    };
    let path = baseline();
    fs::write(&path, write(&compiler, &counts)).map_err(|error| failed(&path, &error))?;
    println!("{} has {} counts", path.display(), counts.len());
    Ok(())
}

fn baseline() -> PathBuf {
    root().join("benches/micro/baseline.tsv")
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display())
}

/// The compiler, and the counts of all cases; nothing where there is no valgrind.
fn count() -> Result<Option<(String, Counts)>, Failure> {
    if !cfg!(target_os = "linux") {
        println!("instructions: not counted, for valgrind is for Linux");
        return Ok(None);
    }
    if let Err(failure) = packages::install("valgrind", "valgrind", "--version") {
        println!("instructions: NOT COUNTED: {failure}; {HOW}");
        return Ok(None);
    }
    let program = build()?;
    let names = output(Command::new(&program))?;
    let names: Vec<_> = names.lines().map(str::to_owned).collect();
    if names.is_empty() {
        return Err(format!("{} has no cases", program.display()));
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count_some = |names: &[String]| -> Result<Vec<_>, Failure> {
        names
            .iter()
            .map(|name| Ok((name.clone(), of_one_time(&program, name)?)))
            .collect()
    };
    let count_some = &count_some;
    let counted: Result<Vec<_>, Failure> = thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(names.len().div_ceil(cores))
            .map(|names| scope.spawn(move || count_some(names)))
            .collect();
        let counted = workers.into_iter().map(|worker| {
            let counted = worker.join();
            counted.unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        });
        let counted: Result<Vec<_>, _> = counted.collect();
        Ok(counted?.concat())
    });
    Ok(Some((compiler()?, counted?.into_iter().collect())))
}

/// Builds the cases, and gives the program.
fn build() -> Result<PathBuf, Failure> {
    let mut build = cargo(&[
        "build",
        "--quiet",
        "--profile=bench",
        "--package=cloudcall-micro",
        "--bin=cloudcall-micro",
        "--message-format=json",
    ]);
    build.stderr(Stdio::inherit());
    let messages = output(build)?;
    let start = r#""executable":""#;
    let program = messages.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(start)?;
        rest.split_once('"').map(|(path, _)| PathBuf::from(path))
    });
    program.ok_or_else(|| "cargo names no executable of cloudcall-micro".to_owned())
}

/// `1.88.0 (6b00bc388 2025-06-23) on x86_64-unknown-linux-gnu`.
fn compiler() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = output(command(rustc, &["--version", "--verbose"]))?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
    match (field("rustc "), field("host: ")) {
        (Some(version), Some(host)) => Ok(format!("{version} on {host}")),
        _ => Err(format!("rustc's version is not known: {version}")),
    }
}

fn of_one_time(program: &Path, name: &str) -> Result<u64, Failure> {
    let (few, many) = (run(program, name, FEW)?, run(program, name, MANY)?);
    let all = many.checked_sub(few);
    all.map(|all| all / (MANY - FEW))
        .ok_or_else(|| format!("{name}: more instructions for {FEW} times than for {MANY}"))
}

/// All instructions of a run.
fn run(program: &Path, name: &str, times: u64) -> Result<u64, Failure> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind
        .arg(program)
        .args([name, &times.to_string()])
        .stdout(Stdio::null());
    let output = valgrind
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    collected(&report)
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{name} under valgrind ({}): {report}", output.status))
}

/// The number in valgrind's `==PID== Collected : NUMBER`.
fn collected(report: &str) -> Option<u64> {
    let (_, rest) = report.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What a command prints.
fn output(mut command: Command) -> Result<String, Failure> {
    let line = format!("{command:?}").replace('"', "");
    let output = command.output();
    let output = output.map_err(|error| format!("{line} could not be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{line} ({})", output.status))
    }
}

/// The baseline's text: the compiler, and a line for each case, with a tab before the number.
fn write(compiler: &str, counts: &Counts) -> String {
    let mut text = format!("rustc\t{compiler}\n");
    for (name, count) in counts {
        let _ = writeln!(text, "{name}\t{count}");
    }
    text
}

fn read(text: &str) -> Result<(String, Counts), Failure> {
    let mut lines = text.lines();
    let compiler = lines
        .next()
        .and_then(|line| line.strip_prefix("rustc\t"))
        .ok_or("the baseline does not begin with the compiler")?;
    let counts = lines.map(|line| {
        let (name, count) = line.split_once('\t')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    let counts: Option<_> = counts.collect();
    let counts = counts.ok_or("a line of the baseline is not a name, a tab and a number")?;
    Ok((compiler.to_owned(), counts))
}

/// Every case with its change, and then what that means.
fn table(compiler: &str, counts: &Counts, of: &str, baseline: &Counts) -> String {
    let same = compiler == of;
    let mut text = format!("instructions of each case, with rustc {compiler}\n");
    let mut grown = Vec::new();
    for (name, count) in counts {
        let change = match baseline.get(name) {
            Some(before) if same && *before > 0 => {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^53")]
                let change = 100.0 * (*count as f64 / *before as f64 - 1.0);
                if change > TOLERANCE {
                    grown.push(name);
                    format!("{change:+.1} %  REGRESSION")
                } else {
                    format!("{change:+.1} %")
                }
            }
            Some(_) => String::new(),
            None => "not in the baseline".to_owned(),
        };
        let line = format!("  {name:<40} {count:>12}  {change}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for name in baseline.keys().filter(|name| !counts.contains_key(*name)) {
        let _ = writeln!(text, "  {name:<40} only in the baseline");
    }
    if !same {
        let _ = writeln!(
            text,
            "NOT COMPARED: the baseline is of rustc {of}. `cargo xtask instructions --bless` makes \
             these the baseline."
        );
    } else if grown.is_empty() {
        let _ = writeln!(text, "none takes {TOLERANCE} % more than in the baseline");
    } else {
        let _ = writeln!(
            text,
            "REGRESSION: {} of {} cases take over {TOLERANCE} % more instructions than in the \
             baseline. Find out why, or accept it: cargo xtask instructions --bless",
            grown.len(),
            counts.len()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> Counts {
        counts.map(|(name, count)| (name.to_owned(), count)).into()
    }

    #[test]
    fn a_count_is_read_from_valgrinds_report() {
        let report = "==7== Events    : Ir\n==7== Collected : 1234\n==7==\n";
        assert_eq!(collected(report), Some(1234));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let written = counts([("a: 1 KB", 5), ("b", 7)]);
        let text = write("1.88.0 on x", &written);
        assert_eq!(read(&text), Ok(("1.88.0 on x".to_owned(), written)));
        for broken in ["", "a\t1", "rustc\tx\na 1", "rustc\tx\na\tb"] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn only_growth_beyond_the_tolerance_is_a_regression() {
        let before = counts([("a", 1000), ("b", 1000), ("c", 1000), ("gone", 1)]);
        let now = counts([("a", 1051), ("b", 1049), ("c", 100), ("new", 1)]);
        let text = table("x", &now, "x", &before);
        let line = |name: &str| {
            let start = format!("  {name} ");
            let line = text.lines().find(|line| line.starts_with(&start));
            line.unwrap_or_default().to_owned()
        };
        assert!(line("a").ends_with("+5.1 %  REGRESSION"), "{text}");
        assert!(line("b").ends_with("+4.9 %"), "{text}");
        assert!(line("c").ends_with("-90.0 %"), "{text}");
        assert!(line("new").ends_with("not in the baseline"), "{text}");
        assert!(line("gone").ends_with("only in the baseline"), "{text}");
        assert!(text.contains("REGRESSION: 1 of 4 cases"), "{text}");
    }

    #[test]
    fn counts_of_another_compiler_are_not_compared() {
        let text = table("x", &counts([("a", 9)]), "y", &counts([("a", 1)]));
        assert!(text.contains("NOT COMPARED"), "{text}");
        assert!(
            !text.contains('%') && !text.contains("REGRESSION"),
            "{text}"
        );
    }
}
