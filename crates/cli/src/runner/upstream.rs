//! What a function's Cloud Calls reach while it runs: the emulator, started here, or a server; and
//! the gateway through which `wx-server-sdk` gets there.

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use cloudcall::transport::CassetteError;
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::{Caller, Emulator, EmulatorHandle, FunctionToken, Gateway, GatewayEvent};
use tokio::net::TcpListener;

use super::forward;
use super::live_permissions::LivePermissions;
use super::passed::Passed;
use super::way::{End, Way};
use super::worker_id::WorkerId;
use crate::credentials::Credentials;
use crate::env::{API_BASE, APP_ID, APP_SECRET, Env};
use crate::printer::Printer;
use crate::target::Target;

#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the emulator cannot be built: {0}")]
    Build(#[from] cloudcall_emulator::BuildError),
    #[error("the emulator cannot listen on the loopback address: {0}")]
    Listen(#[from] io::Error),
    #[error("{0}")]
    Server(#[from] cloudcall::Error),
    #[error("{}", with_cause(.0))]
    Cassette(#[from] CassetteError),
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Is told of Cloud Calls, in the middle of them, so it must not take long.
pub(crate) trait Observer: Send + Sync + 'static {
    /// Of what passes the gateway, so of functions with `wx-server-sdk`.
    fn gateway(&self, _: &GatewayEvent<'_>) {}

    /// Of what a worker sends by itself, so of functions in Rust.
    fn passed(&self, _: &Passed) {}
}

/// Says on stderr what the SDK keeps to itself.
struct Told(Printer);

impl Observer for Told {
    fn gateway(&self, event: &GatewayEvent<'_>) {
        tell(event, self.0);
    }
}

/// The servers that Cloud Calls reach, for as long as this lives.
pub(crate) struct Upstream {
    /// Where functions in other processes find it.
    api_base: String,
    /// What all of it goes through.
    way: Way,
    /// Permits nothing itself: each function has its own permissions, and all share the token.
    cloud: Cloud,
    gateway: Gateway,
    /// Serves the gateway, and what functions reach by way of this process, until it is dropped.
    server: EmulatorHandle,
}

impl Upstream {
    /// Starts the gateway, and the emulator if that is the target. It knows one app. Exchanges are
    /// recorded in the cassette `record`, if one is given.
    pub(crate) async fn open(
        target: Target,
        record: Option<PathBuf>,
        app_id: Option<&str>,
        printer: Printer,
    ) -> Result<Self, UpstreamError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let observer = Arc::new(Told(printer));
        let more = Router::new();
        Self::open_on(listener, target, record, app_id, observer, more, printer).await
    }

    /// The same at a port of the caller's, with more routes and with an observer of its own.
    pub(crate) async fn open_on(
        listener: TcpListener,
        target: Target,
        record: Option<PathBuf>,
        app_id: Option<&str>,
        observer: Arc<dyn Observer>,
        more: Router,
        printer: Printer,
    ) -> Result<Self, UpstreamError> {
        let told = Arc::clone(&observer);
        let gateway = Gateway::with_observer(move |event| told.gateway(event));
        let way = Way::open(target, app_id, printer)?.recorded(record, printer)?;
        let cloud = way.cloud(Permissions::allow([] as [&str; 0]))?;
        let (emulator, router) = match &way.end {
            End::Emulator(emulator) => (emulator.clone(), emulator.router()),
            End::Server(_) => (Emulator::builder().build()?, Router::new()),
            End::Here => {
                let router = forward::router(Arc::clone(&way.transport), printer);
                (Emulator::builder().build()?, router)
            }
        };
        let app_secret = way.credentials.as_ref().map(|it| it.secret.clone());
        let workers = forward::workers(way.by_path(), observer, printer, app_secret);
        let router = router.merge(gateway.router()).merge(workers).merge(more);
        let server = emulator.start_with(listener, router)?;
        let api_base = match &way.end {
            End::Server(api_base) => api_base.clone(),
            End::Emulator(_) | End::Here => server.url(),
        };
        Ok(Self {
            api_base,
            way,
            cloud,
            gateway,
            server,
        })
    }

    /// The app that calls, where it is known.
    pub(crate) fn app_id(&self) -> Option<&str> {
        self.way.credentials.as_ref().map(|it| it.app_id.as_str())
    }

    /// The emulator, if that is what Cloud Calls reach, recorded or not.
    pub(crate) fn emulator(&self) -> Option<&Emulator> {
        self.way.emulator.as_ref()
    }

    /// Whether the credentials are those of a server, recorded or not, and no emulator's.
    pub(crate) fn is_another_server(&self) -> bool {
        self.way.is_of_server
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Where the gateway is.
    pub(crate) fn gateway_url(&self) -> String {
        self.server.url()
    }

    /// Makes a function known to the gateway, with the permissions of its `config.json`, for as
    /// long as the token lives.
    pub(super) fn register(&self, function: &str, config: &Path) -> FunctionToken {
        let cloud = self.cloud.with_permissions(Permissions::load(config));
        self.gateway.register(Caller::new(function, cloud))
    }

    /// The same for one worker, with the permissions that `config.json` gives at each call.
    pub(crate) fn register_worker(
        &self,
        worker: WorkerId,
        function: &str,
        config: &Path,
    ) -> FunctionToken {
        let permissions = LivePermissions::of(config);
        let caller = Caller::new(function, self.cloud.clone())
            .id(worker.0)
            .permissions_from(move || permissions.now());
        self.gateway.register(caller)
    }

    /// The variables that lead a worker in Rust here, on the way that is its own.
    pub(crate) fn worker_environment(
        &self,
        worker: WorkerId,
        env: &Env,
    ) -> Vec<(OsString, OsString)> {
        let mut environment = self.environment(env);
        let own = format!("{}{}", self.server.url(), forward::path_of(worker));
        // The base comes first.
        environment[0].1 = own.into();
        environment
    }

    /// The variables that lead a function in Rust here. Tokens of WeChat itself may be shared;
    /// others must stay out of a store that is.
    pub(super) fn environment(&self, env: &Env) -> Vec<(OsString, OsString)> {
        let mut environment = vec![(API_BASE.into(), self.api_base.clone().into())];
        if let Some(Credentials { app_id, secret }) = &self.way.credentials {
            environment.push((APP_ID.into(), app_id.into()));
            environment.push((APP_SECRET.into(), secret.expose().into()));
        }
        if self.way.live {
            environment.extend(env.redis_url());
        }
        environment
    }
}

/// Says what the SDK keeps to itself: it shows a function little more than the error's number.
pub(crate) fn tell(event: &GatewayEvent<'_>, printer: Printer) {
    match event {
        GatewayEvent::CallFailed {
            function,
            api,
            error,
            ..
        } => match error.hint() {
            // What is nearest stands in its text.
            Some(hint) if error.is_not_recorded() => {
                printer.warning(format_args!("{function}: {error}"));
                printer.hint(hint);
            }
            Some(hint) => {
                let code = error.err_code();
                printer.warning(format_args!("{function}: {api} failed with errCode {code}"));
                printer.hint(hint);
            }
            None => printer.warning(format_args!("{function}: {error}")),
        },
        GatewayEvent::Refused {
            function, message, ..
        } => match function {
            Some(function) => printer.warning(format_args!("{function}: {message}")),
            None => printer.warning(message),
        },
        _ => {}
    }
}
