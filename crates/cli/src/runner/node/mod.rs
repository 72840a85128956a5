//! Node functions: unmodified, with the real `wx-server-sdk` from npm.
//!
//! Node runs a script of ours, embedded in this binary, that speaks the same runtime API as a
//! Rust function. A second one, loaded before it, leads the SDK to the gateway.

mod environment;
mod options;
mod sdk;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::group::TempFolder;

pub(super) use environment::sdk_environment;
pub(crate) use options::without_preloads;
pub(crate) use sdk::{SDK, SdkVersion};

/// Asks our script to wait for the debugger, and to stop before the handler.
pub(super) const INSPECT: (&str, &str) = ("CLOUDCALL_INSPECT", "1");

/// The scripts, by file name.
const SCRIPTS: [(&str, &str); 7] = [
    ("bootstrap.cjs", include_str!("bootstrap.cjs")),
    ("connection.cjs", include_str!("connection.cjs")),
    ("context.cjs", include_str!("context.cjs")),
    ("invocation.cjs", include_str!("invocation.cjs")),
    ("load.cjs", include_str!("load.cjs")),
    ("preload.cjs", include_str!("preload.cjs")),
    ("runtime-api.cjs", include_str!("runtime-api.cjs")),
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error("node is not found on the PATH")]
    Missing,
    #[error(transparent)]
    Sdk(#[from] sdk::SdkError),
    #[error("the scripts for Node cannot be written to the temporary folder: {0}")]
    Scripts(#[from] io::Error),
}

/// Our scripts, in a folder of their own while this lives.
#[derive(Debug)]
pub(crate) struct Scripts(TempFolder);

impl Scripts {
    pub(super) fn write(folder: TempFolder) -> Result<Self, NodeError> {
        for (name, text) in SCRIPTS {
            std::fs::write(folder.path().join(name), text)?;
        }
        Ok(Self(folder))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What Node is started with to run the function in its working directory, under a debugger
    /// at a port if one is given. It stops before the function and not, as `--inspect-brk` would,
    /// in a script of ours: that is up to the script, which [`INSPECT`] asks.
    pub(super) fn arguments(&self, inspect: Option<u16>) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if let Some(port) = inspect {
            arguments.push(format!("--inspect=127.0.0.1:{port}").into());
        }
        arguments.extend([
            "--require".into(),
            self.file(options::PRELOAD).into(),
            self.file("bootstrap.cjs").into(),
        ]);
        arguments
    }

    /// `NODE_OPTIONS` that lead the SDK to the gateway in any Node process, after those that are
    /// set already.
    pub(crate) fn node_options(&self, before: Option<&str>) -> String {
        let option = options::requiring(&self.file(options::PRELOAD));
        match before {
            Some(before) => format!("{before} {option}"),
            None => option,
        }
    }
}

/// Refuses a function whose SDK is not installed or knows no Cloud Calls.
pub(super) fn check_sdk(folder: &Path) -> Result<(), NodeError> {
    Ok(sdk::check(folder)?)
}

/// Where node is.
pub(super) fn find(path: Option<&std::ffi::OsStr>, folder: &Path) -> Result<PathBuf, NodeError> {
    which::which_in("node", path, folder).map_err(|_| NodeError::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_that_another_requires_is_there() {
        for (name, text) in SCRIPTS {
            let required = text.split("require('./").skip(1);
            for required in required.filter_map(|rest| rest.split('\'').next()) {
                assert!(
                    SCRIPTS.iter().any(|(name, _)| *name == required),
                    "{name}: {required}"
                );
            }
        }
    }

    #[test]
    fn node_options_keep_what_was_set() {
        let groups = crate::runner::group::in_tests();
        let folder = groups.temp_folder().expect("a temp folder");
        let scripts = Scripts::write(folder).expect("written");
        let options = scripts.node_options(Some("--no-warnings"));
        assert!(
            options.starts_with("--no-warnings --require \""),
            "{options}"
        );
        assert!(options.ends_with("preload.cjs\""), "{options}");
    }

    #[test]
    fn a_path_without_node_has_no_node() {
        let empty = tempfile::tempdir().expect("a temp folder");
        let found = find(Some(empty.path().as_os_str()), empty.path());
        assert!(matches!(found, Err(NodeError::Missing)));
    }
}
