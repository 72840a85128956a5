//! What was recorded comes back.

use super::*;

#[tokio::test]
async fn every_kind_of_body_comes_back() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let mut not_found = labelled("text/html", "<h1>no</h1>");
    *not_found.status_mut() = http::StatusCode::NOT_FOUND;
    let mut bare = http::Response::new(Body::default());
    *bare.status_mut() = http::StatusCode::NO_CONTENT;
    let json = r#"{"errcode":0,"list":[1,"你好"]}"#;
    let large = r#"{"msgid":12345678901234567890123}"#;
    let exchanges = || {
        vec![
            (get("/a?media_id=x%20y&n=1&n=2"), "image/png", PNG),
            (
                post("/b", "application/json", r#"{"b":{"c":1},"a":[]}"#),
                "application/json",
                json.as_bytes(),
            ),
            (
                post("/c", "text/plain", "plain"),
                "text/plain",
                large.as_bytes(),
            ),
            (
                post("/d", "application/octet-stream", PNG),
                "image/png",
                &b"{}"[..],
            ),
            (
                form("B1", "media.png", PNG),
                "application/json",
                b"{ \"a\": 1 }\n",
            ),
        ]
    };
    let mut recorded: Vec<_> = exchanges()
        .into_iter()
        .map(|(request, label, body)| (request, media_reply(label, body)))
        .collect();
    recorded.push((get("/html"), not_found));
    recorded.push((get("/bare"), bare));
    let recorder = record(&path, recorded).await;
    assert_eq!(recorder.recorded(), 7);

    let replayer = Replayer::open(&path).expect("a cassette");
    for (request, label, body) in exchanges() {
        let path = request.uri().path().to_owned();
        let (status, found, bytes) = answer(&replayer, request).await.expect(&path);
        assert_eq!((status, found.as_str()), (200, label), "{path}");
        let expected = match body {
            b"{ \"a\": 1 }\n" => br#"{"a":1}"#,
            body => body,
        };
        assert_eq!(bytes, expected, "{path}");
    }
    let html = answer(&replayer, get("/html")).await.expect("an answer");
    assert_eq!(html, (404, "text/html".into(), "<h1>no</h1>".into()));
    let bare = answer(&replayer, get("/bare")).await.expect("an answer");
    assert_eq!(bare, (204, String::new(), Bytes::new()));
}

#[tokio::test]
async fn the_file_reads_well() {
    let folder = folder();
    let path = folder.path().join("session.json");
    record(
        &path,
        vec![
            (form("B", "a.png", PNG), labelled("text/plain", "ok")),
            (
                get("/cgi-bin/media/get?access_token=T0KEN&media_id=m"),
                media_reply("image/png", PNG),
            ),
        ],
    )
    .await;
    assert_eq!(
        fs::read_to_string(&path).expect("text"),
        r#"{
  "cloudcallCassette": 1,
  "exchanges": [
    {
      "request": {
        "method": "GET",
        "path": "/cgi-bin/media/get",
        "query": {
          "media_id": "m"
        }
      },
      "response": {
        "status": 200,
        "headers": {
          "content-type": "image/png"
        },
        "body": {
          "file": {
            "name": "85b72a953096f8c1.png",
            "size": 10
          }
        }
      }
    },
    {
      "request": {
        "method": "POST",
        "path": "/cgi-bin/media/upload",
        "query": {
          "type": "image"
        },
        "body": {
          "form": [
            {
              "name": "note",
              "body": {
                "text": "你好"
              }
            },
            {
              "name": "media",
              "fileName": "a.png",
              "contentType": "image/png",
              "body": {
                "file": {
                  "name": "85b72a953096f8c1.png",
                  "size": 10
                }
              }
            }
          ]
        }
      },
      "response": {
        "status": 200,
        "headers": {
          "content-type": "text/plain"
        },
        "body": {
          "text": "ok"
        }
      }
    }
  ]
}
"#
    );
    let files = all_in(folder.path());
    assert_eq!(files.len(), 2, "{files:?}");
    let media = folder.path().join("session.media/85b72a953096f8c1.png");
    assert_eq!(fs::read(media).expect("the media"), PNG);
}

#[tokio::test]
async fn what_does_not_count_may_differ() {
    let folder = folder();
    let path = folder.path().join("session.json");
    record(
        &path,
        vec![
            (
                get("/get?access_token=A&a=1&b=%20"),
                labelled("text/plain", "1"),
            ),
            (
                post(
                    "/json?access_token=A",
                    "application/json",
                    r#"{"a":1,"b":{"c":2,"d":3}}"#,
                ),
                labelled("text/plain", "2"),
            ),
            (form("B1", "file", PNG), labelled("text/plain", "3")),
        ],
    )
    .await;
    let replayer = Replayer::open(&path).expect("a cassette");
    for (request, expected) in [
        (get("/get?b=+&a=1"), "1"),
        (get("/get?b=%20&access_token=other&a=1"), "1"),
        (
            post(
                "/json",
                "text/plain",
                "{ \"b\": {\"d\":3, \"c\":2}, \"a\":1 }",
            ),
            "2",
        ),
        (form("another-boundary", "media.png", PNG), "3"),
        (form_of("B1", "file", "application/octet-stream", PNG), "3"),
    ] {
        let (_, _, body) = answer(&replayer, request).await.expect(expected);
        assert_eq!(body, expected);
    }
    for different in [
        get("/get?a=1"),
        get("/get?a=1&b=%20&c="),
        post(
            "/json",
            "application/json",
            r#"{"a":1,"b":{"c":2,"d":"3"}}"#,
        ),
        form("B1", "file", &PNG[1..]),
    ] {
        let error = answer(&replayer, different)
            .await
            .expect_err("not the same");
        assert_eq!(error.kind(), TransportErrorKind::NotRecorded);
    }
}

#[tokio::test]
async fn equal_requests_are_answered_in_order_and_the_last_answer_stays() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let same = || get("/a?x=1");
    record(
        &path,
        vec![
            (same(), labelled("text/plain", "2nd to none")),
            (get("/0"), labelled("text/plain", "other")),
            (same(), labelled("text/plain", "1st after")),
        ],
    )
    .await;
    let replayer = Replayer::open(&path).expect("a cassette");
    let clone = replayer.clone();
    for (transport, expected) in [
        (&replayer, "2nd to none"),
        (&clone, "1st after"),
        (&replayer, "1st after"),
    ] {
        let (_, _, body) = answer(transport, same()).await.expect(expected);
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn a_call_that_was_tried_again_is_replayed_as_it_arrived() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let busy = || json_reply(json!({"errcode": -1, "errmsg": "system error"}));
    let mock = MockTransport::replies([busy(), media_reply("image/png", PNG)]);
    let session = |transport: Arc<dyn Transport>, attempts| async move {
        let cloud = Cloud::builder()
            .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
            .retry(
                RetryPolicy::new()
                    .attempts(attempts)
                    .first_delay(Duration::ZERO),
            )
            .transport(transport)
            .build()
            .expect("complete");
        let mut written = Vec::new();
        let media = get_temp_media_to(&cloud, GetTempMedia::new("M"), &mut written).await;
        media.map(|_| written)
    };
    let recorder = Recorder::new(mock, &path).expect("a recorder");
    let recorded = session(Arc::new(recorder.clone()), 2).await;
    assert_eq!(recorded.expect("media"), PNG);
    assert_eq!(recorder.recorded(), 2);

    let replayer = || Arc::new(Replayer::open(&path).expect("a cassette"));
    let replayed = session(replayer(), 2).await;
    assert_eq!(replayed.expect("media"), PNG);
    // Who does not try again gets what came first.
    let error = session(replayer(), 1).await.expect_err("busy");
    assert_eq!(error.err_code(), -1);
}
