//! The Node side: packages from npm by the committed lock files, and the tests of our scripts.

use std::path::{Path, PathBuf};

use crate::steps::{Failure, command, root, run};

/// The folders with a lock file.
const PACKAGES: [&str; 3] = [
    "functions/get-temp-media-node",
    "tests/node/sdks/pinned",
    "tests/node/sdks/tagged",
];

const SCRIPT_TESTS: &str = "crates/cli/src/runner/node/test";

/// Installs what the lock files say, where it is not installed yet.
pub(crate) fn install() -> Result<(), Failure> {
    PACKAGES.into_iter().try_for_each(install_in)
}

/// The same for one folder.
pub(crate) fn install_in(folder: &str) -> Result<(), Failure> {
    let folder = root().join(folder);
    if is_installed(&folder) {
        // Not on stdout, where a table may follow.
        eprintln!("{} is installed", folder.display());
        return Ok(());
    }
    // No package here needs its install script, and some want to reach the network.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let mut npm = command(if cfg!(windows) { "npm.cmd" } else { "npm" }, &arguments);
    // stdout is for what a command prints, such as a table.
    npm.current_dir(&folder).stdout(std::io::stderr());
    run(npm).map_err(|failure| {
        format!(
            "{failure} in {}: it needs Node.js 18 or later, from https://nodejs.org",
            folder.display()
        )
    })
}

/// npm writes this file at the end of an installation.
fn is_installed(folder: &Path) -> bool {
    let changed = |file: PathBuf| file.metadata().and_then(|file| file.modified()).ok();
    let installed = changed(folder.join("node_modules/.package-lock.json"));
    installed.is_some() && installed >= changed(folder.join("package-lock.json"))
}

/// Runs the tests of the scripts that run a Node function.
pub(crate) fn test_scripts() -> Result<(), Failure> {
    let folder = root().join(SCRIPT_TESTS);
    let entries = folder
        .read_dir()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut tests: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.to_string_lossy().ends_with(".test.cjs"))
        .collect();
    tests.sort();
    if tests.is_empty() {
        return Err(format!("{} holds no tests", folder.display()));
    }
    let mut node = command("node", &["--test", "--test-reporter=dot"]);
    node.args(tests);
    run(node)
}
