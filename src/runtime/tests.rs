//! The loop against a scripted runtime API on a real socket.

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use crate::transport::{Body, Transport, TransportError};
use crate::{Cloud, Permissions};

/// Serves the events, then closes; returns what the function posted, as `PATH BODY`.
async fn posted<H, F, E, R, X>(events: &[&str], handler: H) -> Vec<String>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    X: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, X>> + Send + 'static,
{
    posted_within(3000, events, handler).await
}

/// The same, with a time limit in milliseconds.
async fn posted_within<H, F, E, R, X>(time_limit: u64, events: &[&str], handler: H) -> Vec<String>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    X: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, X>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("bound").to_string();
    let mut api = RuntimeApi::at(&host).expect("an address");
    let (posts, ended) = tokio::join!(
        script(listener, time_limit, events),
        serve(&mut api, handler)
    );
    let ended = ended.expect_err("the API went away");
    assert!(ended.to_string().starts_with("the runtime API"), "{ended}");
    posts
}

async fn script(listener: TcpListener, time_limit: u64, events: &[&str]) -> Vec<String> {
    let mut events = events.iter();
    let mut posts = Vec::new();
    let connection = async || {
        let (socket, _) = listener.accept().await.expect("the function connects");
        BufReader::new(socket)
    };
    let mut socket = connection().await;
    loop {
        let mut request_line = String::new();
        let (mut length, mut next, mut line) = (0, false, String::new());
        while socket
            .read_line(&mut request_line)
            .await
            .expect("a request")
            == 0
        {
            socket = connection().await;
        }
        while line != "\r\n" {
            line.clear();
            socket.read_line(&mut line).await.expect("a header");
            if let Some(names) = line.strip_prefix("cloudcall-denied: ") {
                posts.push(format!("denied {}", names.trim()));
            }
            if let Some(id) = line.strip_prefix("cloudcall-next: ") {
                posts.push(format!("next after {}", id.trim()));
                next = true;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.expect("the body");
        let path = request_line.split(' ').nth(1).expect("a path");
        let is_large = body == b"\"too large\"";
        if path != "/runtime/invocation/next" {
            posts.push(format!("{path} {}", String::from_utf8_lossy(&body)));
        }
        let reply = if path == "/runtime/invocation/next" || (next && !is_large) {
            let Some(event) = events.next() else {
                return posts;
            };
            let report = if event.contains("report") {
                "cloudcall-report: denied\r\n"
            } else if event.contains("more") {
                "cloudcall-next: offered\r\n"
            } else {
                ""
            };
            format!(
                "HTTP/1.1 200 OK\r\nrequest_id: r-1\r\nmemory_limit_in_mb: 256\r\n\
                 time_limit_in_ms: {time_limit}\r\n{report}Content-Length: {}\r\n\r\n{event}",
                event.len()
            )
        } else {
            let status = if is_large {
                "413 Payload Too Large"
            } else {
                "200 OK"
            };
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
        };
        socket.write_all(reply.as_bytes()).await.expect("to reply");
    }
}

#[derive(Deserialize)]
struct Event {
    number: u32,
}

#[tokio::test]
async fn every_way_an_invocation_can_go_is_reported_and_the_loop_goes_on() {
    let posts = posted(
        &[
            r#"{"number":0}"#,
            r#"{"number":1}"#,
            r#"{"number":2}"#,
            r#"{"number":"x"}"#,
            "",
            r#"{"number":7}"#,
        ],
        async |event: Event, _| match event.number {
            0 => Ok(json!({"ok": true})),
            1 => Err("refused"),
            2 => panic!("at {}", event.number),
            _ => Ok(Value::Null),
        },
    )
    .await;
    assert_eq!(
        posts,
        [
            "/runtime/init/ready  ",
            r#"/runtime/invocation/response {"ok":true}"#,
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"refused"}"#,
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the function panicked: at 2"}"#,
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the event is not what the function takes: invalid type: string \"x\", expected u32 at line 1 column 13"}"#,
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the event is not what the function takes: EOF while parsing a value at line 1 column 0"}"#,
            "/runtime/invocation/response null",
        ]
    );
}

/// A result that panics when it is serialised.
struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("boom")
    }
}

#[tokio::test]
async fn a_panic_of_the_result_and_a_refused_result_are_reported_too() {
    let posts = posted(&["1"], async |_: Value, _| Ok::<_, String>(Explosive)).await;
    assert_eq!(
        posts[1..],
        [
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the function panicked: boom"}"#
        ]
    );
    let posts = posted(&["1", "2"], async |event: Value, _| {
        Ok::<_, String>(if event == 1 { "too large" } else { "fine" })
    })
    .await;
    assert_eq!(
        posts[1..],
        [
            r#"/runtime/invocation/response "too large""#,
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the runtime API answered invocation/response with HTTP 413 Payload Too Large: "}"#,
            r#"/runtime/invocation/response "fine""#,
        ]
    );
}

#[tokio::test]
async fn the_context_says_what_the_runtime_said() {
    let posts = posted(
        &[r#"{"userInfo":{"appId":"wx1","openId":"o1"}}"#, "[]"],
        async |_: Value, context: Context| {
            assert!(context.remaining_time() <= context.time_limit());
            assert!(context.deadline() > std::time::Instant::now());
            let wx = context.wx_context();
            Ok::<_, std::convert::Infallible>(json!([
                context.request_id(),
                context.memory_limit_in_mb(),
                context.time_limit().as_millis() as u64,
                [&wx.app_id, &wx.open_id, &wx.union_id],
            ]))
        },
    )
    .await;
    assert_eq!(
        posts[1..],
        [
            r#"/runtime/invocation/response ["r-1",256,3000,["wx1","o1",null]]"#,
            r#"/runtime/invocation/response ["r-1",256,3000,[null,null,null]]"#,
        ]
    );
}

#[tokio::test]
async fn denied_calls_are_reported_to_a_runtime_that_asks() {
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([] as [&str; 0]))
        .transport(crate::transport::MockTransport::replies([]))
        .build()
        .expect("complete");
    let posts = posted(
        &[
            r#""report twice""#,
            r#""report""#,
            r#""in silence""#,
            r#""report, and fail""#,
        ],
        move |event: String, _| {
            let cloud = cloud.clone();
            async move {
                let times = match &*event {
                    "report" => 0,
                    "report twice" => 2,
                    _ => 1,
                };
                for _ in 0..times {
                    let denied = get_temp_media(&cloud, GetTempMedia::new("M")).await;
                    let denied = denied.expect_err("not permitted");
                    assert!(denied.is_permission_denied());
                }
                match event.contains("fail") {
                    true => Err("failed"),
                    false => Ok(times),
                }
            }
        },
    )
    .await;
    let get = "customerServiceMessage.getTempMedia";
    assert_eq!(
        posts[1..],
        [
            &*format!("denied {get},{get}"),
            "/runtime/invocation/response 2",
            "/runtime/invocation/response 0",
            "/runtime/invocation/response 1",
            &*format!("denied {get}"),
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"failed"}"#,
        ]
    );
}

/// The script answers a post with an event only if that was accepted.
#[tokio::test]
async fn the_next_event_is_taken_from_the_reply_of_a_runtime_that_offers_it() {
    let posts = posted(
        &[
            r#""more""#,
            r#""more, large""#,
            r#""more, fail""#,
            r#""last""#,
        ],
        async |event: String, _| match &*event {
            "more, fail" => Err("failed"),
            "more, large" => Ok("too large".to_owned()),
            _ => Ok(event),
        },
    )
    .await;
    assert_eq!(
        posts[1..],
        [
            "next after r-1",
            r#"/runtime/invocation/response "more""#,
            "next after r-1",
            r#"/runtime/invocation/response "too large""#,
            "next after r-1",
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"the runtime API answered invocation/response with HTTP 413 Payload Too Large: "}"#,
            "next after r-1",
            r#"/runtime/invocation/error {"errorCode":1,"errorMessage":"failed"}"#,
            r#"/runtime/invocation/response "last""#,
        ]
    );
}

/// A call that would never end fails in time to be reported.
#[tokio::test]
async fn a_call_in_a_handler_ends_before_the_invocation_does() {
    struct Hangs;

    #[async_trait::async_trait]
    impl Transport for Hangs {
        async fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<Body>, TransportError> {
            std::future::pending().await
        }
    }

    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .transport(Hangs)
        .build()
        .expect("complete");
    let posts = posted_within(100, &["1", "2"], move |_: Value, context: Context| {
        let cloud = cloud.clone();
        async move {
            let until = crate::deadline::of(&cloud).expect("a deadline");
            assert_eq!(until.into_std(), context.call_deadline());
            let call = get_temp_media(&cloud, GetTempMedia::new("M"));
            let error = call.await.expect_err("it hangs");
            Err::<Value, _>(error)
        }
    })
    .await;
    assert_eq!(posts.len(), 3);
    for post in &posts[1..] {
        assert!(
            post.starts_with("/runtime/invocation/error ") && post.contains("-604102"),
            "{post}"
        );
    }
}

#[tokio::test]
async fn the_loop_ends_with_the_future_that_runs_it() {
    let (start, started) = tokio::sync::oneshot::channel();
    let (held, dropped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(in_a_task(async move {
        let _held = held;
        start.send(()).expect("it is waited for");
        std::future::pending::<()>().await;
    }));
    started.await.expect("it starts");
    running.abort();
    dropped.await.expect_err("it was dropped");
}

#[tokio::test]
#[should_panic(expected = "of the loop")]
async fn a_panic_of_the_loop_is_one_of_run() {
    in_a_task(async { panic!("of the loop") }).await
}

#[test]
fn a_host_that_is_none_is_said() {
    let error = RuntimeApi::at("a\nb:80").err().expect("no address");
    assert_eq!(
        error.to_string(),
        r#"SCF_RUNTIME_API and SCF_RUNTIME_API_PORT are no address: "a\nb:80""#
    );
}

#[test]
fn an_error_is_told_with_its_causes() {
    let error = RuntimeError {
        message: "outer".into(),
        source: Some(Box::new(RuntimeError {
            message: "inner".into(),
            source: Some("root".into()),
        })),
    };
    assert_eq!(with_causes(&error), "outer: inner: root");
}
