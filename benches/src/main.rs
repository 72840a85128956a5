//! One table of ratios, each between two things measured side by side: `cargo xtask bench` builds
//! this and runs it. It starts itself again for each side, as a process that plays one role.

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod usage;
#[cfg(target_os = "linux")]
mod wx_server_sdk;

use std::process::ExitCode;

/// What goes wrong here ends the row that it happens in, and is told there.
#[cfg(target_os = "linux")]
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("--role") => roles::play(&arguments[1..]).map(|()| ExitCode::SUCCESS),
        _ => Ok(rows::measure(&arguments)),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("cloudcall-bench: {failure}");
        ExitCode::FAILURE
    })
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "cloudcall-bench: the table needs Linux, whose /proc tells the CPU time of a process"
    );
    ExitCode::FAILURE
}
