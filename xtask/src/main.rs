//! The project's chores: `cargo xtask ci` runs what CI runs, in CI's order.

mod bench;
mod build_cost;
mod chaos;
mod fuzz;
mod instructions;
mod light;
mod node;
mod packages;
mod redis;
mod size;
mod steps;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask ci      everything that CI checks, stopping at the first failure
cargo xtask bench [ROW…]
                    the table of benches/README.md: what is compared with what, and the ratios
cargo xtask build-cost
                    the first command in a fresh clone beside cargo build of a bare reqwest
                    program: wall and CPU seconds
cargo xtask chaos   every fault of the emulator against every client, printed as tables
cargo xtask fuzz [SECONDS]
                    runs each fuzz target for 30 seconds, or as many as are given (needs nightly
                    Rust and cargo-fuzz)
cargo xtask instructions [--bless]
                    the instructions of the micro-benchmarks beside the baseline, or as the new
                    baseline (needs valgrind)
cargo xtask light   the SDK without its default features pulls in no HTTP client, server or CLI
cargo xtask size    builds the command for a release, which takes minutes: less than 12 MB?
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => steps::ci(),
        ["bench", ref rows @ ..] => bench::table(rows),
        ["build-cost"] => build_cost::table(),
        ["chaos"] => chaos::table(),
        ["fuzz"] => fuzz::fuzz(fuzz::SECONDS),
        ["fuzz", seconds] => fuzz::fuzz(seconds),
        ["instructions"] => instructions::compare(),
        ["instructions", "--bless"] => instructions::bless(),
        ["light"] => light::check(),
        ["size"] => size::check(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
