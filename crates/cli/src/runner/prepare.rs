//! From a function to the worker that can run it: what is done once for all its workers, the build
//! or the check of its SDK, and what each worker gets for itself.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cloudcall_emulator::FunctionToken;

use super::build::{BuildError, Built, build};
use super::function::{Function, Kind};
use super::host::Host;
use super::node::{self, NodeError};
use super::settings::Settings;
use super::sources::sources;
use super::worker::WorkerSpec;
use super::worker_id::WorkerId;
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

/// A function that is built or checked: what all its workers are started from.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) function: Function,
    pub(crate) settings: Settings,
    /// What is run: the function itself, or Node.
    pub(crate) program: PathBuf,
}

/// How to start one worker, and what must live as long as it does.
pub(crate) struct Launch {
    pub(super) spec: WorkerSpec,
    /// Lets the worker through the gateway.
    pub(super) token: Option<FunctionToken>,
}

/// Builds the function if it needs building, and finds what runs it.
pub(super) async fn prepare(
    host: &Host,
    function: &Function,
    settings: Settings,
) -> Result<Prepared, PrepareError> {
    match function.kind {
        Kind::Rust => {
            let built = build_function(host, function).await?;
            Ok(Prepared {
                function: function.clone(),
                settings,
                program: built.executable,
            })
        }
        Kind::Node => prepare_node(host, function, settings),
    }
}

/// Builds a function in Rust.
pub(crate) async fn build_function(host: &Host, function: &Function) -> Result<Built, BuildError> {
    let environment = host.env.for_children();
    let manifest = function.manifest();
    build(
        host.env.cargo(),
        (&function.name, &manifest),
        &environment,
        &host.spawner,
        host.printer,
    )
    .await
}

/// What a function in Rust is built from: files, and folders of sources.
pub(crate) async fn sources_of(host: &Host, function: &Function) -> Option<BTreeSet<PathBuf>> {
    let environment = host.env.for_children();
    let manifest = function.manifest();
    sources(host.env.cargo(), &manifest, &environment, &host.spawner).await
}

/// Checks the SDK of a function in Node, and finds Node.
pub(crate) fn prepare_node(
    host: &Host,
    function: &Function,
    settings: Settings,
) -> Result<Prepared, PrepareError> {
    let folder = absolute(&function.folder)?;
    node::check_sdk(&folder)?;
    Ok(Prepared {
        function: function.clone(),
        settings,
        program: node::find(host.env.os("PATH"), &folder)?,
    })
}

impl Prepared {
    /// How to start the worker `id`; under a debugger at the port `inspect`, if that is given.
    pub(super) fn launch(
        &self,
        host: &Host,
        id: WorkerId,
        inspect: Option<u16>,
    ) -> Result<Launch, PrepareError> {
        let Self {
            function, settings, ..
        } = self;
        let folder = absolute(&function.folder)?;
        let mut environment = host.env.for_children();
        environment.extend(variables(settings));
        let mut token = None;
        let mut arguments = Vec::new();
        match function.kind {
            Kind::Rust => {
                environment.extend(host.worker_environment(id));
                environment.push((CONFIG.into(), absolute(&function.config())?.into()));
                environment.push(("SCF_FUNCTIONNAME".into(), function.name.clone().into()));
            }
            Kind::Node => {
                let config = function.config();
                let (sdk, issued) = host.sdk_environment(id, &function.name, &config);
                environment.extend(sdk);
                if inspect.is_some() {
                    let (name, value) = node::INSPECT;
                    environment.push((name.into(), value.into()));
                }
                token = Some(issued);
                arguments = host.scripts()?.arguments(inspect);
            }
        }
        Ok(Launch {
            spec: WorkerSpec {
                id,
                function: function.name.clone(),
                program: self.program.clone(),
                arguments,
                folder,
                environment,
                time_limit: inspect.is_none().then_some(settings.timeout),
                memory_limit: settings.memory,
            },
            token,
        })
    }
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
