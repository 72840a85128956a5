//! The emulator on a real socket: curl, Host check, and how a server ends.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloudcall_emulator::axum::Router;
use cloudcall_emulator::axum::routing::get;
use cloudcall_emulator::{BuildError, Emulator, EmulatorBuilder, EmulatorHandle, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A picture of 112,525 bytes.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../media/sample.jpg")
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

async fn start(builder: EmulatorBuilder) -> EmulatorHandle {
    builder.start(listener().await).expect("started")
}

/// A connection that can carry several requests.
struct Connection(TcpStream);

impl Connection {
    async fn open(server: &EmulatorHandle) -> Self {
        let stream = TcpStream::connect(server.local_addr()).await;
        Self(stream.expect("connected"))
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("written");
    }

    /// Reads up to and including `end`.
    async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            read.push(self.0.read_u8().await.expect("more to read"));
        }
        String::from_utf8(read).expect("text")
    }

    /// Reads until the server closes the connection.
    async fn read_to_end(mut self) -> Vec<u8> {
        let mut read = Vec::new();
        self.0.read_to_end(&mut read).await.expect("read");
        read
    }
}

/// One exchange on a connection of its own: the whole response, head and body.
async fn exchange(server: &EmulatorHandle, target: &str, host: &str) -> Vec<u8> {
    let mut connection = Connection::open(server).await;
    let request = format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    connection.write(request).await;
    connection.read_to_end().await
}

async fn token(server: &EmulatorHandle) -> String {
    let emulator = server.emulator();
    let target = format!(
        "/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        emulator.app_id(),
        emulator.app_secret()
    );
    let reply = exchange(server, &target, "Host: localhost\r\n").await;
    let reply = String::from_utf8(reply).expect("text");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a head");
    let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
    json["access_token"].as_str().expect("a token").to_owned()
}

/// Runs curl to its end, without blocking the server, which runs on the same threads.
async fn curl(arguments: Vec<String>) -> Vec<u8> {
    let run = move || {
        Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*"])
            .args(arguments)
            .output()
            .expect("this test needs curl on the PATH")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl failed: {complaint}");
    output.stdout
}

async fn curl_json<const N: usize>(arguments: [&str; N]) -> serde_json::Value {
    let reply = curl(arguments.map(String::from).to_vec()).await;
    serde_json::from_slice(&reply).expect("JSON")
}

#[tokio::test]
async fn the_documents_curl_example_shows_the_headers() {
    let media_dir = sample().parent().expect("a folder").to_owned();
    let server = start(Emulator::builder().media_dir(media_dir)).await;
    let url = format!(
        "{}/cgi-bin/media/get?access_token={}&media_id=sample",
        server.url(),
        token(&server).await
    );
    let head = curl(vec!["-I".to_owned(), "-G".to_owned(), url.clone()]).await;
    let head = String::from_utf8(head).expect("text").to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    for header in [
        "content-type: image/jpeg",
        "content-disposition: attachment; filename=\"sample.jpg\"",
        "cache-control: no-cache, must-revalidate",
        "content-length: 112525",
    ] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
    }

    let picture = curl(vec!["-G".to_owned(), url]).await;
    assert!(picture == std::fs::read(sample()).expect("the sample"));
}

#[tokio::test]
async fn an_image_that_curl_uploads_can_be_fetched() {
    let server = start(Emulator::builder()).await;
    let token = token(&server).await;
    let url = server.url();
    let upload = format!("{url}/cgi-bin/media/upload?access_token={token}&type=image");
    let file = format!("media=@{}", sample().display());
    let reply = curl_json(["-F", &file, &upload]).await;
    assert_eq!(reply["type"], "image");
    let media_id = reply["media_id"].as_str().expect("an id");

    let fetch = format!("{url}/cgi-bin/media/get?access_token={token}&media_id={media_id}");
    let picture = curl(vec![fetch]).await;
    assert!(picture == std::fs::read(sample()).expect("the sample"));
}

#[tokio::test]
async fn a_refused_upload_gets_its_answer_however_large_it_is() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("large.jpg");
    std::fs::write(&path, vec![0; 20 << 20]).expect("written");
    let server = start(Emulator::builder()).await;
    let token = token(&server).await;
    let url = format!("{}/cgi-bin/media/upload?type=image", server.url());
    let file = format!("media=@{}", path.display());
    for (token, expected) in [(&*token, 40009), ("WRONG", 40001)] {
        let url = format!("{url}&access_token={token}");
        for expect in ["Expect:", "Expect: 100-continue"] {
            let reply = curl_json(["-H", expect, "-F", &file, &url]).await;
            assert_eq!(reply["errcode"], expected);
        }
    }
}

#[tokio::test]
async fn ten_megabytes_arrive_whole() {
    let image: Vec<u8> = (0..10 << 20)
        .map(|index: u32| index.to_le_bytes()[1])
        .collect();
    let server = start(Emulator::builder().media("large", image.clone())).await;
    let target = format!(
        "/cgi-bin/media/get?access_token={}&media_id=large",
        token(&server).await
    );
    let reply = exchange(&server, &target, "Host: localhost\r\n").await;
    let body = reply.split_at(reply.len() - image.len()).1;
    assert!(body == image);
}

#[tokio::test]
async fn only_requests_for_this_machine_are_answered() {
    let server = start(Emulator::builder()).await;
    let port = server.local_addr().port();
    let own = [
        format!("Host: 127.0.0.1:{port}\r\n"),
        format!("Host: localhost:{port}\r\n"),
        "Host: [::1]\r\n".to_owned(),
        "Host: tcb-open.tencentcloudapi.com\r\n".to_owned(),
    ];
    for host in own {
        let reply = exchange(&server, "/cgi-bin/media/get", &host).await;
        assert!(reply.starts_with(b"HTTP/1.1 200 "), "{host}");
    }
    let foreign = [
        ("/cgi-bin/media/get", "Host: evil.example\r\n"),
        ("/cgi-bin/media/get", "Host: 127.0.0.1.evil.example\r\n"),
        ("/cgi-bin/media/get", "Host: \r\n"),
        (
            "/cgi-bin/media/get",
            "Host: localhost\r\nHost: evil.example\r\n",
        ),
        (
            "http://evil.example/cgi-bin/media/get",
            "Host: localhost\r\n",
        ),
        ("/nowhere", "Host: evil.example\r\n"),
        ("/cgi-bin/media/get", ""),
        (
            "/cgi-bin/media/get",
            "Host: localhost\r\nOrigin: https://evil.example\r\n",
        ),
        (
            "/cgi-bin/media/get",
            "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
        ),
    ];
    for (target, host) in foreign {
        let reply = exchange(&server, target, host).await;
        let reply = String::from_utf8(reply).expect("text");
        assert!(
            reply.starts_with("HTTP/1.1 403 "),
            "{target} {host} {reply}"
        );
        assert!(reply.contains("\"errcode\":403"), "{reply}");
    }
    assert_eq!(server.emulator().journal().count("/cgi-bin/media/get"), 4);
}

#[tokio::test]
async fn a_listener_that_others_can_reach_is_refused_unless_allowed() {
    let anywhere = || async { TcpListener::bind("0.0.0.0:0").await.expect("a free port") };
    let error = Emulator::builder()
        .start(anywhere().await)
        .expect_err("not a loopback address");
    let BuildError::Start(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let message = error.to_string();
    assert!(message.contains("not on 0.0.0.0:"), "{message}");
    assert!(message.contains("allow_non_loopback()"), "{message}");

    let server = Emulator::builder()
        .allow_non_loopback()
        .start(anywhere().await)
        .expect("allowed");
    let port = server.local_addr().port();
    assert_eq!(server.url(), format!("http://127.0.0.1:{port}"));
    let headers = "Host: container\r\nOrigin: http://page.example\r\n";
    let reply = exchange(&server, "/cgi-bin/media/get", headers).await;
    assert!(reply.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn merged_routes_are_served_under_the_same_guard() {
    let emulator = Emulator::builder().build().expect("built");
    let more = Router::new().route("/more", get(|| async { "more" }));
    let server = emulator
        .start_with(listener().await, emulator.router().merge(more))
        .expect("started");
    let cases = [
        ("/more", "Host: localhost\r\n", "HTTP/1.1 200 "),
        ("/more", "Host: evil.example\r\n", "HTTP/1.1 403 "),
        ("/nowhere", "Host: localhost\r\n", "HTTP/1.1 404 "),
    ];
    for (target, host, expected) in cases {
        let reply = exchange(&server, target, host).await;
        assert!(reply.starts_with(expected.as_bytes()), "{target} {host}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_gets_its_answer() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("large");
    std::fs::write(&path, vec![b' '; 20 << 20]).expect("written");
    let server = start(Emulator::builder()).await;
    let token = token(&server).await;
    let body = format!("@{}", path.display());
    for (token, expected) in [(&*token, 45002), ("WRONG", 40001)] {
        let url = format!(
            "{}/cgi-bin/message/custom/send?access_token={token}",
            server.url()
        );
        let reply = curl_json(["-H", "Expect:", "--data-binary", &body, &url]).await;
        assert_eq!(reply["errcode"], expected);
    }
}

#[tokio::test]
async fn a_request_that_the_gateway_refuses_gets_its_answer_however_large_it_is() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("large");
    std::fs::write(&path, vec![b' '; 40 << 20]).expect("written");
    let emulator = Emulator::builder().build().expect("built");
    let routes = emulator.router().merge(Gateway::new().router());
    let server = emulator
        .start_with(listener().await, routes)
        .expect("started");
    let url = format!("{}/admin", server.url());
    let part = format!("requestData=@{}", path.display());
    let body = format!("@{}", path.display());
    let json = "Content-Type: application/json";
    for arguments in [
        ["-H", "Transfer-Encoding: chunked", "-F", &part, &url],
        ["-H", json, "--data-binary", &body, &url],
    ] {
        let reply = curl_json(arguments).await;
        assert_eq!(reply["code"], "INVALID_PARAM");
        assert_eq!(reply["message"], "the body is larger than 32 MiB");
    }
    assert_eq!(server.emulator().journal().entries(), []);
}

#[tokio::test]
async fn close_does_not_wait_for_idle_connections() {
    let server = start(Emulator::builder()).await;
    let address = server.local_addr();
    let unused = Connection::open(&server).await;
    let mut idle = Connection::open(&server).await;
    idle.write("GET /cgi-bin/media/get HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    idle.read_until("}").await;

    server.close().await;

    assert_eq!(idle.read_to_end().await, b"");
    assert_eq!(unused.read_to_end().await, b"");
    let refused = TcpStream::connect(address)
        .await
        .expect_err("nobody listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn close_lets_a_running_exchange_end() {
    let server = start(Emulator::builder()).await;
    let mut connection = Connection::open(&server).await;
    let body = "{\"grant_type\":\"none\"}";
    let head = format!(
        "POST /cgi-bin/stable_token HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write(head).await;
    connection.read_until("100 Continue\r\n\r\n").await;

    let closed: JoinHandle<()> = tokio::spawn(server.close());
    tokio::task::yield_now().await;
    assert!(!closed.is_finished());
    connection.write(body).await;
    let reply = String::from_utf8(connection.read_to_end().await).expect("text");
    assert!(reply.contains("\"errcode\":40002"), "{reply}");
    closed.await.expect("no panic");
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let server = start(Emulator::builder()).await;
    let mut idle = Connection::open(&server).await;
    idle.write("GET /cgi-bin/media/get HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    idle.read_until("}").await;
    drop(server);
    assert_eq!(idle.read_to_end().await, b"");
}
