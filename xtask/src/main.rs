//! The project's chores: `cargo xtask ci` runs what CI runs, in CI's order.

mod bench;
mod chaos;
mod fuzz;
mod light;
mod node;
mod packages;
mod redis;
mod steps;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask ci      everything that CI checks, stopping at the first failure
cargo xtask bench [ROW…]
                    the table of benches/README.md: what is compared with what, and the ratios
cargo xtask chaos   every fault of the emulator against every client, printed as tables
cargo xtask fuzz [SECONDS]
                    runs each fuzz target for 30 seconds, or as many as are given (needs nightly
                    Rust and cargo-fuzz)
cargo xtask light   the SDK without its default features pulls in no HTTP client, server or CLI
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => steps::ci(),
        ["bench", ref rows @ ..] => bench::table(rows),
        ["chaos"] => chaos::table(),
        ["fuzz"] => fuzz::fuzz(fuzz::SECONDS),
        ["fuzz", seconds] => fuzz::fuzz(seconds),
        ["light"] => light::check(),
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
