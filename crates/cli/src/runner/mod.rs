//! Runs functions: finds them, builds them, and serves them events.

mod build;
mod caller;
mod forward;
mod function;
mod group;
mod host;
pub(crate) mod jsonc;
mod live_permissions;
mod node;
mod output;
mod passed;
mod prepare;
mod process;
mod project;
mod runtime_api;
mod settings;
mod sources;
mod upstream;
mod way;
mod worker;
mod worker_id;

pub(crate) use build::{BuildError, Built};
pub(crate) use caller::{Caller, CallerArgs, Source};
pub(crate) use function::{Function, Kind};
#[cfg(test)]
pub(crate) use group::in_tests as groups_in_tests;
pub(crate) use group::{Groups, TempFolder};
pub(crate) use host::{Host, InvocationError, Serving, Ways};
pub(crate) use node::{NodeError, SDK, SdkVersion, without_preloads};
pub(crate) use passed::Passed;
pub(crate) use prepare::{PrepareError, Prepared, build_function, prepare_node, sources_of};
pub(crate) use process::{Process, Processes, Spawner};
pub(crate) use project::{Project, ProjectError};
pub(crate) use runtime_api::{LARGEST, Outcome};
pub(crate) use settings::Settings;
pub(crate) use upstream::{Observer, Upstream, UpstreamError, tell};
pub(crate) use way::Way;
pub(crate) use worker::WorkerError;
pub(crate) use worker_id::WorkerId;
