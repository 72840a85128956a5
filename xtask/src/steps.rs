//! The steps of CI.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{instructions, light, node, redis};

/// Says what failed and, where it is known, what to do.
pub(crate) type Failure = String;

/// A step: its name, and what it does.
type Step = (&'static str, fn() -> Result<(), Failure>);

const STEPS: &[Step] = &[
    ("format", || run(cargo(&["fmt", "--all", "--check"]))),
    ("lint", || {
        run(cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny=warnings",
        ]))
    }),
    ("lint the light SDK", || {
        run(cargo(&[
            "clippy",
            "--package=cloudcall",
            "--no-default-features",
            "--",
            "--deny=warnings",
        ]))
    }),
    ("lint the runtime without https", || {
        run(cargo(&[
            "clippy",
            "--package=cloudcall",
            "--no-default-features",
            "--features=runtime",
            "--",
            "--deny=warnings",
        ]))
    }),
    ("test the light SDK", || {
        run(cargo(&[
            "test",
            "--quiet",
            "--package=cloudcall",
            "--no-default-features",
            "--lib",
        ]))
    }),
    ("light", light::check),
    // No other step looks at that workspace.
    ("lock file of the fuzz targets", || {
        run(cargo(&[
            "fetch",
            "--locked",
            "--manifest-path=fuzz/Cargo.toml",
        ]))
    }),
    ("docs", || {
        let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--exclude=xtask"]);
        docs.env("RUSTDOCFLAGS", "--deny=warnings");
        run(docs)
    }),
    ("Node packages", node::install),
    ("tests of the Node scripts", node::test_scripts),
    ("Redis server", redis::install),
    ("instruction counts", instructions::compare),
    // The last, so that the output ends with the summary of the tests.
    ("tests", || {
        let mut tests = cargo(&["test", "--workspace"]);
        // A snapshot that differs is a failure, never a new file.
        tests.env("INSTA_UPDATE", "no");
        run(tests)
    }),
];

/// Runs every step, and stops at the first that fails.
pub(crate) fn ci() -> Result<(), Failure> {
    for (name, step) in STEPS {
        eprintln!("\nxtask: {name}");
        let started = Instant::now();
        step().map_err(|failure| format!("step {name:?} failed: {failure}"))?;
        eprintln!("xtask: {name} took {:.0?}", started.elapsed());
    }
    Ok(())
}

/// `cargo` at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(&cargo, arguments);
    forget_this_program(&mut command);
    command
}

/// Takes out what `cargo run` set for this program, which would make build scripts run again.
pub(crate) fn forget_this_program(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the workspace")
}

/// A program at the root of the workspace.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command, its output being ours.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let line = format!("{command:?}").replace('"', "");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{line} ({status})")),
        Err(error) => Err(format!("{line} could not be started: {error}")),
    }
}
