//! Calls that are dropped halfway, over real sockets: the server sees the connection end, and the
//! next call through the same handle is fine.

#![cfg(feature = "https")]

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::super::customer_service_message::get_temp_media_to;
use super::*;
use crate::transport::HttpsTransport;

/// No wait of these tests is for time; this only ends one that would never end.
const GUARD: Duration = Duration::from_secs(30);

/// What the server does with the first call, or token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hangs {
    BeforeHead,
    InHead,
    InBody,
    /// Every token request, until the gate is opened.
    AtToken,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Requested,
    Closed,
}

struct Server {
    url: String,
    events: mpsc::UnboundedReceiver<Event>,
    gate: Arc<Semaphore>,
}

impl Server {
    async fn start(hangs: Hangs) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (told, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let (open, calls) = (Arc::clone(&gate), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (told, open, calls) = (told.clone(), Arc::clone(&open), Arc::clone(&calls));
                tokio::spawn(async move { serve(stream, hangs, &told, &open, &calls).await });
            }
        });
        Self { url, events, gate }
    }

    async fn expect(&mut self, event: Event) {
        let told = tokio::time::timeout(GUARD, self.events.recv()).await;
        assert_eq!(told.expect("it is told").expect("a server"), event);
    }

    fn cloud(&self) -> Cloud {
        Cloud::builder()
            .permissions(Permissions::allow([GET]))
            .app_secret("wx1", "s3cret")
            .api_base(&self.url)
            .retry(RetryPolicy::none())
            .transport(HttpsTransport::new())
            .build()
            .expect("complete")
    }
}

/// One connection. Whether the client's writes arrive is none of its business.
async fn serve(
    mut stream: TcpStream,
    hangs: Hangs,
    told: &mpsc::UnboundedSender<Event>,
    gate: &Semaphore,
    calls: &AtomicUsize,
) {
    const TOKEN: &str = r#"{"access_token":"T","expires_in":7200}"#;
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\n";

    while let Some(head) = read_head(&mut stream).await {
        if head.starts_with("POST /cgi-bin/stable_token") {
            if hangs == Hangs::AtToken {
                let _ = told.send(Event::Requested);
                drop(gate.acquire().await.expect("never closed"));
            }
            let length = TOKEN.len();
            let reply = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{TOKEN}"
            );
            let _ = stream.write_all(reply.as_bytes()).await;
            continue;
        }
        let whole = format!("{HEAD}12345");
        let part = match hangs {
            _ if calls.fetch_add(1, Ordering::SeqCst) > 0 => whole.len(),
            Hangs::BeforeHead => 0,
            Hangs::InHead => 20,
            Hangs::InBody => HEAD.len() + 3,
            Hangs::AtToken => whole.len(),
        };
        let _ = stream.write_all(&whole.as_bytes()[..part]).await;
        if part < whole.len() {
            let _ = told.send(Event::Requested);
            // Nothing more is said here, so this ends with the connection.
            let _ = stream.read(&mut [0]).await;
            let _ = told.send(Event::Closed);
            return;
        }
    }
}

/// A request up to its body, which is read too; none when the client has gone.
async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    stream.read_exact(&mut vec![0; length]).await.ok()?;
    Some(head.replacen("post", "POST", 1))
}

async fn get(cloud: &Cloud) -> Bytes {
    let call = get_temp_media(cloud, GetTempMedia::new("M"));
    let media = tokio::time::timeout(GUARD, call)
        .await
        .expect("it ends")
        .expect("an image");
    Bytes::copy_from_slice(&media.buffer)
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_connection_and_nothing_else() {
    for hangs in [Hangs::BeforeHead, Hangs::InHead, Hangs::InBody] {
        let mut server = Server::start(hangs).await;
        let cloud = server.cloud();
        let (writer, mut reader) = tokio::io::duplex(64);
        let call = tokio::spawn({
            let cloud = cloud.clone();
            async move { get_temp_media_to(&cloud, GetTempMedia::new("M"), writer).await }
        });
        server.expect(Event::Requested).await;
        if hangs == Hangs::InBody {
            // The client is in the body, too.
            let mut begun = [0; 3];
            reader.read_exact(&mut begun).await.expect("the beginning");
            assert_eq!(&begun, b"123");
        }
        call.abort();
        server.expect(Event::Closed).await;
        for _ in 0..3 {
            assert_eq!(get(&cloud).await, "12345", "{hangs:?}");
        }
    }
}

/// The same through a deadline, which is how most calls are dropped.
#[tokio::test]
async fn a_deadline_ends_the_connection_too() {
    let mut server = Server::start(Hangs::InBody).await;
    let cloud = server.cloud();
    let soon = std::time::Instant::now() + Duration::from_millis(200);
    let error = get_temp_media(&cloud.with_deadline(soon), GetTempMedia::new("M"))
        .await
        .expect_err("it hangs");
    assert!(error.is_timeout());
    server.expect(Event::Requested).await;
    server.expect(Event::Closed).await;
    assert_eq!(get(&cloud).await, "12345");
}

#[tokio::test]
async fn a_caller_that_is_dropped_while_the_token_comes_harms_no_other() {
    let mut server = Server::start(Hangs::AtToken).await;
    let cloud = server.cloud();
    let caller = |cloud: &Cloud| {
        let cloud = cloud.clone();
        tokio::spawn(async move { get(&cloud).await })
    };
    let first = caller(&cloud);
    server.expect(Event::Requested).await;
    let others = [caller(&cloud), caller(&cloud)];
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.expect_err("ended").is_cancelled());
    server.gate.add_permits(1);
    for other in others {
        assert_eq!(other.await.expect("no panic"), "12345");
    }
    assert_eq!(get(&cloud).await, "12345");
}
