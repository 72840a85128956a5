//! The Redis server that the tests start: installed where that can be done without asking.

use std::path::Path;
use std::{fs, io};

use crate::apt;
use crate::steps::Failure;

const HOW: &str = "the tests need redis-server: apt-get install redis-server (Debian, Ubuntu), \
                   dnf install redis (Fedora), apk add redis (Alpine) or brew install redis (macOS)";

/// Makes sure that there is a `redis-server`; on Debian and its kin it is installed if we are root.
pub(crate) fn install() -> Result<(), Failure> {
    // The tests of Redis are for Unix.
    if cfg!(windows) || apt::is_installed("redis-server") {
        return Ok(());
    }
    if !apt::can_install() {
        return Err(HOW.to_owned());
    }
    let _policy = StartsNothing::set().map_err(|error| format!("{POLICY}: {error}; {HOW}"))?;
    apt::install("redis-server", HOW)
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
