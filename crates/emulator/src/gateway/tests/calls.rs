//! Cloud Calls: recorded ones of the real SDK, and what each can come to.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudcall::transport::{Transport, TransportError};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::testing::JPEG;

/// The requests of the real `wx-server-sdk`, by version and API.
macro_rules! recorded {
    ($($version:literal)*) => {
        [$((
            $version,
            [
                include_str!(concat!("../../../../../tests/fixtures/wx-server-sdk/", $version, "-getTempMedia.json")),
                include_str!(concat!("../../../../../tests/fixtures/wx-server-sdk/", $version, "-uploadTempMedia.json")),
                include_str!(concat!("../../../../../tests/fixtures/wx-server-sdk/", $version, "-send.json")),
            ],
        )),*]
    };
}

/// A recorded request, with the token of this function in the place of the recorded one.
fn replayed(recording: &str, token: &FunctionToken) -> Request<Body> {
    let recording: Value = serde_json::from_str(recording).expect("JSON");
    let text = |value: &Value| testing::text(value);
    let body = STANDARD
        .decode(text(&recording["bodyBase64"]))
        .expect("base64");
    let recorded = b"token-of-the-function";
    let at = body
        .windows(recorded.len())
        .position(|bytes| bytes == recorded)
        .expect("a token");
    let after = &body[at + recorded.len()..];
    let body = [&body[..at], token.expose().as_bytes(), after].concat();

    let mut request = Request::post(text(&recording["url"]));
    for (name, value) in recording["headers"].as_object().expect("headers") {
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, text(value));
        }
    }
    request.body(body.into()).expect("a request")
}

#[tokio::test]
async fn the_requests_of_the_real_sdk_are_answered() {
    for (version, [get, upload, send]) in recorded!["0.4.3" "1.5.3" "2.6.3" "4.0.2"] {
        let wechat = testing::Bed::with(|builder| builder.media("MEDIA_ID", JPEG));
        let bed = Bed {
            wechat,
            ..Bed::new()
        };
        let token = bed.function("f", [GET, UPLOAD, SEND]);

        let media = given(bed.request(replayed(get, &token)).await).await;
        assert_eq!(media.content_type(), "image/jpeg", "{version}");
        assert_eq!(media.resp_data(), JPEG, "{version}");

        let uploaded = given(bed.request(replayed(upload, &token)).await).await;
        let uploaded: Value = serde_json::from_slice(uploaded.resp_data()).expect("JSON");
        assert_eq!(uploaded["type"], "image", "{version}: {uploaded}");

        let sent = given(bed.request(replayed(send, &token)).await).await;
        assert_eq!(
            sent.resp_data(),
            br#"{"errcode":0,"errmsg":"ok"}"#,
            "{version}"
        );
        assert_eq!(
            bed.wechat.emulator.sent_messages()[0].message,
            json!({"touser": "OPENID", "msgtype": "text", "text": {"content": "hello 你好"}}),
            "{version}"
        );
        assert_eq!(bed.told(), [""; 0], "{version}");
    }
}

#[tokio::test]
async fn what_wechat_answers_goes_back_unchanged() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let media = bed
        .call(&token, GET, vec![pair("media_id", r#""sample""#)])
        .await;
    assert_eq!(
        media,
        CommOpenApiResp {
            resp_data: Some(JPEG.into()),
            content_type: Some("image/jpeg".into()),
            error_code: None,
        }
    );

    let refused = bed
        .call(&token, GET, vec![pair("media_id", r#""none""#)])
        .await;
    assert_eq!(refused.content_type(), "application/json; encoding=utf-8");
    let body: Value = serde_json::from_slice(refused.resp_data()).expect("JSON");
    assert_eq!(body["errcode"], 40007);
    assert!(testing::text(&body["errmsg"]).starts_with("invalid media_id hint: ["));
    assert_eq!(refused.error_code, None);
    assert_eq!(bed.told(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_is_not_permitted_is_denied_before_anything_is_sent() {
    let bed = Bed::new();
    let token = bed.function("f", [UPLOAD]);
    let denied = bed
        .call(&token, GET, vec![pair("media_id", r#""sample""#)])
        .await;
    assert_eq!(
        denied,
        CommOpenApiResp {
            error_code: Some(-604_101),
            ..CommOpenApiResp::default()
        }
    );
    assert_eq!(bed.wechat.emulator.journal().entries(), []);
    let told = bed.told();
    assert!(
        told[0].starts_with(&format!("f {GET} -604101 Some(\"add ")),
        "{told:?}"
    );
}

#[tokio::test]
async fn one_functions_token_never_gives_anothers_permissions() {
    let bed = Bed::new();
    let reader = bed.function("reader", [GET]);
    let writer = bed.function("writer", [SEND]);
    let get = vec![pair("media_id", r#""sample""#)];
    let send = vec![
        pair("touser", r#""O""#),
        pair("msgtype", r#""text""#),
        pair("text", r#"{"content":"x"}"#),
    ];
    for (token, api, pairs, expected) in [
        (&reader, GET, &get, 0),
        (&writer, GET, &get, -604_101),
        (&reader, SEND, &send, -604_101),
        (&writer, SEND, &send, 0),
    ] {
        let reply = bed.call(token, api, pairs.clone()).await;
        assert_eq!(reply.error_code(), expected, "{api}");
    }
    assert_eq!(bed.journal_count("/cgi-bin/media/get"), 1);
    assert_eq!(bed.wechat.emulator.sent_messages().len(), 1);
}

#[tokio::test]
async fn a_call_that_does_not_come_about_has_the_sdks_code() {
    let bed = Bed::new();
    let token = bed.function("f", [GET, UPLOAD, "wxacode.get"]);
    let file = |content_type: &str| KeyValuePair {
        contenttype: Some(content_type.into()),
        ..pair("media", "x")
    };
    let image = |content_type| vec![pair("type", r#""image""#), file(content_type)];
    for (api, pairs, expected) in [
        ("no.such", vec![], -604_100),
        (
            "openapi.customerServiceMessage.getTempMedia",
            vec![],
            -604_100,
        ),
        ("wxacode.get", vec![], -604_100),
        (UPLOAD, image("image/\r\npng"), -601_002),
    ] {
        let reply = bed.call(&token, api, pairs).await;
        assert_eq!(reply.error_code, Some(expected), "{api}");
        assert_eq!(reply.resp_data, None, "{api}");
    }
    assert_eq!(bed.told().len(), 4);
}

#[tokio::test]
async fn wechats_refusal_of_the_app_is_worded_as_wechat_does() {
    let bed = Bed::new();
    let token = bed.gateway.register(bed.caller("f", [GET], "WRONG"));
    let refused = bed
        .call(&token, GET, vec![pair("media_id", r#""sample""#)])
        .await;
    assert_eq!(refused.content_type(), "application/json");
    let body: Value = serde_json::from_slice(refused.resp_data()).expect("JSON");
    assert_eq!(body["errcode"], 40125);
    let errmsg = testing::text(&body["errmsg"]);
    assert!(!errmsg.contains(":fail "), "the SDK adds that: {errmsg}");
    assert!(errmsg.contains("invalid appsecret"), "{errmsg}");
    assert!(bed.told()[0].starts_with(&format!("f {GET} 40125 ")));
}

#[tokio::test]
async fn a_file_is_a_pair_with_a_content_type_or_a_file_name() {
    let bed = Bed::new();
    let token = bed.function("f", [UPLOAD]);
    for (content_type, file_name) in [
        (Some("image/jpeg"), Some("a.jpg")),
        (Some("image/jpeg"), None),
        (None, Some("a.jpg")),
    ] {
        let file = KeyValuePair {
            contenttype: content_type.map(Into::into),
            filename: file_name.map(Into::into),
            ..pair("media", JPEG)
        };
        let reply = bed
            .call(&token, UPLOAD, vec![pair("type", r#""image""#), file])
            .await;
        let reply: Value = serde_json::from_slice(reply.resp_data()).expect("JSON");
        assert_eq!(reply["type"], "image", "{content_type:?} {file_name:?}");
    }
}

#[tokio::test]
async fn ten_megabytes_pass_in_both_directions() {
    let mut image = vec![7; 10 << 20];
    image[..JPEG.len()].copy_from_slice(JPEG);
    let bed = Bed::new();
    let token = bed.function("f", [GET, UPLOAD]);
    let file = KeyValuePair {
        contenttype: Some("image/jpeg".into()),
        ..pair("media", image.clone())
    };
    let uploaded = bed
        .call(&token, UPLOAD, vec![pair("type", r#""image""#), file])
        .await;
    let uploaded: Value = serde_json::from_slice(uploaded.resp_data()).expect("JSON");
    let media_id = uploaded["media_id"].to_string();
    let media = bed
        .call(&token, GET, vec![pair("media_id", media_id)])
        .await;
    assert!(media.resp_data() == image);
}

/// A worker that is killed takes its call with it.
#[tokio::test]
async fn a_function_that_goes_away_ends_its_call() {
    /// Says when it is asked, and by its end when nobody waits any more.
    struct Hangs(mpsc::UnboundedSender<&'static str>);

    struct Ended(mpsc::UnboundedSender<&'static str>);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.send("ended");
        }
    }

    #[async_trait]
    impl Transport for Hangs {
        async fn send(
            &self,
            _: Request<Bytes>,
        ) -> Result<Response<cloudcall::transport::Body>, TransportError> {
            let _ended = Ended(self.0.clone());
            let _ = self.0.send("asked");
            std::future::pending().await
        }
    }

    let (told, mut events) = mpsc::unbounded_channel();
    let bed = Bed::new();
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .transport(Hangs(told))
        .build()
        .expect("complete");
    let token = bed.gateway.register(Caller::new("f", cloud));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let emulator = &bed.wechat.emulator;
    let router = emulator.router().merge(bed.gateway.router());
    let server = emulator.start_with(listener, router).expect("started");

    let body = form(&call_parts(token.expose(), GET, &data(vec![])));
    let head = format!(
        "POST /admin HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=XX\r\n\r\n",
        body.len()
    );
    let mut function = TcpStream::connect(server.local_addr())
        .await
        .expect("connected");
    function
        .write_all(&[head.as_bytes(), &body].concat())
        .await
        .expect("written");
    assert_eq!(events.recv().await, Some("asked"));
    drop(function);
    assert_eq!(events.recv().await, Some("ended"));
}
