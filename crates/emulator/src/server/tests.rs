//! Clients that take too much, on real sockets and with short limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::routing::{any, get, post};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::{Guards, Limits, Patience, serve};
use crate::{Emulator, Gateway};

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(100);

/// Longer than anything takes here.
const GUARD: Duration = Duration::from_secs(60);

const HURRY: Patience = Patience {
    stall: SHORT,
    rate: 16 << 10,
};

fn with(change: impl FnOnce(&mut Limits)) -> Guards {
    let mut guards = Guards::default();
    change(&mut guards.limits);
    guards
}

struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, guards: Guards) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, guards, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            _stop: stop,
            task,
        }
    }

    /// A connection on which this has been sent.
    async fn send(&self, text: impl AsRef<str>) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let text = text.as_ref();
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }
}

fn get_text(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post_head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// What comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let end = timeout(GUARD, stream.read_to_end(&mut read)).await;
    let _ = end.expect("the connection is closed in time");
    String::from_utf8(read).expect("text")
}

/// One answer whose body is `hello`, on a connection that stays open.
async fn hello(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        let byte = timeout(GUARD, stream.read_u8()).await;
        read.push(byte.expect("in time").expect("more of the answer"));
    }
    String::from_utf8(read).expect("text")
}

/// Waits for something, but not for ever.
async fn soon<T>(what: impl Future<Output = Option<T>>) -> T {
    let came = timeout(GUARD, what).await;
    came.expect("it comes in time").expect("it comes")
}

fn hello_router() -> Router {
    Router::new()
        .route("/", any(|| async { "hello" }))
        .route("/length", post(length))
}

/// Reads the body to its end, and keeps none of it.
async fn length(request: Request) -> String {
    let mut body: BodyDataStream = request.into_body().into_data_stream();
    let mut length = 0;
    while let Ok(Some(chunk)) = body.try_next().await {
        length += chunk.len();
    }
    length.to_string()
}

#[tokio::test]
async fn a_slow_head_ends_its_connection_and_an_idle_connection_stays() {
    let server = Server::start(hello_router(), with(|limits| limits.head = SHORT)).await;
    let mut idle = server.send(get_text("/")).await;
    hello(&mut idle).await;
    let mut second = server.send(get_text("/")).await;
    hello(&mut second).await;

    let mut silent = server.send("").await;
    assert_eq!(rest(&mut silent).await, "");
    let mut slow = server.send("GET / HTTP/1.1\r\nHost: loc").await;
    assert_eq!(rest(&mut slow).await, "");
    second.write_all(b"GET / HT").await.expect("sent");
    assert_eq!(rest(&mut second).await, "");

    // Three times the limit have passed.
    idle.write_all(get_text("/").as_bytes())
        .await
        .expect("sent");
    hello(&mut idle).await;
}

#[tokio::test]
async fn a_long_head_is_refused() {
    let server = Server::start(hello_router(), Guards::default()).await;
    let head = |value: &str| {
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {value}\r\n\r\n")
    };
    let room = (64 << 10) - head("").len();
    let mut fits = server.send(head(&"x".repeat(room))).await;
    assert!(rest(&mut fits).await.starts_with("HTTP/1.1 200 "));
    let mut long = server.send(head(&"x".repeat(room + 1))).await;
    assert!(rest(&mut long).await.starts_with("HTTP/1.1 431 "));
    let mut many = server.send(head(&"x\r\nX: ".repeat(100))).await;
    assert!(rest(&mut many).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_slow_body_is_refused_on_every_route() {
    let emulator = Emulator::builder().build().expect("built");
    let router = emulator
        .router()
        .merge(Gateway::new().router())
        .merge(hello_router());
    let server = Server::start(router, with(|limits| limits.body = HURRY)).await;
    for path in [
        "/length",
        "/admin",
        "/cgi-bin/stable_token",
        "/cgi-bin/media/upload",
        "/cgi-bin/message/custom/send",
        "/cgi-bin/message/custom/typing",
    ] {
        let mut slow = server.send(post_head(path, 1000) + "abc").await;
        let answer = rest(&mut slow).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path} {answer}");
        assert!(answer.contains("the body came too slowly"), "{answer}");
    }
    let mut steady = server.send(post_head("/length", 5) + "he").await;
    steady.write_all(b"llo").await.expect("sent");
    assert!(rest(&mut steady).await.ends_with("\r\n\r\n5"));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    /// Says when it is dropped.
    struct Held(Option<oneshot::Sender<()>>);
    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.take().map(|gone| gone.send(()));
        }
    }

    let (gone, was_dropped) = oneshot::channel();
    let held = Arc::new(std::sync::Mutex::new(Some(Held(Some(gone)))));
    let endless = get(async move || {
        let held = held.lock().expect("no panic").take();
        let chunk = Bytes::from(vec![b'x'; 64 << 10]);
        Body::from_stream(stream::repeat(chunk).map(move |chunk| {
            let _held = &held;
            Ok::<_, std::io::Error>(chunk)
        }))
    });
    let router = Router::new().route("/endless", endless);
    let server = Server::start(router, with(|limits| limits.answer = HURRY)).await;
    let _unread = server.send(get_text("/endless")).await;
    let dropped = timeout(GUARD, was_dropped).await;
    dropped.expect("it is given up").expect("it was held");
}

#[tokio::test]
async fn idle_connections_make_room_and_others_wait_for_theirs() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let leave = Arc::new(Semaphore::new(0));
    let may_leave = Arc::clone(&leave);
    let hold = get(async move || {
        entered.send(()).expect("the test goes on");
        may_leave.acquire().await.expect("open").forget();
        "hello"
    });
    let router = hello_router().route("/hold", hold);
    let guards = with(|limits| {
        limits.connections = 2;
        limits.idle = SHORT;
    });
    let server = Server::start(router, guards).await;

    let mut idle = server.send(get_text("/")).await;
    hello(&mut idle).await;
    let mut first = server.send(get_text("/hold")).await;
    soon(entries.recv()).await;
    let mut second = server.send(get_text("/hold")).await;
    soon(entries.recv()).await;
    assert_eq!(rest(&mut idle).await, "");

    let mut third = server.send(get_text("/hold")).await;
    let early = timeout(SHORT, entries.recv()).await;
    assert!(early.is_err(), "a third connection was served");
    leave.add_permits(1);
    soon(entries.recv()).await;
    leave.add_permits(2);
    // The one that had to make room was told so.
    let answer = rest(&mut first).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
    for stream in [&mut second, &mut third] {
        let answer = hello(stream).await;
        assert!(!answer.contains("connection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_has_not_asked_yet_is_answered_and_then_makes_room() {
    let server = Server::start(hello_router(), with(|limits| limits.connections = 1)).await;
    let mut late = server.send("").await;
    let mut waiting = server.send(get_text("/")).await;
    let early = timeout(SHORT, waiting.read_u8()).await;
    assert!(early.is_err(), "a second connection was served");
    late.write_all(get_text("/").as_bytes())
        .await
        .expect("sent");
    assert!(rest(&mut late).await.ends_with("hello"));
    hello(&mut waiting).await;
}

#[tokio::test]
async fn a_server_that_is_full_can_be_stopped() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let leave = Arc::new(Semaphore::new(0));
    let may_leave = Arc::clone(&leave);
    let hold = get(async move || {
        entered.send(()).expect("the test goes on");
        may_leave.acquire().await.expect("open").forget();
        "hello"
    });
    let router = Router::new().route("/hold", hold);
    let server = Server::start(router, with(|limits| limits.connections = 1)).await;
    let mut running = server.send(get_text("/hold")).await;
    soon(entries.recv()).await;
    let mut waiting = server.send(get_text("/hold")).await;

    let Server { _stop, task, .. } = server;
    drop(_stop);
    assert_eq!(rest(&mut waiting).await, "");
    assert!(!task.is_finished());
    leave.add_permits(1);
    assert!(rest(&mut running).await.ends_with("hello"));
    timeout(GUARD, task).await.expect("in time").expect("ended");
}

#[tokio::test]
async fn sixty_four_large_uploads_at_once_pass() {
    const SIZE: usize = 10 << 20;

    let server = Server::start(hello_router(), Guards::default()).await;
    let chunk = Arc::new(vec![b'x'; 1 << 20]);
    let mut uploads = JoinSet::new();
    for _ in 0..64 {
        let mut stream = server.send(post_head("/length", SIZE)).await;
        let chunk = Arc::clone(&chunk);
        uploads.spawn(async move {
            for _ in 0..SIZE / chunk.len() {
                stream.write_all(&chunk).await.expect("sent");
            }
            rest(&mut stream).await
        });
    }
    for answer in uploads.join_all().await {
        assert!(answer.ends_with(&format!("\r\n\r\n{SIZE}")), "{answer}");
    }
}

#[tokio::test]
async fn foreign_senders_are_refused_before_the_routes() {
    let server = Server::start(hello_router(), Guards::default()).await;
    for (headers, expected) in [
        ("Host: localhost", "200"),
        ("Host: localhost\r\nOrigin: http://127.0.0.1:3000", "200"),
        ("Host: evil.example", "403"),
        ("X: y", "403"),
        ("Host: localhost\r\nOrigin: https://evil.example", "403"),
        ("Host: localhost\r\nOrigin: null", "403"),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site", "403"),
    ] {
        for target in ["/", "/nowhere", "http://localhost/"] {
            let text = format!("GET {target} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
            let answer = rest(&mut server.send(text).await).await;
            let expected = match (expected, target) {
                ("200", "/nowhere") => "404",
                _ => expected,
            };
            let status = answer.split(' ').nth(1);
            assert_eq!(status, Some(expected), "{target} {headers} {answer}");
        }
    }
}
