//! Live mode: WeChat's API behind TLS, with a certificate that the system trusts or does not.
//!
//! Only Linux takes the trusted certificates from a file that a variable names.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::serve::Listener;
use cloudcall_emulator::Emulator;
use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::seen::{assert_seen, seen};
use crate::servers::SECRET;
use crate::tool::{cloudcall, root};

/// Accepts TLS connections.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            // A client that does not trust us breaks off.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Serves the emulator at this certificate's name, and gives the URL.
async fn serve(emulator: &Emulator, of_server: &CertifiedKey<KeyPair>) -> String {
    let key = of_server.signing_key.serialize_der();
    let key = PrivateKeyDer::try_from(key).expect("a key");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![of_server.cert.der().clone()], key)
        .expect("a matching key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let tls = Tls {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    };
    tokio::spawn(axum::serve(tls, emulator.router()).into_future());
    format!("https://localhost:{port}")
}

/// A certificate for localhost, signed by itself under this name.
fn certificate(name: &str) -> CertifiedKey<KeyPair> {
    let mut about = CertificateParams::new(["localhost".to_owned()]).expect("a host");
    about.distinguished_name.push(DnType::CommonName, name);
    let signing_key = KeyPair::generate().expect("a key");
    let cert = about.self_signed(&signing_key).expect("a certificate");
    CertifiedKey { cert, signing_key }
}

/// A run of an app, which trusts this certificate and no other.
fn run(arguments: &[&str], url: &str, trusted: &Path) -> Command {
    let mut run = cloudcall(root());
    run.args(arguments)
        .args(["--api-base", url])
        .env("WECHAT_APPID", "wx-live")
        .env("WECHAT_SECRET", SECRET)
        .env("SSL_CERT_FILE", trusted);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_reached_over_https_if_its_certificate_is_trusted() {
    let emulator = Emulator::builder()
        .app("wx-live", SECRET)
        .media("M", &b"\x89PNG\r\n\x1a\n"[..])
        .build()
        .expect("an emulator");
    let of_server = certificate("server");
    let url = serve(&emulator, &of_server).await;
    let folder = tempfile::tempdir().expect("a temp folder");
    let trusted = folder.path().join("trusted.pem");
    fs::write(&trusted, of_server.cert.pem()).expect("written");
    let other = folder.path().join("other.pem");
    fs::write(&other, certificate("other").cert.pem()).expect("written");

    let call = ["call", "customerServiceMessage.getTempMedia", "mediaId=M"];
    let invoke = ["invoke", "get-temp-media", "-e", r#"{"mediaId":"M"}"#];
    assert_seen!("live-call", &mut run(&call, &url, &trusted));
    assert_seen!("live-invoke", &mut run(&invoke, &url, &trusted));
    assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 2);

    let refused = seen(&mut run(&call, &url, &other));
    assert!(!refused.contains("canary"), "{refused}");
    assert_seen!("live-call-untrusted", &mut run(&call, &url, &other));
    assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 2);
}
