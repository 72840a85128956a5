//! Media that goes to a writer while it arrives.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWrite};
use tokio::sync::mpsc;

use super::super::customer_service_message::{TempMediaInfo, get_temp_media_to};
use super::*;

type Piece = Result<Bytes, TransportError>;

/// A body that a test sends piece by piece.
pub(super) fn channel() -> (mpsc::Sender<Piece>, Body) {
    struct Pieces(mpsc::Receiver<Piece>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
            let piece = self.0.poll_recv(cx);
            piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
        }
    }

    let (sender, receiver) = mpsc::channel(1);
    (sender, Body::new(Pieces(receiver)))
}

/// A body of these pieces, each of which arrives by itself.
pub(super) fn pieces(list: Vec<Piece>) -> Body {
    let (sender, body) = channel();
    tokio::spawn(async move {
        for piece in list {
            if sender.send(piece).await.is_err() {
                break;
            }
        }
    });
    body
}

pub(super) fn broke() -> TransportError {
    TransportError::new(TransportErrorKind::Interrupted, "it broke")
}

/// A reply that arrives a byte at a time.
fn bit_by_bit(status: u16, content_type: Option<&str>, body: &[u8]) -> http::Response<Body> {
    let mut reply = reply(content_type, b"");
    *reply.status_mut() = status.try_into().expect("a status");
    *reply.body_mut() = pieces(
        body.chunks(1)
            .map(|byte| Ok(Bytes::copy_from_slice(byte)))
            .collect(),
    );
    reply
}

async fn store(cloud: &Cloud, written: &mut Vec<u8>) -> Result<TempMediaInfo, Error> {
    get_temp_media_to(cloud, GetTempMedia::new("M"), written).await
}

#[tokio::test]
async fn media_is_written_and_described() {
    let mock = MockTransport::replies([bit_by_bit(200, Some(" image/png "), b"12345")]);
    let mut written = Vec::new();
    let media = store(&cloud(&mock), &mut written).await.expect("media");
    assert_eq!(written, b"12345");
    let json = json!({
        "errCode": 0,
        "errMsg": "openapi.customerServiceMessage.getTempMedia:ok",
        "contentType": "image/png",
        "size": 5,
    });
    assert_eq!(serde_json::to_value(&media).expect("JSON"), json);
    assert_eq!(
        serde_json::from_value::<TempMediaInfo>(json).expect("the same"),
        media
    );
    assert_eq!(mock.requests()[0].uri().path(), "/cgi-bin/media/get");
}

/// One set of rules: whatever the reply is, the stored media or the error is that of the call that
/// holds everything in memory.
#[tokio::test]
async fn replies_mean_what_they_mean_to_the_call_in_memory() {
    let replies: [(u16, Option<&str>, &[u8]); 18] = [
        (200, Some("image/jpeg"), b"\xff\xd8\xff"),
        (200, None, b"bytes"),
        (200, None, b"{\"errcode\":40007}"),
        (200, Some("text/plain"), b"hello"),
        (200, Some("text/plain"), b"  \n"),
        (200, Some("text/plain"), b"{ not JSON"),
        (
            200,
            Some("text/plain"),
            b" {\"errcode\":40007,\"errmsg\":\"T0KEN/canary\"}",
        ),
        (200, Some("text/plain"), b"{\"video_url\":\"T0KEN/canary\"}"),
        (200, Some("text/plain"), b"[1]"),
        (
            200,
            Some("application/json"),
            b"{\"errcode\":45009,\"errmsg\":\"limit\"}",
        ),
        (200, Some("application/json"), b"{\"errcode\":0}"),
        (200, Some("application/json"), b"<html>T0KEN/canary"),
        (200, Some("application/json"), b"\xff\xd8"),
        (200, Some("image/png"), b""),
        (200, Some("text/plain"), b""),
        (404, Some("image/png"), b"\x89PNG"),
        (502, Some("text/html"), b"<html>T0KEN/canary"),
        (
            500,
            Some("text/html"),
            b"{\"errcode\":-1,\"errmsg\":\"busy\"}",
        ),
    ];
    let (mut media, mut errors) = (0, 0);
    for (status, content_type, body) in replies {
        let case = format!(
            "{status} {content_type:?} {}",
            String::from_utf8_lossy(body)
        );
        let mut whole = reply(content_type, body);
        *whole.status_mut() = status.try_into().expect("a status");
        let expected = get_from(whole).await;
        let mock = MockTransport::replies([bit_by_bit(status, content_type, body)]);
        let mut written = Vec::new();
        match (expected, store(&cloud(&mock), &mut written).await) {
            (Ok(expected), Ok(stored)) => {
                assert_eq!(stored.content_type, expected.content_type, "{case}");
                assert_eq!(stored.err_msg, expected.err_msg, "{case}");
                assert_eq!(
                    (&*written, stored.size),
                    (&*expected.buffer, body.len() as u64),
                    "{case}"
                );
                media += 1;
            }
            (Err(expected), Err(error)) => {
                assert_eq!(error.to_string(), expected.to_string(), "{case}");
                assert_eq!(error.reply(), expected.reply(), "{case}");
                assert_eq!(error.hint(), expected.hint(), "{case}");
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
                assert!(written.is_empty(), "{case}");
                errors += 1;
            }
            (expected, stored) => panic!("{case}: {expected:?} but {stored:?}"),
        }
    }
    assert_eq!((media, errors), (7, 11));
}

#[tokio::test]
async fn json_is_held_up_to_a_bound() {
    const BOUND: usize = 1 << 20;

    let big = |content_type, first: &str| {
        let mut body = first.as_bytes().to_vec();
        body.resize(3 * BOUND, b' ');
        let mut reply = reply(Some(content_type), b"");
        let chunks = body.chunks(100_000);
        *reply.body_mut() = pieces(chunks.map(|it| Ok(Bytes::copy_from_slice(it))).collect());
        reply
    };
    for first in ["{", "[", "<"] {
        let mock = MockTransport::replies([big("application/json", first)]);
        let mut written = Vec::new();
        let error = store(&cloud(&mock), &mut written)
            .await
            .expect_err("too long");
        assert_eq!(error.err_code(), -604_103);
        assert!(
            error
                .err_msg()
                .contains("JSON or an error of more than 1048576 bytes"),
            "{error}"
        );
        assert!(written.is_empty());
    }
    // Labelled as text it is media, of which nothing is lost.
    for first in ["{", "x"] {
        let mock = MockTransport::replies([big("text/plain", first)]);
        let mut written = Vec::new();
        store(&cloud(&mock), &mut written).await.expect("media");
        assert_eq!(written.len(), 3 * BOUND);
        assert!(written.starts_with(first.as_bytes()) && written.ends_with(b"  "));
    }
}

/// These replies, one after the other, for a call that is made three times at most.
fn patient(replies: Vec<Result<http::Response<Body>, TransportError>>) -> (MockTransport, Cloud) {
    let replies = std::sync::Mutex::new(replies.into_iter());
    let mock = MockTransport::new(move |_| {
        let reply = replies.lock().expect("no panic").next();
        reply.expect("no request more than there are replies")
    });
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .access_token("T0KEN/canary")
        .transport(mock.clone())
        .build()
        .expect("complete");
    (mock, cloud)
}

fn media(list: Vec<Piece>) -> http::Response<Body> {
    let mut reply = media_reply("image/png", "");
    *reply.body_mut() = pieces(list);
    reply
}

#[tokio::test(start_paused = true)]
async fn it_is_repeated_until_the_first_byte_is_written() {
    let busy = || json_reply(json!({"errcode": -1, "errmsg": "busy"}));
    let image = || Ok(media(vec![Ok("123".into()), Ok("45".into())]));
    for failures in [
        vec![Err(broke()), Ok(busy())],
        vec![Ok(media(vec![Err(broke())])), Ok(media(vec![Err(broke())]))],
        vec![Ok(bit_by_bit(502, None, b"<html>")), Err(broke())],
    ] {
        let replies = failures.into_iter().chain([image()]).collect();
        let (mock, cloud) = patient(replies);
        let mut written = Vec::new();
        store(&cloud, &mut written)
            .await
            .expect("the third is fine");
        assert_eq!((&*written, mock.requests().len()), (&b"12345"[..], 3));
    }
    let (mock, cloud) = patient(vec![
        Ok(busy()),
        Ok(media(vec![Ok("123".into()), Err(broke())])),
    ]);
    let mut written = Vec::new();
    let error = store(&cloud, &mut written).await.expect_err("it broke");
    assert!(error.is_network());
    assert!(
        error
            .err_msg()
            .ends_with("it broke; 3 bytes of the media had been written"),
        "{error}"
    );
    assert_eq!((&*written, mock.requests().len()), (&b"123"[..], 2));
    // Refusals, as ever, are final.
    let limit = json_reply(json!({"errcode": 45009, "errmsg": "limit"}));
    let (mock, cloud) = patient(vec![Ok(limit)]);
    let error = store(&cloud, &mut Vec::new()).await.expect_err("refused");
    assert_eq!((error.err_code(), mock.requests().len()), (45_009, 1));
}

#[tokio::test]
async fn fewer_bytes_than_announced_are_an_error_that_says_so() {
    for (announced, whole) in [("5", true), ("6", false)] {
        let mut reply = media(vec![Ok("123".into()), Ok("45".into())]);
        let length = announced.parse().expect("a length");
        reply.headers_mut().insert(CONTENT_LENGTH, length);
        let (_, cloud) = patient(vec![Ok(reply)]);
        let outcome = store(&cloud, &mut Vec::new()).await;
        assert_eq!(outcome.is_ok(), whole);
        if let Err(error) = outcome {
            assert_eq!(error.err_code(), -601_003);
            let expected = "after 5 of 6 bytes; 5 bytes of the media had been written";
            assert!(error.err_msg().ends_with(expected), "{error}");
        }
    }
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once_before_anything_is_written() {
    let tokens = AtomicUsize::new(0);
    let mock = MockTransport::new(move |request| {
        if request.uri().path() == "/cgi-bin/stable_token" {
            let token = format!("T{}", tokens.fetch_add(1, Ordering::Relaxed));
            return Ok(json_reply(
                json!({"access_token": token, "expires_in": 7200}),
            ));
        }
        let query = request.uri().query().expect("a query");
        if query.contains("T0") {
            return Ok(json_reply(json!({"errcode": 42001, "errmsg": "expired"})));
        }
        Ok(media_reply("image/png", &b"12345"[..]))
    });
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .app_secret("wx1", "s3cret")
        .transport(mock.clone())
        .build()
        .expect("complete");
    let mut written = Vec::new();
    store(&cloud, &mut written).await.expect("media");
    assert_eq!((&*written, mock.requests().len()), (&b"12345"[..], 4));
}

#[tokio::test]
async fn what_is_wrong_or_not_permitted_is_not_sent() {
    let mock = MockTransport::replies([]);
    let closed = cloud(&mock).with_permissions(Permissions::allow([SEND]));
    let error = store(&closed, &mut Vec::new()).await.expect_err("closed");
    assert!(error.is_permission_denied());
    let nothing = GetTempMedia::new("");
    let error = get_temp_media_to(&cloud(&mock), nothing, &mut Vec::new())
        .await
        .expect_err("empty");
    assert!(error.is_invalid_argument());
    assert!(mock.requests().is_empty());
}

#[tokio::test]
async fn an_error_of_the_writer_is_the_callers() {
    struct Full;

    impl AsyncWrite for Full {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    let (mock, cloud) = patient(vec![Ok(media_reply("image/png", &b"12345"[..]))]);
    let error = get_temp_media_to(&cloud, GetTempMedia::new("M"), Full)
        .await
        .expect_err("full");
    assert_eq!(error.err_code(), -601_001);
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(
        source.expect("the writer's").kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_it_in_the_middle_of_the_body() {
    let (sender, body) = channel();
    let mut reply = media_reply("image/png", "");
    *reply.body_mut() = body;
    let (_, cloud) = patient(vec![Ok(reply)]);
    sender.try_send(Ok("123".into())).expect("room for one");
    let until = tokio::time::Instant::now() + std::time::Duration::from_millis(100);
    let mut written = Vec::new();
    let error = store(&cloud.with_deadline(until.into_std()), &mut written)
        .await
        .expect_err("late");
    assert!(error.is_timeout());
    assert_eq!(written, b"123");
    assert!(sender.is_closed(), "nobody reads on");
}

/// 64 MiB, made only when they are asked for; and a reader who is slower than they could be made.
#[tokio::test]
async fn memory_holds_one_piece_and_not_the_media() {
    const PIECE: usize = 64 << 10;
    const PIECES: usize = 1024;
    const PIPE: usize = 4 << 10;

    struct Lazy {
        left: usize,
        made: Arc<AtomicUsize>,
    }

    impl http_body::Body for Lazy {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            self.made.fetch_add(PIECE, Ordering::SeqCst);
            Poll::Ready(Some(Ok(Frame::data(vec![7; PIECE].into()))))
        }
    }

    let made = Arc::new(AtomicUsize::new(0));
    let body = Lazy {
        left: PIECES,
        made: Arc::clone(&made),
    };
    let mut reply = media_reply("image/png", "");
    *reply.body_mut() = Body::new(body);
    let (_, cloud) = patient(vec![Ok(reply)]);
    let (writer, mut reader) = tokio::io::duplex(PIPE);
    let call =
        tokio::spawn(
            async move { get_temp_media_to(&cloud, GetTempMedia::new("M"), writer).await },
        );
    let (mut read, mut furthest) = (0, 0);
    let mut buffer = vec![0; 1 << 10];
    loop {
        let length = reader.read(&mut buffer).await.expect("no error");
        if length == 0 {
            break;
        }
        read += length;
        furthest = furthest.max(made.load(Ordering::SeqCst) - read);
    }
    let stored = call.await.expect("no panic").expect("media");
    assert_eq!(
        (read, stored.size),
        (PIECE * PIECES, (PIECE * PIECES) as u64)
    );
    // One piece on its way, and what the pipe holds.
    assert!(furthest <= PIECE + PIPE, "{furthest} bytes ahead");
}
