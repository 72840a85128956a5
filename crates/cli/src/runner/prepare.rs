//! From a function to the worker that can run it: the build, and the environment.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::build::{BuildError, build};
use super::function::{Function, Kind};
use super::process::Spawner;
use super::settings::Settings;
use super::upstream::Upstream;
use super::worker::WorkerSpec;
use crate::env::{CONFIG, Env};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{0} is a Node function, and this build runs Rust functions only")]
    Node(String),
    #[error("the current folder cannot be told: {0}")]
    CurrentFolder(#[from] io::Error),
}

/// Builds the function, and says how to start it.
pub(crate) async fn prepare(
    function: &Function,
    settings: &Settings,
    upstream: &Upstream,
    env: &Env,
    spawner: &Spawner,
) -> Result<WorkerSpec, PrepareError> {
    let inherited = env.for_children();
    let program = match function.kind {
        Kind::Rust => build(env.cargo(), &function.manifest(), &inherited, spawner).await?,
        Kind::Node => return Err(PrepareError::Node(function.name.clone())),
    };
    let mut environment = inherited;
    environment.extend(
        settings
            .variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    environment.extend(upstream.environment(env));
    environment.extend(own_environment(function)?);
    Ok(WorkerSpec {
        function: function.name.clone(),
        program,
        arguments: Vec::new(),
        folder: absolute(&function.folder)?,
        environment,
        time_limit: settings.timeout,
        memory_limit: settings.memory,
    })
}

fn own_environment(function: &Function) -> io::Result<[(OsString, OsString); 2]> {
    Ok([
        (CONFIG.into(), absolute(&function.config())?.into()),
        ("SCF_FUNCTIONNAME".into(), function.name.clone().into()),
    ])
}

/// Without resolving links: a function sees its path as the project has it.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}
