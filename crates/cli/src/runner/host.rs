//! Everything that functions need while they run, and one invocation of any of them.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use cloudcall::Permissions;
use cloudcall_emulator::{FunctionCall, FunctionInvoker, FunctionToken, InvokeError};

use super::caller::{Caller, Source};
use super::function::{Function, Kind};
use super::node::{NodeError, Scripts, sdk_environment};
use super::prepare::{Launch, PrepareError, Prepared, prepare};
use super::process::Spawner;
use super::project::Project;
use super::runtime_api::Outcome;
use super::settings::Settings;
use super::upstream::Upstream;
use super::worker::{Worker, WorkerError};
use super::worker_id::WorkerId;
use crate::env::{API_BASE, APP_ID, APP_SECRET, CONFIG, Env, NODE_OPTIONS};
use crate::ids;
use crate::printer::Printer;

/// Why an invocation has no outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

/// Where functions run.
pub(crate) struct Host {
    /// None where there is no functions folder.
    pub(crate) project: Option<Project>,
    pub(crate) upstream: Upstream,
    pub(crate) caller: Caller,
    pub(crate) env: Env,
    pub(crate) spawner: Spawner,
    pub(crate) printer: Printer,
    ways: Ways,
    scripts: OnceLock<Scripts>,
}

/// How the Cloud Calls of workers reach the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ways {
    /// All of them on the same way.
    Shared,
    /// Each worker on its own, so that it can be told which one a call is of; and with the
    /// permissions that its `config.json` gives at each call.
    Apart,
}

/// A worker that serves events, and what must live as long as it does.
pub(crate) struct Serving {
    worker: Worker,
    kind: Kind,
    _token: Option<FunctionToken>,
}

impl Host {
    /// A host whose functions can call each other by way of the gateway.
    pub(crate) fn new(
        project: Option<Project>,
        upstream: Upstream,
        caller: Caller,
        env: Env,
        spawner: Spawner,
        printer: Printer,
        ways: Ways,
    ) -> Arc<Self> {
        let host = Arc::new(Self {
            project,
            upstream,
            caller,
            env,
            spawner,
            printer,
            scripts: OnceLock::new(),
            ways,
        });
        // Weak, because the host holds the gateway.
        host.upstream
            .gateway()
            .set_invoker(Calls(Arc::downgrade(&host)));
        host
    }

    /// Our scripts for Node, written when first needed.
    pub(crate) fn scripts(&self) -> Result<&Scripts, NodeError> {
        if let Some(scripts) = self.scripts.get() {
            return Ok(scripts);
        }
        let written = Scripts::write(self.spawner.temp_folder().map_err(NodeError::Scripts)?)?;
        Ok(self.scripts.get_or_init(|| written))
    }

    /// What leads `wx-server-sdk` to the gateway with the permissions of a `config.json`, for as
    /// long as the token lives.
    pub(crate) fn sdk_environment(
        &self,
        worker: WorkerId,
        function: &str,
        config: &Path,
    ) -> (Vec<(OsString, OsString)>, FunctionToken) {
        let token = match self.ways {
            Ways::Shared => self.upstream.register(function, config),
            Ways::Apart => self.upstream.register_worker(worker, function, config),
        };
        let gateway = self.upstream.gateway_url();
        let environment = sdk_environment(&gateway, token.expose(), function, &self.caller);
        (environment, token)
    }

    /// What leads a worker in Rust here.
    pub(super) fn worker_environment(&self, worker: WorkerId) -> Vec<(OsString, OsString)> {
        match self.ways {
            Ways::Shared => self.upstream.environment(&self.env),
            Ways::Apart => self.upstream.worker_environment(worker, &self.env),
        }
    }

    /// What is told to a process of the user's. It shows up on screens: no secret of WeChat's is in
    /// it.
    pub(crate) fn offered_environment(
        &self,
        name: &str,
        config: &Path,
    ) -> (Vec<(String, String)>, FunctionToken) {
        let mut environment = self.upstream.environment(&self.env);
        let is_kept = |name: &OsString| {
            name == API_BASE
                || name == APP_ID
                || name == APP_SECRET && !self.upstream.is_another_server()
        };
        environment.retain(|(name, _)| is_kept(name));
        environment.push((CONFIG.into(), config.into()));
        let (sdk, token) = self.sdk_environment(WorkerId::next(), name, config);
        environment.extend(sdk);
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let environment = environment
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        (environment, token)
    }

    /// The environment of a command that is no function: what leads both SDKs here.
    pub(crate) fn command_environment(
        &self,
        name: &str,
        config: &Path,
    ) -> Result<(Vec<(OsString, OsString)>, FunctionToken), PrepareError> {
        let mut environment = self.env.for_children();
        environment.extend(self.upstream.environment(&self.env));
        environment.push((CONFIG.into(), config.into()));
        let (sdk, token) = self.sdk_environment(WorkerId::next(), name, config);
        environment.extend(sdk);
        let before = self.env.os(NODE_OPTIONS).and_then(|it| it.to_str());
        let options = self.scripts()?.node_options(before);
        environment.push((NODE_OPTIONS.into(), options.into()));
        Ok((environment, token))
    }

    /// Runs a function once, in a worker of its own; one in Node under a debugger at the port
    /// `inspect`, if that is given, and then without a time limit.
    pub(crate) async fn invoke(
        &self,
        function: &Function,
        event: String,
        inspect: Option<u16>,
    ) -> Result<Outcome, InvocationError> {
        let settings = self.settings(&function.config());
        let prepared = prepare(self, function, settings).await?;
        let mut worker = self.start(&prepared, inspect).await?;
        let event = event.into();
        let outcome = worker
            .invoke(ids::request_id(), event, &self.caller, Source::Http)
            .await;
        worker.stop().await;
        Ok(outcome?)
    }

    /// Starts a worker and waits until it is ready; one in Node under a debugger at the port
    /// `inspect`, if that is given.
    pub(crate) async fn start(
        &self,
        prepared: &Prepared,
        inspect: Option<u16>,
    ) -> Result<Serving, InvocationError> {
        let Launch { spec, token } = prepared.launch(self, WorkerId::next(), inspect)?;
        Ok(Serving {
            worker: Worker::start(spec, &self.spawner, self.printer).await?,
            kind: prepared.function.kind,
            _token: token,
        })
    }

    /// What a `config.json` says about running; says what is odd in it.
    pub(crate) fn settings(&self, config: &Path) -> Settings {
        let settings = Settings::load(config);
        let permissions = Permissions::load(config);
        for warning in permissions.warnings() {
            self.printer.warning(warning);
        }
        // A function without Cloud Calls needs no config.json, but one that is there must be read.
        if let Some(problem) = permissions.problem().filter(|_| config.exists()) {
            self.printer
                .warning(format_args!("{problem}: no Cloud Call is permitted"));
        }
        for warning in &settings.warnings {
            self.printer.warning(warning);
        }
        settings
    }
}

impl Serving {
    /// Which worker it is.
    pub(crate) fn id(&self) -> WorkerId {
        self.worker.id()
    }

    /// The Cloud Calls that the SDK for Rust denied within the last invocation, in order.
    pub(crate) fn denied(&self) -> Vec<String> {
        self.worker.denied()
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&self) {
        self.worker.ended().await;
    }

    /// Whether it has taken the event that it was handed, so that nobody else may be.
    pub(crate) fn took_its_event(&self) -> bool {
        self.worker.took_its_event()
    }

    /// Hands it an event, says who calls, and waits for what it makes of it. After an error the
    /// process has ended.
    pub(crate) async fn invoke(
        &mut self,
        request_id: String,
        event: Bytes,
        caller: &Caller,
        source: Source,
    ) -> Result<Outcome, WorkerError> {
        let (event, header) = match self.kind {
            Kind::Rust => (caller.introduce(event), None),
            // Our script does it, from the environment.
            Kind::Node => (event, Some(caller.header(source))),
        };
        self.worker.invoke(request_id, event, header).await
    }

    /// Ends the process with all that it started.
    pub(crate) async fn stop(self) {
        self.worker.stop().await;
    }
}

/// `cloud.callFunction` of one function to another.
struct Calls(Weak<Host>);

#[async_trait::async_trait]
impl FunctionInvoker for Calls {
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
        let Some(host) = self.0.upgrade() else {
            return Err(InvokeError::Failed("the tool is about to end".into()));
        };
        let function = host
            .project
            .as_ref()
            .and_then(|project| project.function(&call.function).ok())
            .ok_or(InvokeError::NotFound)?;
        let event = String::from_utf8(call.event.into())
            .map_err(|error| InvokeError::Failed(format!("the event is not UTF-8: {error}")))?;
        match host.invoke(&function, event, None).await {
            Ok(Outcome::Response(result)) => Ok(result),
            Ok(Outcome::Error(error)) => Err(InvokeError::Failed(
                String::from_utf8_lossy(&error).into_owned(),
            )),
            Ok(Outcome::TooLarge) => Err(InvokeError::Failed("the result is too large".into())),
            Err(InvocationError::Worker(error @ WorkerError::TimedOut(_))) => {
                Err(InvokeError::TimedOut(error.to_string()))
            }
            Err(error) => Err(InvokeError::Failed(error.to_string())),
        }
    }
}
