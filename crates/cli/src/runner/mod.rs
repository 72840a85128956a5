//! Runs functions: finds them, builds them, and serves them events.

mod build;
mod function;
mod jsonc;
mod output;
mod prepare;
mod process;
mod project;
mod runtime_api;
mod settings;
mod upstream;
mod worker;

pub(crate) use build::BuildError;
pub(crate) use function::Function;
pub(crate) use prepare::{PrepareError, prepare};
pub(crate) use process::{Processes, Spawner};
pub(crate) use project::{Project, ProjectError};
pub(crate) use runtime_api::{LARGEST, Outcome};
pub(crate) use settings::Settings;
pub(crate) use upstream::{Upstream, UpstreamError, emulator};
pub(crate) use worker::{Worker, WorkerError, WorkerSpec};
