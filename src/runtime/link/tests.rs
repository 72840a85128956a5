use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that a test plays.
struct Server {
    listener: TcpListener,
    link: Link,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = listener.local_addr().expect("bound").to_string();
        let link = Link::to(&host).expect("an address");
        Self { listener, link }
    }

    /// One exchange, which the server answers with this on its next connection; that is given, too.
    async fn exchange(&mut self, reply: &str) -> (Result<Response, TransportError>, TcpStream) {
        let Self { listener, link } = self;
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("it connects");
            answer(&mut stream, reply).await;
            stream
        };
        let mut exchange = pin!(link.exchange(request()));
        let stream = tokio::select! {
            biased;
            stream = serving => stream,
            reply = exchange.as_mut() => panic!("without a new connection: {reply:?}"),
        };
        (exchange.await, stream)
    }
}

/// Reads a request and answers it.
async fn answer(stream: &mut TcpStream, reply: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n[1]") {
        let read = stream.read_buf(&mut request).await.expect("a request");
        assert!(read > 0, "the connection ended within the request");
    }
    let host = format!("\r\nhost: {}\r\n", stream.local_addr().expect("bound"));
    let request = String::from_utf8(request).expect("text");
    assert!(request.contains(&host), "{request}");
    stream.write_all(reply.as_bytes()).await.expect("to reply");
}

fn request() -> http::Request<Bytes> {
    let mut request = http::Request::new("[1]".into());
    *request.method_mut() = http::Method::POST;
    request
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_kept() {
    let mut server = Server::start().await;
    let (reply, mut stream) = server.exchange(FINE).await;
    assert_eq!(reply.expect("a reply").body(), "ok");
    for _ in 0..3 {
        let (reply, ()) = tokio::join!(server.link.exchange(request()), answer(&mut stream, FINE));
        assert_eq!(reply.expect("a reply").body(), "ok");
    }
}

/// In a task, as in `run`: unlike one thread for everything, this asks for news of sockets only when
/// there is nothing else to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_that_the_server_has_closed_is_replaced() {
    let test = tokio::spawn(async {
        let mut server = Server::start().await;
        let (_, stream) = server.exchange(FINE).await;
        drop(stream);
        // As after a handler that left this thread no time to notice.
        let kept = server.link.connection.as_mut().expect("it is kept");
        kept.used = kept.used.checked_sub(RESTS).expect("a clock that runs");
        let (reply, _) = server.exchange(FINE).await;
        assert_eq!(reply.expect("a reply").body(), "ok");
    });
    test.await.expect("no panic");
}

#[tokio::test]
async fn one_that_the_server_ends_is_not_kept() {
    let mut server = Server::start().await;
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    for _ in 0..2 {
        let (reply, _stream) = server.exchange(closing).await;
        assert_eq!(reply.expect("a reply").body(), "ok");
    }
}

/// The server may have acted on it.
#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    let mut server = Server::start().await;
    for cut_off in ["", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"] {
        let Server { listener, link } = &mut server;
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("it connects");
            answer(&mut stream, cut_off).await;
        };
        let (reply, ()) = tokio::join!(link.exchange(request()), serving);
        assert_eq!(
            reply.expect_err("it broke").kind(),
            TransportErrorKind::Interrupted
        );
    }
    let (reply, _) = server.exchange(FINE).await;
    assert_eq!(reply.expect("a new connection").body(), "ok");
}

#[tokio::test]
async fn a_reply_may_come_in_chunks() {
    let mut server = Server::start().await;
    let chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    let (reply, _) = server.exchange(chunks).await;
    assert_eq!(reply.expect("a reply").body(), "ok");
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_refused() {
    let mut server = Server::start().await;
    let Server { listener, link } = &mut server;
    let serving = async {
        let (mut stream, _) = listener.accept().await.expect("it connects");
        let length = LARGEST + 1;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        answer(&mut stream, &head).await;
        // Who refuses it does not read to the end.
        let _ = stream.write_all(&vec![b' '; length]).await;
    };
    let (reply, ()) = tokio::join!(link.exchange(request()), serving);
    let refused = reply.expect_err("it is too large");
    assert_eq!(refused.kind(), TransportErrorKind::TooLarge);
    assert_eq!(
        refused.to_string(),
        "the reply is larger than 67108864 bytes"
    );
}

#[tokio::test]
async fn nobody_there_is_said() {
    let Server { listener, mut link } = Server::start().await;
    drop(listener);
    let refused = link.exchange(request()).await.expect_err("nobody is there");
    assert_eq!(refused.kind(), TransportErrorKind::Connect);
    let start = format!("cannot connect to {}: ", link.host);
    assert!(refused.to_string().starts_with(&start), "{refused}");
}

/// What is left of it would stand in the way of the next one.
#[tokio::test]
async fn one_on_which_a_request_was_refused_unread_is_not_kept() {
    let mut server = Server::start().await;
    let Server { listener, link } = &mut server;
    let mut large = http::Request::new(Bytes::from(vec![b' '; LARGEST]));
    *large.method_mut() = http::Method::POST;
    let serving = async {
        let (mut stream, _) = listener.accept().await.expect("it connects");
        stream.read_u8().await.expect("a request");
        let refusal = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal.as_bytes()).await.expect("sent");
        stream
    };
    let (refused, _unread) = tokio::join!(link.exchange(large), serving);
    assert_eq!(refused.expect("a reply").status(), 413);
    let (reply, _) = tokio::time::timeout(CONNECT, server.exchange(FINE))
        .await
        .expect("it does not wait for the other");
    assert_eq!(reply.expect("a reply").body(), "ok");
}
