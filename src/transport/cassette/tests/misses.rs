//! What is not in a cassette, and cassettes that cannot be read.

use super::*;

#[tokio::test]
async fn the_nearest_exchange_is_named_with_what_differs() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let ok = || labelled("text/plain", "ok");
    let send = |text: &str, user: &str| {
        let body = json!({"touser": user, "msgtype": "text", "text": {"content": text}});
        post("/send", "application/json", body.to_string())
    };
    record(
        &path,
        vec![
            (get("/get?media_id=sample"), ok()),
            (get("/get?media_id=elsewhere&more=1"), ok()),
            (send("hello", "o1"), ok()),
            (form("B", "f", PNG), ok()),
        ],
    )
    .await;
    let replayer = Replayer::open(&path).expect("a cassette");
    for (request, expected) in [
        (
            get("/get?media_id=smaple&access_token=T"),
            r#"this GET /get; in the nearest one, media_id is "sample", not "smaple""#,
        ),
        (
            get("/get?media_id=elsewhere"),
            r#"this GET /get; in the nearest one, there is more too, "1""#,
        ),
        (
            get("/get?media_id=sample&page=2"),
            r#"this GET /get; in the nearest one, there is no page, here "2""#,
        ),
        (
            send("bye", "o1"),
            r#"this POST /send; in the nearest one, text.content is "hello", not "bye""#,
        ),
        (
            send("hello", "o2"),
            r#"this POST /send; in the nearest one, touser is "o1", not "o2""#,
        ),
        (
            form("B", "f", b"\xff"),
            "this POST /cgi-bin/media/upload; in the nearest one, media is \
             85b72a953096f8c1.png (10 bytes), not af64724c8602eb6e.bin (1 bytes)",
        ),
        (
            get("/gets?media_id=sample"),
            "this GET /gets; in the nearest one, the path is /get, not /gets",
        ),
        (
            post("/get?media_id=sample", "text/plain", ""),
            "this POST /get; in the nearest one, the method is GET, not POST",
        ),
        (
            get("/get?a=1&b=2&c=3&d=4"),
            r#"there is no a, here "1"; there is no b, here "2"; there is no c, here "3"; and 2 more"#,
        ),
    ] {
        let error = answer(&replayer, request).await.expect_err(expected);
        assert_eq!(error.kind(), TransportErrorKind::NotRecorded);
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(error.to_string().contains("session.json"), "{error}");
    }
    let error = get_temp_media(&cloud(replayer, true), GetTempMedia::new("sample"))
        .await
        .expect_err("another path");
    assert!(error.is_not_recorded() && !error.is_network());
    assert_eq!(error.err_code(), -601_003);
    assert!(error.hint().is_some_and(|hint| hint.contains("--record")));
}

fn refused(text: &str) -> String {
    let folder = folder();
    let path = folder.path().join("c.json");
    fs::write(&path, text).expect("written");
    let error = Replayer::open(&path).expect_err(text);
    let shown = error.to_string();
    assert!(shown.contains(&path.display().to_string()), "{shown}");
    shown.replace(&path.display().to_string(), "C")
}

#[test]
fn a_cassette_that_cannot_be_read_is_named_with_the_place() {
    let missing = Replayer::open("no/such.json").expect_err("missing");
    assert_eq!(
        missing.to_string(),
        "the cassette no/such.json cannot be read"
    );
    let exchange = |request: Value, response: Value| {
        json!({"cloudcallCassette": 1, "exchanges": [{"request": request, "response": response}]})
            .to_string()
    };
    let request = json!({"method": "GET", "path": "/"});
    let file = json!({"status": 200, "body": {"file": {"name": "../c.json", "size": 1}}});
    for (text, expected) in [
        ("", "C:1:0: not a cassette: EOF while parsing a value"),
        (
            "{\n  \"cloudcallCassette\": 1,\n  \"exchanges\": [{]\n}",
            "C:3:18: not a cassette: key must be a string",
        ),
        (
            "{\"a\": 1}",
            "C:1:8: not a cassette: missing field `cloudcallCassette`",
        ),
        (
            "{\"cloudcallCassette\": 2, \"new\": []}",
            "the cassette C has format 2, and only 1 is known here: update cloudcall",
        ),
        (
            &exchange(
                json!({"method": "GET", "path": "/", "boddy": 1}),
                json!({"status": 200}),
            ),
            "unknown field `boddy`, expected one of `method`, `path`, `query`, `body`",
        ),
        (
            &exchange(request.clone(), json!({"status": 99})),
            "C: exchange 1 is not complete: 99 is no HTTP status",
        ),
        (
            &exchange(
                request.clone(),
                json!({"status": 200, "headers": {"a b": ""}}),
            ),
            "C: exchange 1 is not complete: \"a b\" is no HTTP header with its value",
        ),
        (
            &exchange(request, file),
            "C: exchange 1 is not complete: \"../c.json\" is not the name of a file",
        ),
    ] {
        let shown = refused(text);
        assert!(shown.ends_with(expected), "{shown}");
    }
}

#[tokio::test]
async fn media_that_are_missing_or_altered_are_named() {
    let folder = folder();
    let path = folder.path().join("session.json");
    record(&path, vec![(get("/a"), media_reply("image/png", PNG))]).await;
    let media = folder.path().join("session.media/85b72a953096f8c1.png");
    let replayer = Replayer::open(&path).expect("a cassette");

    fs::write(&media, "short").expect("written");
    let error = Replayer::open(&path).expect_err("altered");
    assert_eq!(
        error.to_string(),
        format!(
            "the cassette's file {} has 5 bytes, but 10 were recorded",
            media.display()
        )
    );
    let late = answer(&replayer, get("/a")).await.expect_err("altered");
    assert_eq!(late.to_string(), error.to_string());

    fs::remove_file(&media).expect("removed");
    let error = Replayer::open(&path).expect_err("missing");
    assert!(matches!(error, CassetteError::MediaUnreadable { .. }));
    assert!(error.to_string().contains("85b72a953096f8c1.png"));
}
