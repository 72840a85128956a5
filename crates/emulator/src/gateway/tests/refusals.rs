//! What the gateway does not answer: wrong tokens, other actions, and malformed requests.

use http::Method;
use serde_json::json;

use super::*;

const FORM: &str = "multipart/form-data; boundary=XX";

#[tokio::test]
async fn a_token_is_valid_while_it_is_held() {
    let bed = Bed::new();
    let [held, dropped, revoked] = ["a", "b", "c"].map(|name| bed.function(name, [GET]));
    let tokens = [&held, &dropped, &revoked].map(|token| token.expose().to_owned());
    drop(dropped);
    revoked.revoke();
    let data = data(vec![pair("media_id", r#""sample""#)]);
    for (token, expected) in [
        (&*tokens[0], None),
        (&*tokens[1], Some("Invalid wxCloudApiToken")),
        (&*tokens[2], Some("Invalid wxCloudApiToken")),
        ("token-of-nobody", Some("Invalid wxCloudApiToken")),
        ("", Some("missing wxCloudApiToken")),
    ] {
        let reply = bed.post_form(&call_parts(token, GET, &data)).await;
        match expected {
            None => assert_eq!(given(reply).await.content_type(), "image/jpeg"),
            Some(message) => {
                let refused = refusal(reply).await;
                assert_eq!(refused, ("INVALID_PARAM".to_owned(), message.to_owned()));
            }
        }
    }
    let without = bed
        .post_form(&[("action", b"wx.openApi"), ("apiName", GET.as_bytes())])
        .await;
    assert_eq!(refusal(without).await.1, "missing wxCloudApiToken");
    assert_eq!(bed.journal_count("/cgi-bin/media/get"), 1);
}

#[tokio::test]
async fn tokens_are_in_no_output() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let other = bed.function("f", [GET]);
    assert_ne!(token.expose(), other.expose());
    assert_eq!(token.expose().len(), 64);
    let shown = format!("{:?} {token:?}", bed.gateway);
    assert!(shown.contains("\"f\""), "{shown}");
    assert!(!shown.contains(token.expose()), "{shown}");
}

#[tokio::test]
async fn other_actions_are_refused_with_what_to_do() {
    let bed = Bed::new();
    let token = bed.function("f", []);
    for (action, code) in [
        ("database.queryDocument", "DATABASE_REQUEST_FAILED"),
        ("storage.batchGetDownloadUrl", "STORAGE_REQUEST_FAIL"),
        ("wx.api", "INVALID_PARAM"),
        ("wx.wxPayApi", "INVALID_PARAM"),
        ("no.such", "INVALID_PARAM"),
    ] {
        let expected = format!("cloudcall does not emulate {action}, only Cloud Calls");
        let json =
            json!({"action": action, "wxCloudApiToken": token.expose(), "query": {"a": [1]}});
        let form: [(&str, &[u8]); 2] = [("action", action.as_bytes()), ("file", b"\xff\0")];
        for reply in [bed.post_json(json).await, bed.post_form(&form).await] {
            let refused = refusal(reply).await;
            assert_eq!(refused.0, code, "{action}");
            assert!(refused.1.starts_with(&expected), "{}", refused.1);
        }
    }
    assert!(bed.told()[0].starts_with("Some(\"f\") database.queryDocument cloudcall does not"));
}

#[tokio::test]
async fn what_is_no_cloud_call_by_name_is_refused() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    for api_type in [1, 2, 3, 99, -1] {
        let data = CommApiData {
            api_type: Some(api_type),
            openapi_data: None,
        };
        let parts = [
            ("action", &b"wx.openApi"[..]),
            ("apiName", b"ApiGetOpenDataByCloudId"),
            ("wxCloudApiToken", token.expose().as_bytes()),
            ("requestData", &data.encode_to_vec()),
        ];
        let (_, message) = refusal(bed.post_form(&parts).await).await;
        assert!(
            message.contains("does not emulate ApiGetOpenDataByCloudId"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_malformed_call_is_refused() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let good = data(vec![pair("media_id", r#""sample""#)]);
    let cut = &good[..good.len() - 1];
    let no_text = data(vec![pair("media_id", "sample")]);
    let empty = data(vec![pair("media_id", "")]);
    // The key of a pair is not UTF-8.
    let no_utf8 = b"\x12\x05\x0a\x03\x0a\x01\xff";
    for (api, data, expected) in [
        ("", &good[..], "missing apiName"),
        (GET, cut, "not the protobuf message CommApiData"),
        (
            GET,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "not the protobuf message",
        ),
        (
            GET,
            b"{\"media_id\":\"sample\"}",
            "not the protobuf message",
        ),
        (GET, no_utf8, "not the protobuf message"),
        (
            GET,
            &no_text,
            "the parameter media_id in requestData is not JSON",
        ),
        (
            GET,
            &empty,
            "the parameter media_id in requestData is not JSON",
        ),
    ] {
        let reply = bed.post_form(&call_parts(token.expose(), api, data)).await;
        let (code, message) = refusal(reply).await;
        assert_eq!(code, "INVALID_PARAM");
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let parts = call_parts(token.expose(), GET, &good);
    let without_data = [parts[0], parts[2], parts[3]];
    let (_, message) = refusal(bed.post_form(&without_data).await).await;
    assert_eq!(message, "missing requestData in a multipart form");
    assert_eq!(bed.wechat.emulator.journal().entries(), []);
}

#[tokio::test]
async fn a_malformed_request_is_refused() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let whole = form(&call_parts(token.expose(), GET, &data(vec![])));
    let cut = whole[..whole.len() - 12].to_vec();
    let long = form(&[
        ("action", &b"wx.openApi"[..]),
        ("apiName", &[b'x'; (64 << 10) + 1]),
    ]);
    let large = form(&[
        ("action", &b"wx.openApi"[..]),
        ("requestData", &vec![0; 32 << 20]),
    ]);
    let large_json = format!("{{\"action\":\"{}\"}}", "x".repeat(32 << 20)).into_bytes();
    let malformed = "the multipart form is malformed or incomplete";
    let neither = "the body is neither multipart/form-data with a boundary nor application/json";
    let no_json = "the body is not a JSON object";
    let too_large = "the body is larger than 32 MiB";
    for (content_type, body, expected) in [
        (FORM, Vec::new(), malformed),
        (FORM, b"--XX".to_vec(), malformed),
        (FORM, cut, malformed),
        (FORM, b"--XX\r\n\xff\xfe: \0\r\n\r\n".to_vec(), malformed),
        ("multipart/form-data; boundary=YY", whole.clone(), malformed),
        (FORM, b"--XX--\r\n".to_vec(), "missing action"),
        (FORM, long, "the part apiName is larger than 64 KiB"),
        (FORM, large, too_large),
        ("multipart/form-data", whole.clone(), neither),
        ("multipart/form-data; boundary=", whole.clone(), malformed),
        ("multipart/mixed; boundary=XX", whole.clone(), neither),
        ("text/plain", whole.clone(), neither),
        ("", whole, neither),
        ("application/json", Vec::new(), no_json),
        ("application/json", b"{".to_vec(), no_json),
        ("application/json", b"[]x".to_vec(), no_json),
        ("application/json", b"\"text\"".to_vec(), no_json),
        (
            "Application/JSON; charset=utf-8",
            b"{}".to_vec(),
            "missing action",
        ),
        (
            "application/json",
            br#"{"action":["wx.openApi"]}"#.to_vec(),
            "missing action",
        ),
        ("application/json", large_json, too_large),
    ] {
        let size = body.len();
        let (code, message) = refusal(bed.post(content_type, body).await).await;
        assert_eq!(code, "INVALID_PARAM", "{content_type} {size}");
        assert_eq!(message, expected, "{content_type} {size}");
    }
    assert_eq!(bed.wechat.emulator.journal().entries(), []);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let bed = Bed::new();
    for content_type in [FORM, "application/json"] {
        let frames = [
            Ok(Bytes::from_static(b"--XX\r\n")),
            Err(std::io::Error::other("gone")),
        ];
        let body = Body::from_stream(futures_util::stream::iter(frames));
        let (_, message) = refusal(bed.post(content_type, body).await).await;
        assert_eq!(message, "the body broke off", "{content_type}");
    }
}

#[tokio::test]
async fn only_post_is_answered() {
    let bed = Bed::new();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(method.clone()).uri("/admin");
        let reply = bed
            .request(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(
            refusal(reply).await.1,
            "the gateway takes POST requests only",
            "{method}"
        );
    }
}

#[tokio::test]
async fn it_is_not_tencents_cloud() {
    let bed = Bed::new();
    let request = Request::get("/latest/meta-data/app-id").body(Body::empty());
    assert_eq!(bed.request(request.expect("a request")).await.status(), 404);
}
