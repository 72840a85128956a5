//! What a function's Cloud Calls reach while it runs: the emulator, started here, or a server.

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use cloudcall_emulator::{Emulator, EmulatorHandle};
use tokio::net::TcpListener;

use crate::credentials::{Credentials, Secret};
use crate::env::{API_BASE, APP_ID, APP_SECRET, Env};
use crate::target::Target;

#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the emulator cannot be built: {0}")]
    Build(#[from] cloudcall_emulator::BuildError),
    #[error("the emulator cannot listen on the loopback address: {0}")]
    Listen(#[from] io::Error),
}

/// The server that Cloud Calls reach, for as long as this lives.
pub(crate) struct Upstream {
    api_base: String,
    credentials: Option<Credentials>,
    live: bool,
    /// Serves until it is dropped.
    _emulator: Option<EmulatorHandle>,
}

impl Upstream {
    /// Starts the emulator if that is the target. It knows one app.
    pub(crate) async fn open(target: Target, app_id: Option<&str>) -> Result<Self, UpstreamError> {
        match target {
            Target::Server {
                api_base,
                credentials,
                live,
            } => Ok(Self {
                api_base,
                credentials,
                live,
                _emulator: None,
            }),
            Target::Emulator { media } => {
                let emulator = emulator(media, app_id)?;
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let credentials = Credentials {
                    app_id: emulator.app_id().into(),
                    secret: Secret::new(emulator.app_secret()),
                };
                let handle = emulator.start(listener)?;
                Ok(Self {
                    api_base: handle.url(),
                    credentials: Some(credentials),
                    live: false,
                    _emulator: Some(handle),
                })
            }
        }
    }

    /// The variables that lead a function here. Tokens of WeChat itself may be shared; others
    /// must stay out of a store that is.
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

/// The emulator with the files of a folder as media.
pub(crate) fn emulator(
    media: Option<PathBuf>,
    app_id: Option<&str>,
) -> Result<Emulator, cloudcall_emulator::BuildError> {
    let mut builder = Emulator::builder();
    if let Some(app_id) = app_id {
        builder = builder.app(app_id, crate::ids::app_secret());
    }
    if let Some(media) = media {
        builder = builder.media_dir(media);
    }
    builder.build()
}
