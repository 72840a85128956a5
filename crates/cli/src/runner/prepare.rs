//! From a function to the worker that can run it: the build, and the environment.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cloudcall_emulator::FunctionToken;

use super::build::{BuildError, build};
use super::function::{Function, Kind};
use super::host::Host;
use super::node::{self, NodeError};
use super::settings::Settings;
use super::worker::WorkerSpec;
use crate::env::CONFIG;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("the current folder cannot be told: {0}")]
    CurrentFolder(#[from] io::Error),
}

/// How to start a worker, and what must live as long as it does.
pub(crate) struct Prepared {
    pub(super) spec: WorkerSpec,
    /// Lets the worker through the gateway.
    pub(super) token: Option<FunctionToken>,
}

/// Builds the function if it needs building, and says how to start it.
pub(super) async fn prepare(
    host: &Host,
    function: &Function,
    settings: &Settings,
    inspect: Option<u16>,
) -> Result<Prepared, PrepareError> {
    let folder = absolute(&function.folder)?;
    let mut environment = host.env.for_children();
    let mut token = None;
    let (program, arguments) = match function.kind {
        Kind::Rust => {
            let manifest = function.manifest();
            let program = build(host.env.cargo(), &manifest, &environment, &host.spawner).await?;
            environment.extend(variables(settings));
            environment.extend(host.upstream.environment(&host.env));
            environment.push((CONFIG.into(), absolute(&function.config())?.into()));
            environment.push(("SCF_FUNCTIONNAME".into(), function.name.clone().into()));
            (program, Vec::new())
        }
        Kind::Node => {
            node::check_sdk(&folder)?;
            let program = node::find(host.env.os("PATH"), &folder)?;
            environment.extend(variables(settings));
            let (sdk, issued) = host.sdk_environment(&function.name, &function.config());
            environment.extend(sdk);
            if inspect.is_some() {
                let (name, value) = node::INSPECT;
                environment.push((name.into(), value.into()));
            }
            token = Some(issued);
            (program, host.scripts()?.arguments(inspect))
        }
    };
    Ok(Prepared {
        spec: WorkerSpec {
            function: function.name.clone(),
            program,
            arguments,
            folder,
            environment,
            time_limit: inspect.is_none().then_some(settings.timeout),
            memory_limit: settings.memory,
        },
        token,
    })
}

fn variables(settings: &Settings) -> impl Iterator<Item = (OsString, OsString)> {
    settings
        .variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
}

/// Without resolving links: a function sees its path as the project has it.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}
