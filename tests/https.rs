//! `HttpsTransport` against servers that misbehave, on real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cloudcall::openapi::customer_service_message::{GetTempMedia, TempMedia, get_temp_media};
use cloudcall::transport::{HttpsTransport, HttpsTransportBuilder, Transport as _};
use cloudcall::{Cloud, Error, Permissions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::tool::GUARD;

/// A server that gives prepared bytes. Counts connections and requests.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Every request gets the same reply; then the connection ends if `close` says so.
    async fn start(reply: impl Into<String>, close: bool) -> Self {
        Self::start_with(close, |_| vec![reply.into()]).await
    }

    /// `replies` is told the server's URL. The last reply is for all further requests, too.
    async fn start_with(close: bool, replies: impl FnOnce(&str) -> Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let replies = Arc::<[String]>::from(replies(&url));
        let (connections, requests) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (accepted, served) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (replies, served) = (Arc::clone(&replies), Arc::clone(&served));
                tokio::spawn(serve(stream, replies, close, served));
            }
        });
        Self {
            url,
            connections,
            requests,
        }
    }

    fn counts(&self) -> (usize, usize) {
        (
            self.connections.load(Ordering::SeqCst),
            self.requests.load(Ordering::SeqCst),
        )
    }
}

async fn serve(
    mut stream: TcpStream,
    replies: Arc<[String]>,
    close: bool,
    served: Arc<AtomicUsize>,
) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let number = served.fetch_add(1, Ordering::SeqCst);
        let reply = &replies[number.min(replies.len() - 1)];
        // The client may have gone away, which is what some tests are about.
        let _ = stream.write_all(reply.as_bytes()).await;
        if close {
            return;
        }
    }
}

fn cloud(url: &str, transport: HttpsTransportBuilder) -> Cloud {
    Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .access_token("canary/token")
        .api_base(url)
        .transport(transport.build())
        .build()
        .expect("complete")
}

async fn get(cloud: &Cloud) -> Result<TempMedia, Error> {
    let call = get_temp_media(cloud, GetTempMedia::new("M"));
    tokio::time::timeout(GUARD, call)
        .await
        .expect("no call takes that long")
}

/// The error of a call; no text of it holds the token.
async fn error_of(cloud: &Cloud) -> Error {
    let error = get(cloud).await.expect_err("a failure");
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
    error
}

const IMAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\n12345";

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(IMAGE, false).await;
    let cloud = cloud(&server.url, HttpsTransport::builder());
    for _ in 0..3 {
        assert_eq!(&get(&cloud).await.expect("an image").buffer[..], b"12345");
    }
    assert_eq!(server.counts(), (1, 3));
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_an_error() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: ima",
    ] {
        let server = Server::start(reply, true).await;
        let error = error_of(&cloud(&server.url, HttpsTransport::builder())).await;
        assert!(error.is_network(), "{error}");
        assert_eq!(error.err_code(), -601_003);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_does_not_end_is_given_up() {
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n12345",
    ] {
        let server = Server::start(reply, false).await;
        let transport = HttpsTransport::builder().timeout(Duration::from_millis(100));
        let error = error_of(&cloud(&server.url, transport)).await;
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.err_code(), -604_102);
    }
}

#[tokio::test]
async fn nobody_there_is_a_network_error_that_names_the_host() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("bound")
    };
    let error = error_of(&cloud(
        &format!("http://{address}"),
        HttpsTransport::builder(),
    ))
    .await;
    assert!(error.is_network(), "{error}");
    assert!(error.err_msg().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn no_text_of_a_transport_error_holds_the_url() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    for (reply, close) in [("", false), ("", true), (short, true)] {
        let server = Server::start(reply, close).await;
        let transport = HttpsTransport::builder().timeout(Duration::from_millis(100));
        let request = http::Request::get(format!("{}/x?access_token=canary", server.url))
            .body(Bytes::new())
            .expect("a request");
        let received = match transport.build().send(request).await {
            Ok(response) => response.into_body().bytes().await,
            Err(error) => Err(error),
        };
        let error = received.expect_err("no whole reply");
        // The cause, too: it is reqwest's own error, which knows the URL.
        let said = format!("{error} {error:?}");
        assert!(!said.contains("canary"), "{said}");
    }
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_redirect_to_the_same_host_is_followed() {
    let server = Server::start_with(false, |_| vec![redirect("/elsewhere"), IMAGE.into()]).await;
    let media = get(&cloud(&server.url, HttpsTransport::builder())).await;
    assert_eq!(&media.expect("an image").buffer[..], b"12345");
    assert_eq!(server.counts(), (1, 2));

    // In a circle: given up after a few rounds.
    let server = Server::start(redirect("/elsewhere"), false).await;
    let error = error_of(&cloud(&server.url, HttpsTransport::builder())).await;
    assert_eq!(error.err_code(), -604_103);
    assert_eq!(server.counts().1, 6);
}

#[tokio::test]
async fn a_redirect_to_another_host_or_port_is_not_followed() {
    let other = Server::start(IMAGE, false).await;
    let to_other = redirect(&format!("{}/x?access_token=canary", other.url));
    let server = Server::start(to_other, false).await;
    let error = error_of(&cloud(&server.url, HttpsTransport::builder())).await;
    assert_eq!(error.err_code(), -604_103);
    assert_eq!((server.counts().1, other.counts().0), (1, 0));

    // The same machine and port by another name.
    let here = Server::start_with(false, |url| {
        let by_name = url.replace("127.0.0.1", "localhost");
        vec![redirect(&format!("{by_name}/x")), IMAGE.into()]
    })
    .await;
    let error = error_of(&cloud(&here.url, HttpsTransport::builder())).await;
    assert_eq!(error.err_code(), -604_103);
    assert_eq!(here.counts(), (1, 1));
}

#[tokio::test]
async fn a_reply_over_the_limit_is_refused_without_reading_it() {
    let chunk = format!("{:x}\r\n{}\r\n", 1000, "x".repeat(1000));
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000000000000\r\n\r\nx"
            .to_owned(),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            chunk.repeat(20)
        ),
    ] {
        let server = Server::start(reply, false).await;
        let transport = HttpsTransport::builder().max_reply_size(10_000);
        let error = error_of(&cloud(&server.url, transport)).await;
        assert_eq!(error.err_code(), -604_103);
        assert!(
            error.err_msg().contains("larger than 10000 bytes"),
            "{error}"
        );
    }
    let server = Server::start(IMAGE, false).await;
    get(&cloud(
        &server.url,
        HttpsTransport::builder().max_reply_size(5),
    ))
    .await
    .expect("just small enough");
}
