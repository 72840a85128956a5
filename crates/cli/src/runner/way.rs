//! The way to WeChat: the emulator, a server or a cassette, and what is recorded on it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cloudcall::transport::{
    Body, HttpsTransport, Recorder, Replayer, Transport, TransportError, TransportErrorKind,
};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::{Emulator, EmulatorHandle, Fault};
use tokio::net::TcpListener;

use super::upstream::UpstreamError;
use crate::credentials::{Credentials, Secret};
use crate::printer::Printer;
use crate::target::Target;

/// What requests to WeChat go through.
pub(crate) struct Way {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) credentials: Option<Credentials>,
    pub(super) live: bool,
    pub(super) end: End,
    /// The emulator at the far end, also of a way that is recorded.
    pub(super) emulator: Option<Emulator>,
    /// Whether the credentials are those of a server, and no emulator's.
    pub(super) is_of_server: bool,
    _recording: Option<Recording>,
    _server: Option<EmulatorHandle>,
}

/// Where functions of another process find it.
pub(super) enum End {
    /// The emulator, which they may reach by itself.
    Emulator(Emulator),
    /// A server, which they may reach by themselves.
    Server(String),
    /// Only through this process.
    Here,
}

impl Way {
    /// Opens the way to the target, as an app.
    pub(crate) fn open(
        target: Target,
        app_id: Option<&str>,
        printer: Printer,
    ) -> Result<Self, UpstreamError> {
        let (transport, credentials, live, end): (Arc<dyn Transport>, _, _, _) = match target {
            Target::Emulator { media, faults } => {
                let emulator = emulator(media, faults, app_id, printer)?;
                let credentials = Credentials {
                    app_id: emulator.app_id().into(),
                    secret: Secret::new(emulator.app_secret()),
                };
                let transport = Arc::new(emulator.transport());
                (transport, Some(credentials), false, End::Emulator(emulator))
            }
            Target::Server {
                api_base,
                credentials,
                live,
            } => {
                let end = End::Server(api_base);
                (Arc::new(HttpsTransport::new()), credentials, live, end)
            }
            Target::Cassette(path) => {
                // Any will do, and with some a rejected token is renewed as it was.
                let credentials = Credentials {
                    app_id: app_id.unwrap_or(Emulator::DEFAULT_APP_ID).into(),
                    secret: Secret::new("replayed-app-secret"),
                };
                let replayer = Arc::new(Replayer::open(path)?);
                (replayer, Some(credentials), false, End::Here)
            }
        };
        let emulator = match &end {
            End::Emulator(emulator) => Some(emulator.clone()),
            End::Server(_) | End::Here => None,
        };
        let is_of_server = matches!(end, End::Server(_));
        Ok(Self {
            transport,
            credentials,
            live,
            end,
            emulator,
            is_of_server,
            _recording: None,
            _server: None,
        })
    }

    /// The same, over a connection where it leads to an emulator that is to fail: there faults show
    /// what they are, with the time limits of a connection.
    pub(crate) async fn connected(self) -> Result<Self, UpstreamError> {
        let End::Emulator(emulator) = &self.end else {
            return Ok(self);
        };
        if emulator.faults().list().is_empty() {
            return Ok(self);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = emulator.start(listener)?;
        Ok(Self {
            transport: Arc::new(HttpsTransport::new()),
            end: End::Server(server.url()),
            _server: Some(server),
            ..self
        })
    }

    /// The same, with what passes recorded in the cassette `record`, if one is given.
    pub(crate) fn recorded(
        self,
        record: Option<PathBuf>,
        printer: Printer,
    ) -> Result<Self, UpstreamError> {
        let way = self;
        let Some(cassette) = record else {
            return Ok(way);
        };
        let transport: Arc<dyn Transport> = match way.end {
            // A cassette has paths without the base, so that it is of use with any.
            End::Server(api_base) => Arc::new(Rebased {
                transport: way.transport,
                api_base,
            }),
            End::Emulator(_) | End::Here => way.transport,
        };
        let recorder = Recorder::new(Arc::clone(&transport), cassette)?;
        Ok(Self {
            transport: Arc::new(OfWeChat {
                recorder: recorder.clone(),
                around: transport,
            }),
            end: End::Here,
            _recording: Some(Recording { recorder, printer }),
            ..way
        })
    }

    /// A transport that takes paths without a base, whatever the end.
    pub(super) fn by_path(&self) -> Arc<dyn Transport> {
        match &self.end {
            End::Server(api_base) => Arc::new(Rebased {
                transport: Arc::clone(&self.transport),
                api_base: api_base.clone(),
            }),
            End::Emulator(_) | End::Here => Arc::clone(&self.transport),
        }
    }

    /// What makes calls from this process. Only a server needs the right `api_base`.
    pub(crate) fn cloud(&self, permissions: Permissions) -> Result<Cloud, cloudcall::Error> {
        let mut cloud = Cloud::builder()
            .permissions(permissions)
            .transport(Arc::clone(&self.transport));
        if let End::Server(api_base) = &self.end {
            cloud = cloud.api_base(api_base);
        }
        if let Some(Credentials { app_id, secret }) = &self.credentials {
            cloud = cloud.app_secret(app_id, secret.expose());
        }
        cloud.build()
    }
}

/// The emulator with the files of a folder as media. Says which faults there are, so that nobody
/// looks for them elsewhere.
fn emulator(
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

/// Says what was recorded, when it is over.
struct Recording {
    recorder: Recorder,
    printer: Printer,
}

impl Drop for Recording {
    fn drop(&mut self) {
        let path = self.recorder.path().display();
        match self.recorder.recorded() {
            0 => self.printer.warning(format_args!(
                "nothing was recorded in {path}: no Cloud Call got an answer"
            )),
            1 => self
                .printer
                .note(format_args!("recorded 1 exchange in {path}")),
            count => self
                .printer
                .note(format_args!("recorded {count} exchanges in {path}")),
        }
    }
}

/// Records what goes to WeChat. What steers an emulator is no exchange with it, and goes around.
struct OfWeChat {
    recorder: Recorder,
    around: Arc<dyn Transport>,
}

#[async_trait]
impl Transport for OfWeChat {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        match request.uri().path().starts_with("/_emulator/") {
            true => self.around.send(request).await,
            false => self.recorder.send(request).await,
        }
    }
}

/// Sends requests to a server, whatever host they name.
struct Rebased {
    transport: Arc<dyn Transport>,
    api_base: String,
}

#[async_trait]
impl Transport for Rebased {
    async fn send(
        &self,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let uri = format!("{}{path}", self.api_base.trim_end_matches('/'));
        // Not shown: it may hold the access token.
        *request.uri_mut() = uri.parse().map_err(|_| {
            TransportError::new(TransportErrorKind::Other, "the API base is not a URL")
        })?;
        self.transport.send(request).await
    }
}
