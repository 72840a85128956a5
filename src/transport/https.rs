//! The transport over the network: reqwest and rustls.

mod origin;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::uri::Authority;
use http_body::{Frame, SizeHint};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::redirect::{Attempt, Policy};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::{Body, Transport, TransportError, TransportErrorKind};
use origin::Origin;

/// A [`Transport`] that performs HTTP and HTTPS exchanges.
///
/// - Connections are kept and used again; clones share them.
/// - Certificates are verified as the operating system does it, so a company's own root works.
/// - `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are respected, except for loopback addresses,
///   which are always reached directly.
/// - A redirect is followed only to the same scheme, host and port: the URL holds the access
///   token. Any other is returned as it is.
/// - HTTP/1.1; no transparent decompression.
///
/// Make one and share it: each has its own connections.
///
/// ```
/// use std::time::Duration;
/// use cloudcall::transport::HttpsTransport;
///
/// let transport = HttpsTransport::builder()
///     .timeout(Duration::from_secs(5))
///     .max_reply_size(1 << 20)
///     .build();
/// ```
#[derive(Clone)]
pub struct HttpsTransport(Arc<Inner>);

struct Inner {
    options: HttpsTransportBuilder,
    known: Mutex<Known>,
}

/// What the first exchange finds out for later ones.
#[derive(Default)]
struct Known {
    /// Clients are made when first needed: reading the operating system's certificates takes
    /// time, and a container that speaks plain HTTP may have none.
    clients: [Option<Client>; Route::COUNT],
    origin: Option<Origin>,
}

/// A client, and the proxies that it knows of, which an error does not name.
#[derive(Clone)]
struct Client {
    reqwest: reqwest::Client,
    proxies: Option<Arc<Matcher>>,
}

impl Client {
    /// Who is connected to for the sake of this URI.
    fn route_to(&self, uri: &http::Uri) -> Peer {
        let proxy = self
            .proxies
            .as_ref()
            .and_then(|proxies| proxies.intercept(uri));
        Peer {
            host: uri.authority().cloned(),
            proxy: proxy.and_then(|proxy| proxy.uri().authority().cloned()),
        }
    }
}

/// The other side of an exchange, in the words of an error.
struct Peer {
    host: Option<Authority>,
    proxy: Option<Authority>,
}

impl Peer {
    fn host(&self) -> String {
        self.host.as_ref().map(host_and_port).unwrap_or_default()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host())?;
        match &self.proxy {
            Some(proxy) => write!(f, " through the proxy {}", host_and_port(proxy)),
            None => Ok(()),
        }
    }
}

/// Without a user name or password, which a proxy's address may hold.
fn host_and_port(authority: &Authority) -> String {
    let host = authority.host();
    match authority.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// How a host is reached; each way has its own client.
#[derive(Clone, Copy)]
struct Route {
    tls: bool,
    loopback: bool,
}

impl Route {
    const COUNT: usize = 4;

    fn of(uri: &http::Uri) -> Self {
        Self {
            tls: uri.scheme() == Some(&http::uri::Scheme::HTTPS),
            loopback: uri.host().is_some_and(is_loopback),
        }
    }

    fn index(self) -> usize {
        usize::from(self.tls) * 2 + usize::from(self.loopback)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

impl HttpsTransport {
    /// With the defaults of the [builder](Self::builder).
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets limits.
    pub fn builder() -> HttpsTransportBuilder {
        HttpsTransportBuilder {
            connect_timeout: Duration::from_secs(10),
            timeout: Some(Duration::from_secs(30)),
            max_reply_size: 64 << 20,
        }
    }

    /// The client that reaches this URI, and the root of the server that is there.
    fn known(&self, uri: &http::Uri) -> Result<(Client, Option<Url>), TransportError> {
        let route = Route::of(uri);
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Origin::root(&mut known.origin, uri);
        if let Some(client) = &known.clients[route.index()] {
            return Ok((client.clone(), root));
        }
        let client = self.0.options.client(route)?;
        known.clients[route.index()] = Some(client.clone());
        Ok((client, root))
    }
}

impl Default for HttpsTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpsTransport")
            .field(&self.0.options)
            .finish()
    }
}

#[async_trait]
impl Transport for HttpsTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (client, root) = self.known(request.uri())?;
        let peer = client.route_to(request.uri());
        let request = origin::request(root, request).map_err(|error| failure(&peer, error))?;
        let response = client
            .reqwest
            .execute(request)
            .await
            .map_err(|error| failure(&peer, error))?;

        let limit = self.0.options.max_reply_size;
        let too_large = response
            .content_length()
            .is_some_and(|length| length > limit);
        let response = http::Response::from(response);
        if too_large {
            return Err(too_large_error(limit));
        }
        Ok(response.map(|body| {
            Body::new(Arriving {
                body,
                peer,
                limit,
                left: limit,
            })
        }))
    }
}

/// Sets the limits of an [`HttpsTransport`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpsTransportBuilder {
    connect_timeout: Duration,
    timeout: Option<Duration>,
    max_reply_size: u64,
}

impl HttpsTransportBuilder {
    /// How long name resolution, TCP and TLS may take together. 10 seconds by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long an exchange may take, from the connection to the last byte of the reply; `None`
    /// for no limit. 30 seconds by default.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// The largest reply in bytes. 64 MiB by default; WeChat's images are at most 10 MB.
    pub fn max_reply_size(mut self, bytes: u64) -> Self {
        self.max_reply_size = bytes;
        self
    }

    /// The transport. It connects when it is first used.
    pub fn build(self) -> HttpsTransport {
        HttpsTransport(Arc::new(Inner {
            options: self,
            known: Mutex::default(),
        }))
    }

    fn client(&self, route: Route) -> Result<Client, TransportError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(route.tls)?)
            .connect_timeout(self.connect_timeout)
            .redirect(Policy::custom(same_origin_only))
            .user_agent(concat!("cloudcall/", env!("CARGO_PKG_VERSION")));
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        if route.loopback {
            builder = builder.no_proxy();
        }
        let reqwest = builder.build().map_err(cannot_set_up)?;
        // Where reqwest looks for them, too.
        let proxies = (!route.loopback).then(|| Arc::new(Matcher::from_system()));
        Ok(Client { reqwest, proxies })
    }
}

fn tls_config(verify: bool) -> Result<rustls::ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(cannot_set_up)?;
    let config = if verify {
        config.with_platform_verifier().map_err(cannot_set_up)?
    } else {
        // For plain HTTP. No certificate is trusted, should TLS be met all the same.
        config.with_root_certificates(rustls::RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

fn cannot_set_up(error: impl StdError + Send + Sync + 'static) -> TransportError {
    let message = format!("cannot set up TLS: {}", root_cause(&error));
    TransportError::new(TransportErrorKind::Certificate, message).caused_by(error)
}

/// Follows a redirect only where the access token in the URL has been before.
fn same_origin_only(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    /// WeChat does not redirect; a gateway in between may do so once.
    const MOST: usize = 5;

    let same_origin = attempt
        .previous()
        .last()
        .is_some_and(|previous| previous.origin() == attempt.url().origin());
    if same_origin && attempt.previous().len() <= MOST {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// A reply's body on its way, counted against the limit.
struct Arriving {
    body: reqwest::Body,
    peer: Peer,
    limit: u64,
    left: u64,
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| failure(&self.peer, error))?;
        if let Some(data) = frame.data_ref() {
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(too_large_error(self.limit)))),
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_large_error(limit: u64) -> TransportError {
    TransportError::new(
        TransportErrorKind::TooLarge,
        format!("the reply is larger than {limit} bytes"),
    )
}

/// Tells how far the exchange came. The URL is taken out: it holds the access token.
fn failure(peer: &Peer, error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let cause = root_cause(&error);
    let host = peer.host();
    let (kind, message) = if error.is_timeout() && error.is_connect() {
        (
            TransportErrorKind::Connect,
            format!("connecting to {peer} took too long"),
        )
    } else if error.is_timeout() {
        (
            TransportErrorKind::Timeout,
            format!("no whole answer from {host} in time"),
        )
    } else if error.is_connect() {
        let kind = if refuses_certificate(&error) {
            TransportErrorKind::Certificate
        } else {
            TransportErrorKind::Connect
        };
        (kind, format!("cannot connect to {peer}: {cause}"))
    } else if error.is_builder() {
        (
            TransportErrorKind::Other,
            format!("not a request for HTTP: {cause}"),
        )
    } else {
        (
            TransportErrorKind::Interrupted,
            format!("the connection to {host} broke: {cause}"),
        )
    };
    TransportError::new(kind, message).caused_by(error)
}

/// Whether the certificate of the other side is why.
fn refuses_certificate(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An I/O error is not asked for its source, which passes over what it holds.
        let held = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let tls = match held {
            Some(held) => held.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        if let Some(rustls::Error::InvalidCertificate(_)) = tls {
            return true;
        }
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    false
}

fn root_cause(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
