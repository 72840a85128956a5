//! Media that is stored while it arrives, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, get_temp_media_to, get_temp_media_to_file,
};
use cloudcall::transport::{HttpsTransport, HttpsTransportBuilder};
use cloudcall::{Cloud, Permissions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::tool::GUARD;

/// What a server sends: 64 MiB, which is just as much as the transport takes.
const SIZE: usize = 64 << 20;
const PIECE: usize = 64 << 10;

/// Serves media of that size, and counts what it could send.
async fn start() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {SIZE}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.expect("sent");
            let piece = vec![7; PIECE];
            for _ in 0..SIZE / PIECE {
                // The client may have had enough.
                if stream.write_all(&piece).await.is_err() {
                    break;
                }
                counted.fetch_add(PIECE, Ordering::SeqCst);
            }
        }
    });
    (url, sent)
}

fn cloud(url: &str, transport: HttpsTransportBuilder) -> Cloud {
    Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .access_token("token")
        .api_base(url)
        .transport(transport.build())
        .build()
        .expect("complete")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_writer_holds_the_server_back() {
    /// What the sockets of both sides hold at most by the defaults of any system, and hyper.
    const ON_THE_WAY: usize = 24 << 20;

    let (url, sent) = start().await;
    let cloud = cloud(&url, HttpsTransport::builder().timeout(GUARD));
    let (writer, mut reader) = tokio::io::duplex(PIECE);
    let call =
        tokio::spawn(
            async move { get_temp_media_to(&cloud, GetTempMedia::new("M"), writer).await },
        );
    let (mut read, mut furthest) = (0, 0);
    let mut buffer = vec![0; PIECE];
    loop {
        // Everybody else comes first, so that whoever can run ahead does.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let length = reader.read(&mut buffer).await.expect("no error");
        if length == 0 {
            break;
        }
        read += length;
        furthest = furthest.max(sent.load(Ordering::SeqCst).saturating_sub(read));
    }
    let stored = call.await.expect("no panic").expect("media");
    assert_eq!((read, stored.size), (SIZE, SIZE as u64));
    assert!(furthest < ON_THE_WAY, "{furthest} bytes ahead");
}

#[tokio::test]
async fn a_writer_that_stops_stops_the_server() {
    let (url, sent) = start().await;
    // Nobody reads: when the pipe is full, all of it waits until the deadline.
    let (writer, _reader) = tokio::io::duplex(PIECE);
    let until = std::time::Instant::now() + std::time::Duration::from_millis(300);
    let cloud = cloud(&url, HttpsTransport::builder()).with_deadline(until);
    let call = get_temp_media_to(&cloud, GetTempMedia::new("M"), writer);
    assert!(call.await.expect_err("late").is_timeout());
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < SIZE / 2, "{sent} bytes were taken");
}

#[tokio::test]
async fn the_transports_limit_holds_here_too() {
    let (url, _) = start().await;
    let folder = tempfile::tempdir().expect("a temp folder");
    let file = folder.path().join("image.png");
    let small = cloud(
        &url,
        HttpsTransport::builder().max_reply_size(SIZE as u64 - 1),
    );
    let error = get_temp_media_to_file(&small, GetTempMedia::new("M"), &file).await;
    assert_eq!(error.expect_err("too large").err_code(), -604_103);
    assert!(!file.exists());
    let large = cloud(&url, HttpsTransport::builder().timeout(GUARD));
    let stored = get_temp_media_to_file(&large, GetTempMedia::new("M"), &file).await;
    assert_eq!(stored.expect("media").size, SIZE as u64);
    let written = std::fs::read(&file).expect("the file");
    assert!(written.len() == SIZE && written.iter().all(|byte| *byte == 7));
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
}
