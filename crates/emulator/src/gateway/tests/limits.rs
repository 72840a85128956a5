//! What a request may hold at most: bytes, parts and parameters, each at its limit and beyond.

use serde_json::json;

use super::*;

/// The message of a refusal; empty where the request was answered.
async fn message(reply: Response<Body>) -> String {
    let is_json = reply.headers()[CONTENT_TYPE] == "application/json; charset=utf-8";
    if is_json {
        refusal(reply).await.1
    } else {
        String::new()
    }
}

#[tokio::test]
async fn a_form_of_64_parts_passes_and_one_more_does_not() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let data = data(vec![pair("media_id", r#""sample""#)]);
    for (others, expected) in [(60, ""), (61, "the form has more than 64 parts")] {
        let mut parts = vec![("other", &b"x"[..]); others];
        parts.extend(call_parts(token.expose(), GET, &data));
        assert_eq!(message(bed.post_form(&parts).await).await, expected);
    }
    let endless = form(&vec![("", &b""[..]); 100_000]);
    let reply = bed.post("multipart/form-data; boundary=XX", endless).await;
    assert_eq!(message(reply).await, "the form has more than 64 parts");
    assert_eq!(bed.journal_count("/cgi-bin/media/get"), 1);
}

#[tokio::test]
async fn a_text_of_64_kib_passes_and_a_byte_more_does_not() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    for name in ["action", "apiName", "wxCloudApiToken", "function_name"] {
        let too_large = format!("the part {name} is larger than 64 KiB");
        for (size, is_refused) in [(64 << 10, false), ((64 << 10) + 1, true)] {
            let text = vec![b'x'; size];
            let message = message(bed.post_form(&[(name, &text)]).await).await;
            assert_eq!(message == too_large, is_refused, "{name} {size} {message}");
        }
    }
    drop(token);
}

#[tokio::test]
async fn a_body_of_32_mib_passes_and_a_byte_more_does_not() {
    let bed = Bed::new();
    let token = bed.function("f", [GET]);
    let data = data(vec![pair("media_id", r#""sample""#)]);
    let with_filler = |size: usize| {
        let filler = vec![0; size];
        let [token, data, action, api] = call_parts(token.expose(), GET, &data);
        form(&[("filler", &filler[..]), token, data, action, api])
    };
    let room = (32 << 20) - with_filler(0).len();
    for (size, expected) in [(room, ""), (room + 1, "the body is larger than 32 MiB")] {
        let body = with_filler(size);
        let reply = bed.post("multipart/form-data; boundary=XX", body).await;
        assert_eq!(message(reply).await, expected);
    }

    let json = |size: usize| {
        let json = json!({"action": "x"}).to_string();
        format!("{json}{}", " ".repeat(size - json.len()))
    };
    for (size, expected) in [
        (32 << 20, "cloudcall does not emulate x"),
        ((32 << 20) + 1, "the body is larger than 32 MiB"),
    ] {
        let message = message(bed.post("application/json", json(size)).await).await;
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_call_of_1024_parameters_passes_and_one_more_does_not() {
    let bed = Bed::new();
    let token = bed.function("f", [SEND]);
    for (pairs, expected) in [
        (1024, ""),
        (1025, "requestData has more than 1024 parameters"),
        // A hundred times as large once they are decoded.
        (1_000_000, "requestData has more than 1024 parameters"),
    ] {
        let empty = KeyValuePair::default();
        let mut data = data(vec![pair("a", "1"); pairs.min(1025)]);
        if pairs > 1025 {
            let length = prost::length_delimiter_len(pairs * 2) + 1 + pairs * 2;
            assert_eq!(empty.encoded_len(), 0);
            data = vec![0x12];
            prost::encode_length_delimiter(pairs * 2, &mut data).expect("room");
            data.extend(b"\x0a\x00".repeat(pairs));
            assert_eq!(data.len(), length);
        }
        let parts = call_parts(token.expose(), SEND, &data);
        assert_eq!(message(bed.post_form(&parts).await).await, expected);
    }
}

#[tokio::test]
async fn deeply_nested_values_are_refused() {
    let bed = Bed::new();
    let token = bed.function("f", [SEND]);
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let data = data(vec![pair("text", deep.clone())]);
    let parts = call_parts(token.expose(), SEND, &data);
    assert_eq!(
        message(bed.post_form(&parts).await).await,
        "the parameter text in requestData is not JSON"
    );
    let body = format!(r#"{{"action":{deep}}}"#);
    let reply = bed.post("application/json", body).await;
    assert_eq!(message(reply).await, "the body is not a JSON object");
}
