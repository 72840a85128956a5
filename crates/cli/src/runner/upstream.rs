//! What a function's Cloud Calls reach while it runs: the emulator, started here, or a server; and
//! the gateway through which `wx-server-sdk` gets there.

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use cloudcall::transport::{HttpsTransport, Transport};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::{
    Caller, Emulator, EmulatorHandle, Fault, FunctionToken, Gateway, GatewayEvent,
};
use tokio::net::TcpListener;

use crate::credentials::{Credentials, Secret};
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
}

/// The servers that Cloud Calls reach, for as long as this lives.
pub(crate) struct Upstream {
    api_base: String,
    credentials: Option<Credentials>,
    live: bool,
    /// Permits nothing itself: each function has its own permissions, and all share the token.
    cloud: Cloud,
    gateway: Gateway,
    /// Serves the gateway, and the emulator if that is the target, until it is dropped.
    server: EmulatorHandle,
}

impl Upstream {
    /// Starts the gateway, and the emulator if that is the target. It knows one app.
    pub(crate) async fn open(
        target: Target,
        app_id: Option<&str>,
        printer: Printer,
    ) -> Result<Self, UpstreamError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let gateway = Gateway::with_observer(move |event| tell(event, printer));
        match target {
            Target::Server {
                api_base,
                credentials,
                live,
            } => Ok(Self {
                cloud: cloud(HttpsTransport::new(), &api_base, credentials.as_ref())?,
                api_base,
                credentials,
                live,
                server: Emulator::builder()
                    .build()?
                    .start_with(listener, gateway.router())?,
                gateway,
            }),
            Target::Emulator { media, faults } => {
                let emulator = emulator(media, faults, app_id, printer)?;
                let router = emulator.router().merge(gateway.router());
                let server = emulator.start_with(listener, router)?;
                let api_base = server.url();
                let credentials = Some(Credentials {
                    app_id: emulator.app_id().into(),
                    secret: Secret::new(emulator.app_secret()),
                });
                Ok(Self {
                    cloud: cloud(emulator.transport(), &api_base, credentials.as_ref())?,
                    api_base,
                    credentials,
                    live: false,
                    gateway,
                    server,
                })
            }
        }
    }

    /// The app that calls, where it is known.
    pub(crate) fn app_id(&self) -> Option<&str> {
        self.credentials.as_ref().map(|it| it.app_id.as_str())
    }

    /// The gateway.
    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Where the gateway is.
    pub(super) fn gateway_url(&self) -> String {
        self.server.url()
    }

    /// Makes a function known to the gateway, with the permissions of its `config.json`, for as
    /// long as the token lives.
    pub(super) fn register(&self, function: &str, config: &Path) -> FunctionToken {
        let cloud = self.cloud.with_permissions(Permissions::load(config));
        self.gateway.register(Caller::new(function, cloud))
    }

    /// The variables that lead a function in Rust here. Tokens of WeChat itself may be shared;
    /// others must stay out of a store that is.
    pub(super) fn environment(&self, env: &Env) -> Vec<(OsString, OsString)> {
        let mut environment = vec![(API_BASE.into(), self.api_base.clone().into())];
        if let Some(Credentials { app_id, secret }) = &self.credentials {
            environment.push((APP_ID.into(), app_id.into()));
            environment.push((APP_SECRET.into(), secret.expose().into()));
        }
        if self.live {
            environment.extend(env.redis_url());
        }
        environment
    }
}

/// What calls for the functions in Node.
fn cloud(
    transport: impl Transport,
    api_base: &str,
    credentials: Option<&Credentials>,
) -> Result<Cloud, cloudcall::Error> {
    let mut cloud = Cloud::builder().transport(transport).api_base(api_base);
    if let Some(Credentials { app_id, secret }) = credentials {
        cloud = cloud.app_secret(app_id, secret.expose());
    }
    cloud.build()
}

/// Says what the SDK keeps to itself: it shows a function little more than the error's number.
fn tell(event: &GatewayEvent<'_>, printer: Printer) {
    match event {
        GatewayEvent::CallFailed {
            function,
            api,
            error,
            ..
        } => match error.hint() {
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

/// The emulator with the files of a folder as media. Says which faults there are, so that nobody
/// looks for them elsewhere.
pub(crate) fn emulator(
    media: Option<PathBuf>,
    faults: Vec<Fault>,
    app_id: Option<&str>,
    printer: Printer,
) -> Result<Emulator, cloudcall_emulator::BuildError> {
    let mut builder = Emulator::builder();
    for fault in faults {
        builder = builder.fault(fault);
    }
    if let Some(app_id) = app_id {
        builder = builder.app(app_id, crate::ids::app_secret());
    }
    if let Some(media) = media {
        builder = builder.media_dir(media);
    }
    let emulator = builder.build()?;
    let faults = emulator.faults().list();
    if !faults.is_empty() {
        let faults: Vec<_> = faults.into_iter().map(|status| status.fault).collect();
        printer.note(format_args!(
            "the emulator has faults: {}",
            faults.join("; ")
        ));
    }
    Ok(emulator)
}
