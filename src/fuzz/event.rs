//! A function's event: who called, and bytes in JSON.

use serde_json::{Value, json};

use crate::buffer::Buffer;
use crate::openapi::customer_service_message::GetTempMedia;
use crate::runtime::WxContext;

/// Any bytes, as an event, as a buffer in JSON, and as what is in a buffer.
pub fn event(data: &[u8]) {
    // What is passed over need not be UTF-8.
    let value: Option<Value> = serde_json::from_str(&String::from_utf8_lossy(data)).ok();
    who_called(data, value.as_ref());
    arguments(data, value.as_ref());
    buffer_of(data, value);
    round_trip(data);
}

/// Nobody, or exactly whom `userInfo` says; never a part of it, and never anybody else.
fn who_called(data: &[u8], value: Option<&Value>) {
    let caller = WxContext::of_event(data);
    if caller == WxContext::default() {
        return;
    }
    let value = value.expect("an event with a caller is JSON");
    let said = |name: &str| value["userInfo"][name].as_str().map(str::to_owned);
    assert_eq!(caller.app_id, said("appId"));
    assert_eq!(caller.open_id, said("openId"));
    assert_eq!(caller.union_id, said("unionId"));
}

fn arguments(data: &[u8], value: Option<&Value>) {
    let Ok(arguments) = serde_json::from_slice::<GetTempMedia>(data) else {
        return;
    };
    // An array of its fields is read, too, as serde does for every struct.
    let value = value.expect("what has arguments is JSON");
    let said = value.get("mediaId").or_else(|| value.get(0));
    assert_eq!(
        said.and_then(Value::as_str),
        Some(arguments.media_id.as_str())
    );
    let json = serde_json::to_vec(&arguments).expect("texts are JSON");
    assert_eq!(serde_json::from_slice(&json).ok(), Some(arguments));
}

/// A buffer that is read from text is the one that is read from a value.
fn buffer_of(data: &[u8], value: Option<Value>) {
    let of_text = serde_json::from_slice::<Buffer>(data).ok();
    if let Some(buffer) = &of_text {
        let value = value.expect("a buffer is JSON");
        assert_eq!(serde_json::from_value(value).ok().as_ref(), Some(buffer));
        round_trip(buffer);
    }
}

/// What any of a buffer's forms holds is what went in.
fn round_trip(bytes: &[u8]) {
    let buffer = Buffer::from(bytes);
    let base64 = serde_json::to_value(&buffer).expect("a text");
    let text = base64.as_str().expect("a text");
    for form in [
        json!({"type": "Buffer", "data": bytes}),
        json!({"data": text, "type": "Buffer"}),
        json!(text.trim_end_matches('=')),
        base64.clone(),
    ] {
        let read: Buffer = serde_json::from_value(form).expect("a form of a buffer");
        assert_eq!(&read[..], bytes);
    }
}
