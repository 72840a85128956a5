//! Live mode: WeChat's API behind TLS, with a certificate that the system trusts or does not.
//!
//! Only Linux takes the trusted certificates from a file that a variable names.

use std::fs;
use std::sync::Arc;

use axum::serve::Listener;
use cloudcall_emulator::Emulator;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::tool::{cloudcall, output, root, stderr, stdout};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_reached_over_https_if_its_certificate_is_trusted() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a matching key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().expect("bound").port()
    );
    let emulator = Emulator::builder()
        .app("wx-live", "s3cret-canary")
        .media("M", &b"\x89PNG\r\n\x1a\n"[..])
        .build()
        .expect("an emulator");
    let tls = Tls {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    };
    tokio::spawn(axum::serve(tls, emulator.router()).into_future());

    let folder = tempfile::tempdir().expect("a temp folder");
    let trusted = folder.path().join("trusted.pem");
    fs::write(&trusted, cert.pem()).expect("written");
    let call = |trusted: Option<&std::path::Path>| {
        let mut run = cloudcall(root());
        run.args([
            "call",
            "customerServiceMessage.getTempMedia",
            "mediaId=M",
            "--api-base",
            &url,
        ])
        .env("WECHAT_APPID", "wx-live")
        .env("WECHAT_SECRET", "s3cret-canary");
        if let Some(trusted) = trusted {
            run.env("SSL_CERT_FILE", trusted);
        }
        output(&mut run)
    };

    let reached = call(Some(&trusted));
    assert!(reached.status.success(), "{}", stderr(&reached));
    assert!(
        stdout(&reached).contains(r#""contentType":"image/png","buffer":"iVBORw0KGgo=""#),
        "{}",
        stdout(&reached)
    );
    assert_eq!(emulator.journal().count("/cgi-bin/stable_token"), 1);

    let refused = call(None);
    let said = format!("{}{}", stdout(&refused), stderr(&refused));
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("-601003") && said.contains("certificate"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
}
