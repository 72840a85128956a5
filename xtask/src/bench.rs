//! `cargo xtask bench`: builds and installs what is measured, and measures it.

use std::process::{Command, Stdio};

use crate::node;
use crate::packages;
use crate::steps::{Failure, cargo, root, run};

/// Prints the table of `benches/README.md`, or the groups of rows that are named.
pub(crate) fn table(rows: &[&str]) -> Result<(), Failure> {
    node::install()?;
    node::install_in("benches/node")?;
    // The rows against it say that they could not be measured.
    if let Err(failure) = packages::install("nginx", "nginx", "-v") {
        eprintln!("xtask: {failure}");
    }
    run(cargo(&[
        "build",
        "--release",
        "--package=cloudcall-cli",
        "--package=cloudcall-benches",
    ]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = root().join(target);
    // The function in Rust is built where `dev` will look for it, and optimised, as it is deployed.
    let mut function = cargo(&["build", "--package=echo-rust"]);
    function
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "3")
        .env("CARGO_TARGET_DIR", target.join("benches"));
    run(function)?;
    let mut bench = Command::new(target.join("release/cloudcall-bench"));
    bench.args(rows).current_dir(root()).stdin(Stdio::null());
    run(bench)
}
