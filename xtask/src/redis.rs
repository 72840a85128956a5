//! The Redis server that the tests start.

use crate::packages;
use crate::steps::Failure;

const HOW: &str = "the tests need redis-server: apt-get install redis-server (Debian, Ubuntu), \
                   dnf install redis (Fedora), apk add redis (Alpine) or brew install redis (macOS)";

/// Makes sure that there is a `redis-server`; on Debian and its kin it is installed if we are root.
pub(crate) fn install() -> Result<(), Failure> {
    // The tests of Redis are for Unix.
    if cfg!(windows) {
        return Ok(());
    }
    packages::install("redis-server", "redis-server", "--version")
        .map_err(|failure| format!("{failure}; {HOW}"))
}
