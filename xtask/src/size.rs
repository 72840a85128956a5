//! The command stays small.

use crate::steps::{Failure, cargo, root, run};

/// Less than this many bytes.
const LIMIT: u64 = 12_000_000;

/// Builds the command for a release, and looks at its size.
pub(crate) fn check() -> Result<(), Failure> {
    run(cargo(&["build", "--release", "--package=cloudcall-cli"]))?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let name = format!("release/cloudcall{}", std::env::consts::EXE_SUFFIX);
    let path = root().join(folder).join(name);
    let size = std::fs::metadata(&path)
        .map_err(|error| format!("{}: {error}", path.display()))?
        .len();
    #[expect(clippy::cast_precision_loss, reason = "far from 2^53")]
    let megabytes = size as f64 / 1e6;
    if size < LIMIT {
        println!(
            "size: {megabytes:.1} MB, and {} MB are the limit",
            LIMIT / 1_000_000
        );
        Ok(())
    } else {
        Err(format!(
            "the command has {megabytes:.1} MB, and {} MB are the limit",
            LIMIT / 1_000_000
        ))
    }
}
