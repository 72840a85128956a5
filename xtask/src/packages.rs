//! Programs of other projects that tests and measurements start: installed where that can be done
//! without asking.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use crate::steps::{Failure, command, run};

/// Makes sure that there is a program; on Debian and its kin its package is installed if we are
/// root. `version` is the argument with which it prints its version and ends.
pub(crate) fn install(program: &str, package: &str, version: &str) -> Result<(), Failure> {
    if is_installed(program, version) {
        return Ok(());
    }
    let how = format!("{program} is needed: install the package {package}");
    if !Path::new("/etc/debian_version").exists() || !is_root() {
        return Err(how);
    }
    let _policy = StartsNothing::set().map_err(|error| format!("{POLICY}: {error}; {how}"))?;
    // The lists of packages may be missing, as in a fresh container, or old.
    let install = ["install", "--yes", "--no-install-recommends", package];
    apt(&install)
        .or_else(|_| {
            apt(&["update"])?;
            apt(&install)
        })
        .map_err(|failure| format!("{failure}; {how}"))?;
    if is_installed(program, version) {
        Ok(())
    } else {
        Err(how)
    }
}

fn is_installed(program: &str, version: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(version);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Result<(), Failure> {
    let mut apt = command("apt-get", arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    run(apt)
}

/// The program that Debian's packages ask whether they may start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While it lives, a package that is installed starts no service: each test starts a server of its
/// own, and none is to run beside them. A policy that is there stays as it is.
struct StartsNothing {
    is_ours: bool,
}

impl StartsNothing {
    fn set() -> io::Result<Self> {
        let is_ours = !Path::new(POLICY).exists();
        if is_ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(Self { is_ours })
    }
}

impl Drop for StartsNothing {
    fn drop(&mut self) {
        if self.is_ours {
            // Nothing can be done about a file that stays.
            let _ = fs::remove_file(POLICY);
        }
    }
}
