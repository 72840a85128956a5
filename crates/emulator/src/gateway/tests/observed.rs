//! What the observer is told of each Cloud Call, and permissions that change.

use std::sync::atomic::{AtomicBool, Ordering};

use cloudcall::transport::{Body as SdkBody, Transport, TransportError};
use serde_json::json;

use super::*;
use crate::testing::JPEG;

/// A bed whose observer keeps what it is told of calls.
fn observed() -> (Bed, Arc<Mutex<Vec<Value>>>) {
    let calls: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&calls);
    let gateway = Gateway::with_observer(move |event| {
        let GatewayEvent::Called {
            function,
            id,
            api,
            parameters,
            result,
            ..
        } = event
        else {
            return;
        };
        let result = match result {
            Ok(answer) => json!([answer.content_type, answer.body.len()]),
            Err(error) => json!(error.err_code()),
        };
        let call = json!([function, id, api, parameters, result]);
        kept.lock().expect("no panic").push(call);
    });
    let bed = Bed {
        gateway,
        ..Bed::new()
    };
    (bed, calls)
}

#[tokio::test]
async fn every_call_is_told_with_what_came_of_it() {
    let (bed, calls) = observed();
    let caller = bed.caller("f", [GET, UPLOAD], SECRET).id(3);
    let token = bed.gateway.register(caller);
    let sample = || vec![pair("media_id", r#""sample""#)];
    bed.call(&token, GET, sample()).await;
    bed.call(&token, SEND, vec![pair("touser", r#""o1""#)])
        .await;
    bed.call(&token, "no.such", vec![]).await;
    let mut file = pair("media", "GIF89a");
    file.contenttype = Some("image/gif".into());
    file.filename = Some("a.gif".into());
    bed.call(&token, UPLOAD, vec![pair("type", r#""image""#), file])
        .await;
    let unnamed = bed.function("g", [GET]);
    bed.call(&unnamed, GET, sample()).await;

    let calls = calls.lock().expect("no panic").clone();
    let got = json!(["image/jpeg", JPEG.len()]);
    assert_eq!(calls[0], json!(["f", 3, GET, {"media_id": "sample"}, got]));
    assert_eq!(calls[1], json!(["f", 3, SEND, {"touser": "o1"}, -604_101]));
    assert_eq!(calls[2], json!(["f", 3, "no.such", {}, -604_100]));
    let file = json!({"contentType": "image/gif", "fileName": "a.gif", "size": 6});
    assert_eq!(calls[3][3], json!({"type": "image", "media": file}));
    assert_eq!(
        calls[4],
        json!(["g", null, GET, {"media_id": "sample"}, got])
    );
    assert_eq!(calls.len(), 5);
}

/// Never answers.
#[derive(Debug)]
struct Silent;

#[async_trait::async_trait]
impl Transport for Silent {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<SdkBody>, TransportError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_call_that_its_function_gives_up_is_told() {
    let (given_up, kept) = (Arc::new(Mutex::new(Vec::new())), Arc::default());
    let told = Arc::clone(&given_up);
    let gateway = Gateway::with_observer(move |event| match event {
        GatewayEvent::GivenUp {
            function,
            id,
            api,
            parameters,
            ..
        } => told
            .lock()
            .expect("no panic")
            .push(json!([function, id, api, parameters])),
        other => panic!("{other:?}"),
    });
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .transport(Silent)
        .build()
        .expect("complete");
    let token = gateway.register(Caller::new("f", cloud).id(3));
    let bed = Bed {
        gateway,
        told: kept,
        ..Bed::new()
    };
    let call = bed.call(&token, GET, vec![pair("media_id", r#""M""#)]);
    let waited = tokio::time::timeout(std::time::Duration::ZERO, call).await;
    assert!(waited.is_err());
    let given_up = given_up.lock().expect("no panic").clone();
    assert_eq!(given_up, [json!(["f", 3, GET, {"media_id": "M"}])]);
}

#[tokio::test]
async fn permissions_are_those_of_the_moment() {
    let bed = Bed::new();
    let permitted = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&permitted);
    let caller = bed.caller("f", [SEND], SECRET).permissions_from(move || {
        let apis = now.load(Ordering::Relaxed).then_some(GET);
        Permissions::allow(apis)
    });
    let token = bed.gateway.register(caller);
    let mut codes = Vec::new();
    for now in [false, true, false] {
        permitted.store(now, Ordering::Relaxed);
        let sample = vec![pair("media_id", r#""sample""#)];
        codes.push(bed.call(&token, GET, sample).await.error_code);
    }
    assert_eq!(codes, [Some(-604_101), None, Some(-604_101)]);
}
