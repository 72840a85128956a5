//! The SDK without its default features stays light.

use crate::steps::{Failure, cargo};

/// What must not be in the tree: HTTP clients, servers, TLS, command lines.
const HEAVY: [&str; 9] = [
    "axum",
    "clap",
    "hyper",
    "hyper-util",
    "mio",
    "reqwest",
    "rustls",
    "tower-http",
    "ureq",
];

/// Looks through the tree of the SDK without default features.
pub(crate) fn check() -> Result<(), Failure> {
    let output = cargo(&[
        "tree",
        "--package=cloudcall",
        "--no-default-features",
        "--edges=normal",
        "--target=all",
        "--prefix=none",
        "--format={p}",
    ])
    .output()
    .map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo tree: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    // A tree that lacks the SDK itself was not read.
    if !names.contains(&"cloudcall") {
        return Err(format!("cargo tree printed something else: {tree}"));
    }
    let heavy: Vec<_> = names.iter().filter(|name| HEAVY.contains(name)).collect();
    if heavy.is_empty() {
        println!("light: {} crates, none of them {HEAVY:?}", names.len());
        Ok(())
    } else {
        Err(format!(
            "the SDK without default features depends on {heavy:?}"
        ))
    }
}
