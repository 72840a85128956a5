//! Each fault over a real socket: the bytes that a raw client sees, and how the connection ends.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use cloudcall_emulator::{Emulator, EmulatorBuilder, EmulatorHandle, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\r\n\r\n a picture of some bytes";
const MEDIA: &str = "/cgi-bin/media/get?media_id=M";
const SEND: &str = "/cgi-bin/message/custom/send?";
const HELLO: &str = r#"{"touser":"U","msgtype":"text","text":{"content":"hello"}}"#;

async fn start(faults: &[&str]) -> EmulatorHandle {
    start_with(Emulator::builder(), faults).await
}

async fn start_with(builder: EmulatorBuilder, faults: &[&str]) -> EmulatorHandle {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let builder = faults.iter().fold(builder.media("M", PICTURE), |it, spec| {
        it.fault(spec.parse().expect("a fault"))
    });
    builder.start(listener).expect("started")
}

/// All that comes back, up to the end, and the error that ended it.
async fn read(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (bytes, end.err().map(|error| error.kind()))
}

/// Sends a request whose connection is to be closed, and leaves it open.
async fn open(server: &EmulatorHandle, method: &str, target: &str, body: &str) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).await;
    let mut stream = stream.expect("connected");
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    stream
}

async fn exchange(
    server: &EmulatorHandle,
    method: &str,
    target: &str,
    body: &str,
) -> (Vec<u8>, Option<ErrorKind>) {
    read(&mut open(server, method, target, body).await).await
}

/// A GET whose answer arrives: head and body.
async fn get(server: &EmulatorHandle, target: &str) -> (String, Vec<u8>) {
    whole(exchange(server, "GET", target, "").await)
}

fn whole((bytes, end): (Vec<u8>, Option<ErrorKind>)) -> (String, Vec<u8>) {
    assert_eq!(end, None, "{}", String::from_utf8_lossy(&bytes));
    split(&bytes)
}

fn split(bytes: &[u8]) -> (String, Vec<u8>) {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = bytes.split_at(head.expect("a whole head") + 4);
    let head = String::from_utf8(head.to_vec()).expect("text");
    (head, body.to_vec())
}

/// The target with an access token.
async fn with_token(server: &EmulatorHandle, target: &str) -> String {
    let emulator = server.emulator();
    let (_, body) = get(
        server,
        &format!(
            "/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
            emulator.app_id(),
            emulator.app_secret()
        ),
    )
    .await;
    let reply: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let token = reply["access_token"].as_str().expect("a token");
    format!("{target}&access_token={token}")
}

fn errcode(body: &[u8]) -> i64 {
    let reply: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    reply["errcode"].as_i64().expect("an errcode")
}

/// What the journal says of the last request: its errcode, and the fault.
fn last(server: &EmulatorHandle) -> (i64, String) {
    let entry = server.emulator().journal().entries().pop();
    let entry = entry.expect("an entry");
    let fault = entry.fault.as_deref().unwrap_or_default();
    (entry.errcode, fault.to_owned())
}

#[tokio::test]
async fn a_reset_before_the_answer_shows_no_byte_and_nothing_is_done() {
    let server = start(&["reset"]).await;
    let target = with_token(&server, SEND).await;
    let seen = exchange(&server, "POST", &target, HELLO).await;
    assert_eq!(seen, (vec![], Some(ErrorKind::ConnectionReset)));
    assert!(server.emulator().sent_messages().is_empty());
    assert_eq!(last(&server), (0, "reset=before".into()));
}

#[tokio::test]
async fn a_reset_inside_the_headers_comes_after_the_deed() {
    let server = start(&["reset=inside"]).await;
    let target = with_token(&server, SEND).await;
    let (bytes, end) = exchange(&server, "POST", &target, HELLO).await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    // Other systems throw away what has arrived ahead of a RST.
    if cfg!(target_os = "linux") {
        assert_eq!(bytes, b"HTTP/1.1 200 OK\r\ncontent");
    }
    assert_eq!(server.emulator().sent_messages().len(), 1);
}

#[tokio::test]
async fn a_reset_after_the_headers_shows_them_whole() {
    let server = start(&["reset=after"]).await;
    let target = with_token(&server, MEDIA).await;
    for method in ["GET", "HEAD"] {
        let (bytes, end) = exchange(&server, method, &target, "").await;
        assert_eq!(end, Some(ErrorKind::ConnectionReset), "{method}");
        if cfg!(target_os = "linux") {
            let (head, body) = split(&bytes);
            assert!(head.contains("\r\ncontent-length: 36\r\n"), "{head}");
            assert_eq!(body, b"");
        }
        assert_eq!(last(&server), (0, "reset=after".into()));
    }
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_announced_and_the_end_is_in_order() {
    assert_eq!(PICTURE.len(), 36);
    for (spec, arrives) in [("cut", 18), ("cut=0", 0), ("cut=7", 7), ("cut=99", 35)] {
        let server = start(&[spec]).await;
        let target = with_token(&server, MEDIA).await;
        let (head, body) = get(&server, &target).await;
        assert!(head.contains("\r\ncontent-length: 36\r\n"), "{head}");
        assert_eq!(body, PICTURE[..arrives], "{spec}");
    }
}

#[tokio::test]
async fn a_head_has_nothing_to_cut_and_the_connection_goes_on() {
    let server = start(&["cut=1,times=1"]).await;
    let target = with_token(&server, MEDIA).await;
    let mut stream = TcpStream::connect(server.local_addr())
        .await
        .expect("connected");
    let requests = format!(
        "HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n\
         GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    stream
        .write_all(requests.as_bytes())
        .await
        .expect("written");
    let (_, rest) = whole(read(&mut stream).await);
    let (_, body) = split(&rest);
    assert_eq!(body, PICTURE);
}

#[tokio::test]
async fn what_was_answered_before_stays_whole() {
    let server = start(&["cut=1,after=1"]).await;
    let target = with_token(&server, MEDIA).await;
    let mut stream = TcpStream::connect(server.local_addr())
        .await
        .expect("connected");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream
        .write_all(request.repeat(2).as_bytes())
        .await
        .expect("written");
    let (_, rest) = whole(read(&mut stream).await);
    let (first, rest) = rest.split_at(PICTURE.len());
    assert_eq!(first, PICTURE);
    assert_eq!(split(rest).1, PICTURE[..1]);
}

#[tokio::test]
async fn an_interim_answer_is_not_the_one_that_breaks() {
    let server = start(&["reset=after"]).await;
    let target = with_token(&server, SEND).await;
    let mut stream = TcpStream::connect(server.local_addr())
        .await
        .expect("connected");
    let length = HELLO.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
         Content-Length: {length}\r\n\r\n{HELLO}"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let (bytes, end) = read(&mut stream).await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    if cfg!(target_os = "linux") {
        let (mut head, mut rest) = split(&bytes);
        if head.starts_with("HTTP/1.1 100 ") {
            (head, rest) = split(&rest);
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(rest, b"");
    }
}

#[tokio::test]
async fn the_gateway_is_not_faulted() {
    let emulator = Emulator::builder()
        .fault("all:reset".parse().expect("a fault"))
        .build()
        .expect("built");
    let routes = emulator.router().merge(Gateway::new().router());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = emulator.start_with(listener, routes).expect("started");
    let (head, body) = whole(exchange(&server, "POST", "/admin", "{}").await);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(body.starts_with(b"{\"code\":\"INVALID_PARAM\""));
    let (_, end) = exchange(&server, "GET", MEDIA, "").await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_server_that_closes_lets_go_of_clients_without_an_answer() {
    let server = start(&["no-answer"]).await;
    let emulator = server.emulator().clone();
    let mut silent = open(&server, "GET", MEDIA, "").await;
    while emulator.journal().count("/cgi-bin/media/get") == 0 {
        with_token(&server, "").await;
    }
    server.close().await;
    assert_eq!(read(&mut silent).await, (vec![], None));
    assert_eq!(emulator.faults().list().len(), 1);
}

#[tokio::test]
async fn a_server_that_closes_waits_for_no_delay_and_no_drip() {
    let server = start(&["delay=1440m,once", "drip=5/1440m"]).await;
    let target = with_token(&server, MEDIA).await;
    let mut delayed = open(&server, "GET", &target, "").await;
    while server.emulator().faults().list()[0].fired == 0 {
        with_token(&server, "").await;
    }
    let mut dripping = open(&server, "GET", &target, "").await;
    let mut seen = Vec::new();
    while !seen.ends_with(&PICTURE[..5]) {
        seen.push(dripping.read_u8().await.expect("more"));
    }
    server.close().await;
    assert_eq!(whole(read(&mut delayed).await).1, PICTURE);
    assert_eq!(read(&mut dripping).await, (PICTURE[5..].to_vec(), None));
}

#[tokio::test]
async fn what_was_cut_is_whole_the_next_time() {
    let picture: Vec<u8> = (0..3_000_000_u32).map(|it| (it % 251) as u8).collect();
    let builder = Emulator::builder().media("LARGE", picture.clone());
    let server = start_with(builder, &["cut=1500000,times=1"]).await;
    let target = with_token(&server, "/cgi-bin/media/get?media_id=LARGE").await;
    assert!(get(&server, &target).await.1 == picture[..1_500_000]);
    assert!(get(&server, &target).await.1 == picture);
}

#[tokio::test]
async fn no_answer_comes_until_the_faults_are_cleared() {
    let server = start(&["no-answer"]).await;
    let target = with_token(&server, SEND).await;
    let mut silent = open(&server, "POST", &target, HELLO).await;
    // Other requests go on meanwhile, until the emulator has taken this one.
    while server
        .emulator()
        .journal()
        .count("/cgi-bin/message/custom/send")
        == 0
    {
        with_token(&server, "").await;
    }
    with_token(&server, "").await;
    let nothing = silent.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(nothing, Err(ErrorKind::WouldBlock));

    let (_, reply) = whole(exchange(&server, "DELETE", "/_emulator/faults", "").await);
    assert_eq!(reply, br#"{"faults":[]}"#);
    assert_eq!(read(&mut silent).await, (vec![], None));
    assert!(server.emulator().sent_messages().is_empty());
    server.close().await;
}

#[tokio::test]
async fn a_client_that_gives_up_leaves_nothing_behind() {
    let server = start(&["no-answer"]).await;
    let silent = open(&server, "GET", MEDIA, "").await;
    while server.emulator().journal().count("/cgi-bin/media/get") == 0 {
        with_token(&server, "").await;
    }
    drop(silent);
    // It waits for connections that are in use.
    server.close().await;
}

#[tokio::test]
async fn errors_are_wechats_and_the_api_does_not_act() {
    let server = start(&[
        "errcode=45009,once",
        "errcode=9001001,once",
        "errcode=1,once,errmsg=no, not now",
        "errcode=-1",
    ])
    .await;
    let target = with_token(&server, SEND).await;
    for (code, text) in [
        (45009, "reach max api daily quota limit hint: ["),
        (9001001, "error hint: ["),
        (1, "no, not now\"}"),
        (-1, "system error hint: ["),
    ] {
        let (head, body) = whole(exchange(&server, "POST", &target, HELLO).await);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/json; encoding=utf-8\r\n"));
        let body = String::from_utf8(body).expect("text");
        let start = format!("{{\"errcode\":{code},\"errmsg\":\"{text}");
        assert!(body.starts_with(&start), "{body}");
        assert_eq!(last(&server), (code, format!("errcode={code}")));
    }
    assert!(server.emulator().sent_messages().is_empty());
}

#[tokio::test]
async fn a_token_that_a_fault_has_ended_stays_ended() {
    for (spec, code) in [("expire-token,once", 42001), ("revoke-token,once", 40001)] {
        let server = start(&[spec]).await;
        let target = with_token(&server, MEDIA).await;
        for _ in 0..2 {
            assert_eq!(errcode(&get(&server, &target).await.1), code);
        }
        let renewed = with_token(&server, MEDIA).await;
        assert_eq!(get(&server, &renewed).await.1, PICTURE);
    }
}

#[tokio::test]
async fn a_status_comes_with_a_page_and_a_large_request_gets_it() {
    let server = start(&["status=503,once", "status=204,once", "status=205"]).await;
    let target = with_token(&server, SEND).await;
    let large = " ".repeat(3 << 20);
    let (head, body) = whole(exchange(&server, "POST", &target, &large).await);
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert!(head.contains("\r\ncontent-type: text/html\r\n"), "{head}");
    assert!(body.starts_with(b"<html><head><title>503 Service Unavailable<"));
    assert_eq!(last(&server), (503, "status=503".into()));
    for status in ["204 No Content", "205 Reset Content"] {
        let (head, body) = get(&server, &target).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")));
        assert_eq!(body, b"");
    }
}

#[tokio::test]
async fn garbage_claims_to_be_json() {
    let server = start(&["garbage"]).await;
    let (head, body) = get(&server, MEDIA).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json; encoding=utf-8\r\n"));
    assert!(String::from_utf8(body.clone()).is_err());
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
}

#[tokio::test]
async fn another_content_type_leaves_the_rest_alone() {
    let server = start(&["content-type=text/plain; charset=utf-8"]).await;
    let target = with_token(&server, MEDIA).await;
    let (head, body) = get(&server, &target).await;
    assert!(head.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"));
    assert_eq!(head.matches("content-type").count(), 1);
    assert_eq!(body, PICTURE);
}

#[tokio::test]
async fn a_drip_shows_its_first_piece_alone() {
    let server = start(&["drip=5/1440m,once", "drip=5/1ms"]).await;
    let target = with_token(&server, MEDIA).await;
    let mut slow = open(&server, "GET", &target, "").await;
    let mut seen = Vec::new();
    while !seen.ends_with(&PICTURE[..5]) {
        seen.push(slow.read_u8().await.expect("more"));
    }
    with_token(&server, "").await;
    let more = slow.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(more, Err(ErrorKind::WouldBlock));

    let (head, body) = get(&server, &target).await;
    assert!(head.contains("\r\ncontent-length: 36\r\n"), "{head}");
    assert_eq!(body, PICTURE);
}

#[tokio::test]
async fn a_delay_comes_before_the_answer() {
    let server = start(&["delay=30ms"]).await;
    let target = with_token(&server, MEDIA).await;
    let asked = Instant::now();
    assert_eq!(get(&server, &target).await.1, PICTURE);
    assert!(asked.elapsed() >= Duration::from_millis(30));
    assert_eq!(last(&server), (0, "delay=30ms".into()));
}

#[tokio::test]
async fn a_caller_that_gives_up_in_a_delay_is_not_served() {
    let server = start(&["customerServiceMessage.send:delay=1440m"]).await;
    let emulator = server.emulator().clone();
    let target = with_token(&server, SEND).await;
    let gone = open(&server, "POST", &target, HELLO).await;
    while emulator.faults().list()[0].fired == 0 {
        with_token(&server, "").await;
    }
    drop(gone);
    with_token(&server, "").await;
    server.close().await;
    assert!(emulator.sent_messages().is_empty());
    assert_eq!(emulator.journal().count("/cgi-bin/message/custom/send"), 0);
}

#[tokio::test]
async fn every_nth_is_exact_for_concurrent_clients() -> io::Result<()> {
    let server = start(&["/x:reset=before,every=4"]).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let mut stream = open(&server, "GET", "/x", "").await;
        clients.spawn(async move { read(&mut stream).await.1 });
    }
    let ends = clients.join_all().await;
    let reset = |end: &&Option<ErrorKind>| **end == Some(ErrorKind::ConnectionReset);
    assert_eq!(ends.iter().filter(reset).count(), 16);
    assert_eq!(ends.iter().filter(|end| end.is_none()).count(), 48);
    Ok(())
}

#[tokio::test]
async fn faults_change_at_run_time_and_foreign_hosts_do_not_reach_them() {
    let server = start(&[]).await;
    let target = with_token(&server, MEDIA).await;
    let added = exchange(&server, "POST", "/_emulator/faults", "\"rate-limited\"").await;
    let (head, body) = whole(added);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(
        body,
        br#"{"faults":[{"fault":"errcode=45009","matched":0,"fired":0}]}"#
    );
    assert_eq!(errcode(&get(&server, &target).await.1), 45009);

    let mut foreign = TcpStream::connect(server.local_addr())
        .await
        .expect("connected");
    let request = "DELETE /_emulator/faults HTTP/1.1\r\nHost: evil.example\r\n\
                   Connection: close\r\n\r\n";
    foreign
        .write_all(request.as_bytes())
        .await
        .expect("written");
    assert!(read(&mut foreign).await.0.starts_with(b"HTTP/1.1 403 "));
    let listed = server.emulator().faults().list();
    assert_eq!((listed.len(), listed[0].fired), (1, 1));
}
