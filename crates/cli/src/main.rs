//! The `cloudcall` binary.

mod check;
mod cli;
mod commands;
mod credentials;
mod cron;
mod dev;
mod env;
mod error_object;
mod exit;
mod failure;
mod ids;
mod input;
mod json;
mod printer;
mod runner;
mod signals;
mod target;

fn main() -> std::process::ExitCode {
    match cli::parse() {
        Ok(cli) => commands::run(cli).into(),
        Err(exit) => exit.into(),
    }
}
