//! The route, with functions that only answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use cloudcall_emulator::Emulator;
use tokio::net::TcpListener;

use super::super::deliver::{Answered, Deliver};
use super::*;
use crate::commands::dev_client::{Answer, ask};

struct Fake {
    functions: Vec<(String, PathBuf)>,
    answer: Answered,
    emulator: Emulator,
    delivered: Mutex<Vec<Delivery>>,
}

#[async_trait]
impl Deliver for Fake {
    async fn functions(&self) -> Vec<(String, PathBuf)> {
        self.functions.clone()
    }

    async fn emulator(&self) -> Option<Emulator> {
        Some(self.emulator.clone())
    }

    async fn app_id(&self) -> String {
        "wx1".into()
    }

    async fn deliver(&self, delivery: Delivery) -> Answered {
        self.delivered.lock().expect("no panic").push(delivery);
        self.answer.clone()
    }
}

struct Bench {
    fake: Arc<Fake>,
    pushes: Pushes,
    _folder: tempfile::TempDir,
}

/// Functions with their `config.json`, all of which give this answer.
fn bench(functions: &[(&str, &str)], status: StatusCode, body: &'static str) -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |(name, text): &(&str, &str)| {
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, text).expect("written");
        ((*name).to_owned(), path)
    };
    let emulator = Emulator::builder().media("sample", "x");
    let fake = Arc::new(Fake {
        emulator: emulator.build().expect("an emulator"),
        functions: functions.iter().map(file).collect(),
        answer: Answered {
            status,
            body: body.into(),
        },
        delivered: Mutex::default(),
    });
    let pushes = Pushes {
        deliverer: Arc::clone(&fake) as Deliverer,
        clock: Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_555_684_067)),
    };
    Bench {
        fake,
        pushes,
        _folder: folder,
    }
}

impl Bench {
    async fn push(&self, push: Value) -> (StatusCode, Value) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let _server = self
            .fake
            .emulator
            .start_with(listener, router(self.pushes.clone()))
            .expect("a server");
        let asked = ask(port, http::Method::POST, PATH, push.to_string()).await;
        let Answer { status, body } = asked.expect("an answer");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}

#[tokio::test]
async fn a_message_reaches_its_function() {
    let functions = [("a", "{}"), ("b", r#"{"messagePush":["image"]}"#)];
    let bench = bench(&functions, StatusCode::OK, "\"success\"");
    let image = json!({"message": {"type": "image", "mediaId": "sample"}, "openId": "o1"});
    let (status, mut answer) = bench.push(image).await;
    let delivered = bench.fake.delivered.lock().expect("no panic").remove(0);
    assert_eq!(delivered.function, "b");
    assert_eq!(
        delivered.by,
        By::User {
            open_id: "o1".into()
        }
    );
    let event: Value = serde_json::from_str(&delivered.event).expect("JSON");
    assert_eq!(
        (&event["MediaId"], &event["ToUserName"]),
        (&json!("sample"), &json!("wx1"))
    );
    assert_eq!(answer["event"].take(), event);
    assert_eq!(
        (status, answer),
        (
            StatusCode::OK,
            json!({"function": "b", "openId": "o1", "event": null, "notes": [], "result": "success"})
        )
    );
}

#[tokio::test]
async fn the_default_user_and_what_is_odd_are_said() {
    let bench = bench(&[("a", "")], StatusCode::OK, "12345678901234567890123");
    let (_, answer) = bench
        .push(json!({"message": {"type": "image", "mediaId": "m"}}))
        .await;
    assert_eq!(answer["openId"], DEFAULT_OPEN_ID);
    let notes = answer["notes"].to_string();
    assert!(
        notes.contains("no media") && notes.contains("40007"),
        "{notes}"
    );
    assert!(notes.contains("neither"), "{notes}");
}

#[tokio::test]
async fn what_fails_keeps_its_status_and_error() {
    let error = r#"{"errorMessage":"no"}"#;
    let bench = bench(&[("a", "")], StatusCode::GATEWAY_TIMEOUT, error);
    let (status, answer) = bench
        .push(json!({"message": {"type": "text", "content": "x"}}))
        .await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer["error"], json!({"errorMessage": "no"}));
    assert_eq!((&answer["notes"], answer.get("result")), (&json!([]), None));
}

#[tokio::test]
async fn what_is_no_push_reaches_nobody() {
    let bench = bench(&[("a", ""), ("b", "")], StatusCode::OK, "\"\"");
    for (push, status) in [
        (
            json!({"message": {"type": "voice"}}),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({"message": {"type": "text"}}),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({"message": {"type": "text", "content": ""}, "user": 1}),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({"message": {"type": "text", "content": ""}}),
            StatusCode::NOT_FOUND,
        ),
        // It would be too long for a header.
        (
            json!({"message": {"type": "text", "content": ""}, "function": "a", "openId": "o".repeat(257)}),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (found, answer) = bench.push(push.clone()).await;
        assert_eq!(found, status, "{push}");
        assert!(
            answer["errorMessage"].is_string() && answer["hint"].is_string(),
            "{answer}"
        );
    }
    assert!(bench.fake.delivered.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_message_may_be_as_large_as_any_event() {
    let bench = bench(&[("a", "")], StatusCode::OK, "\"\"");
    let content = "x".repeat(3 << 20);
    let (status, answer) = bench
        .push(json!({"message": {"type": "text", "content": content}}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["event"]["Content"], content);
}
