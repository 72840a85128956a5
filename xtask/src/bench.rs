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
        "--package=echo-rust",
    ]))?;
    // As `dev` builds it, in the same folder, so that it finds it built.
    run(cargo(&["build", "--package=echo-rust"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = root().join(target);
    let mut bench = Command::new(target.join("release/cloudcall-bench"));
    bench.args(rows).current_dir(root()).stdin(Stdio::null());
    run(bench)
}
