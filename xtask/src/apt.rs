//! Programs that the chores need: installed where that can be done without asking.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::{Failure, command, run};

/// Makes sure that there is a program, in Debian's package of the same name; on Debian and its kin
/// that is installed if we are root. `how` says how else to get it.
pub(crate) fn install(program: &str, how: &str) -> Result<(), Failure> {
    if is_installed(program) {
        return Ok(());
    }
    if !can_install() {
        return Err(how.to_owned());
    }
    let install = || apt(&["install", "--yes", "--no-install-recommends", program]);
    // The lists of packages may be missing, as in a fresh container, or old.
    install()
        .or_else(|_| {
            apt(&["update"])?;
            install()
        })
        .map_err(|failure| format!("{failure}; {how}"))?;
    if is_installed(program) {
        Ok(())
    } else {
        Err(how.to_owned())
    }
}

pub(crate) fn is_installed(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version");
    version.stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Whether this is Debian or its kin, and we are root.
pub(crate) fn can_install() -> bool {
    let id = || Command::new("id").arg("-u").output();
    Path::new("/etc/debian_version").exists()
        && id().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Result<(), Failure> {
    let mut apt = command("apt-get", arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    run(apt)
}
