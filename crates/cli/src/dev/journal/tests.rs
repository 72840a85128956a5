//! The bounds of the journal, its lines, and its readers.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower_service::Service as _;

use super::*;

fn reload(function: &str) -> What {
    What::Reload(Reload {
        function: function.into(),
        why: vec!["index.js".into()],
        version: 2,
        ..Reload::default()
    })
}

fn call() -> Call {
    Call {
        function: "get-image".into(),
        request_id: None,
        api: "customerServiceMessage.getTempMedia".into(),
        parameters: (&json!({"media_id": "sample"})).into(),
        verdict: Verdict::Permitted,
        err_code: 0,
        err_msg: "ok".into(),
        bytes: 112_525,
        content_type: Some("image/jpeg".into()),
        duration_ms: 3,
    }
}

fn ids(part: &Part) -> Vec<u64> {
    part.entries.iter().map(|it| it.id).collect()
}

async fn get(journal: &Journal, path: &str, last: Option<&str>) -> http::Response<Body> {
    let mut request = http::Request::get(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Body::empty()).expect("a request");
    let Ok(response) = router(journal.clone()).call(request).await;
    response
}

async fn list(journal: &Journal, query: &str) -> Value {
    let response = get(journal, &format!("/_cloudcall/journal{query}"), None).await;
    let body = response.into_body().collect().await.expect("whole");
    serde_json::from_slice(&body.to_bytes()).expect("JSON")
}

/// The next event of a stream.
async fn event(body: &mut Body) -> String {
    let frame = body.frame().await.expect("a frame").expect("whole");
    String::from_utf8_lossy(&frame.into_data().expect("data")).into_owned()
}

#[test]
fn the_newest_are_kept_and_the_others_counted() {
    let journal = Journal::new(Printer, 3);
    for id in 1..=5 {
        assert_eq!(journal.record(reload("f")), id);
    }
    for (after, expected, lost) in [
        (0, vec![3, 4, 5], 2),
        (1, vec![3, 4, 5], 1),
        (2, vec![3, 4, 5], 0),
        (4, vec![5], 0),
        (5, vec![], 0),
        // Of a journal before this one.
        (99, vec![3, 4, 5], 2),
    ] {
        let part = journal.after(after, 10);
        assert_eq!((ids(&part), part.lost), (expected, lost), "{after}");
    }
    assert_eq!(ids(&journal.after(0, 1)), [3]);
}

#[test]
fn an_entry_is_small_whatever_is_in_it() {
    let journal = Journal::new(Printer, 3);
    let mut long = call();
    long.err_msg = "中".repeat(100_000);
    long.parameters = (&json!({"a": "x".repeat(100_000)})).into();
    journal.record(What::Call(long));
    let entry = &journal.after(0, 1).entries[0];
    assert!(entry.json().len() < 4096, "{}", entry.json().len());
    let entry: Value = serde_json::from_str(&entry.json()).expect("JSON");
    assert_eq!(entry["parameters"], "…");

    // Of a name that no function has.
    journal.record(What::Invocation(Invocation {
        function: "f".repeat(60_000),
        ..Invocation::default()
    }));
    // As a function might say that it was denied.
    let denied = Call {
        api: "a".repeat(60_000),
        ..call()
    };
    journal.record(What::Call(denied));
    for entry in &journal.after(1, 2).entries {
        assert!(entry.json().len() < 4096, "{}", entry.json().len());
    }
}

#[tokio::test]
async fn the_list_is_what_is_asked_for() {
    let journal = Journal::new(Printer, 10);
    journal.record(reload("f"));
    journal.record(reload("g"));
    journal.record(What::Call(call()));
    for (query, expected) in [
        ("", json!([1, 2, 3])),
        ("?after=1", json!([2, 3])),
        ("?limit=1", json!([3])),
        ("?type=reload", json!([1, 2])),
        ("?function=g", json!([2])),
        ("?type=reload&limit=1&after=0", json!([2])),
    ] {
        let list = list(&journal, query).await;
        let entries = list["entries"].as_array().expect("a list").iter();
        let ids: Vec<_> = entries.map(|it| it["id"].clone()).collect();
        assert_eq!(json!(ids), expected, "{query}");
        assert_eq!(list["lost"], 0);
    }
    let entry = &list(&journal, "?after=2").await["entries"][0];
    assert_eq!(entry["type"], "call");
    assert_eq!(entry["errCode"], 0);
    assert_eq!(entry["parameters"], json!({"media_id": "sample"}));
    for wrong in [
        "?after=x",
        "?limit=-1",
        "?kind=call",
        "?type=calls",
        "/stream?after=x",
        "/stream?limit=1",
    ] {
        let response = get(&journal, &format!("/_cloudcall/journal{wrong}"), None).await;
        assert_eq!(response.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_its_reader_was() {
    let journal = Journal::new(Printer, 10);
    for function in ["a", "b", "c"] {
        journal.record(reload(function));
    }
    let path = "/_cloudcall/journal/stream?after=1";
    let mut body = get(&journal, path, Some("2")).await.into_body();
    // Before there is anything to tell, so that a reader sees that it is connected.
    assert_eq!(event(&mut body).await, ": open\n\n");
    let next = event(&mut body).await;
    assert!(
        next.contains("id: 3\n") && next.contains("event: reload\n"),
        "{next}"
    );
    let (next, _) = tokio::join!(event(&mut body), async {
        tokio::task::yield_now().await;
        journal.record(What::Call(call()))
    });
    assert!(
        next.contains("id: 4\n") && next.contains("event: call\n"),
        "{next}"
    );
    let mut body = get(&journal, path, None).await.into_body();
    event(&mut body).await;
    assert!(event(&mut body).await.contains("id: 2\n"));
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_lost() {
    let journal = Journal::new(Printer, 2);
    let path = "/_cloudcall/journal/stream";
    let mut body = get(&journal, path, None).await.into_body();
    event(&mut body).await;
    for _ in 0..5 {
        journal.record(reload("f"));
    }
    let lost = event(&mut body).await;
    assert!(
        lost.contains("event: lost\n") && lost.contains(r#"{"lost":3}"#),
        "{lost}"
    );
    assert!(event(&mut body).await.contains("id: 4\n"));
    assert!(event(&mut body).await.contains("id: 5\n"));
}

#[test]
fn a_line_says_it_all() {
    let clock = Time::of(SystemTime::UNIX_EPOCH + Duration::from_secs(4 * 3600 + 187)).clock();
    let said = |what: What| line::line(&clock, &what).plain();
    assert_eq!(
        said(What::Call(call())),
        "12:03:07  get-image           getTempMedia media_id=sample   ok  image/jpeg 112525 bytes  3 ms"
    );
    let denied = Call {
        function: "取图".into(),
        api: "customerServiceMessage.send".into(),
        parameters: (&json!({"touser": "o1", "text": {"content": "x"}})).into(),
        err_code: -604_101,
        err_msg: "denied: add it\nto \u{1b}[2Jpermissions.openapi".into(),
        ..call()
    };
    assert_eq!(
        said(What::Call(denied)),
        r"12:03:07  取图                send touser=o1 text={…}   -604101 denied: add it to \u{1b}[2Jpermissions.openapi"
    );
    let invocation = Invocation {
        function: "get-image".into(),
        source: "http",
        outcome: "ok",
        status: 200,
        duration_ms: 12,
        caller: User {
            open_id: Some("o1".into()),
            ..User::default()
        },
        ..Invocation::default()
    };
    assert_eq!(
        said(What::Invocation(invocation)),
        "12:03:07  get-image         POST  200  12 ms  o1"
    );
    let died = Invocation {
        function: "get-image".into(),
        source: "http",
        outcome: "died",
        status: 502,
        error_message: Some("it ended (exit status: 7); its last lines:\none\ntwo".into()),
        ..Invocation::default()
    };
    assert_eq!(
        said(What::Invocation(died)),
        "12:03:07  get-image         POST  502 died  0 ms  it ended (exit status: 7)"
    );
    let wordy = Call {
        err_code: 1,
        err_msg: "中".repeat(1000),
        ..call()
    };
    let wordy = said(What::Call(wordy));
    assert!(
        wordy.ends_with("中…") && wordy.chars().count() < 200,
        "{wordy}"
    );
    assert_eq!(
        said(reload("get-image")),
        "12:03:07  get-image         index.js  reloaded"
    );
}
