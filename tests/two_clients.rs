//! The same replies of WeChat, seen by `wx-server-sdk` 4.0.2 through our gateway and by the Rust
//! SDK: one table, two columns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::transport::HttpsTransport;
use cloudcall::{Cloud, Permissions};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::tool::{cloudcall, output, root, stderr, stdout};

/// Where the Rust SDK differs on purpose, as its documentation lists it, and what it gives.
const DIFFERENT: [(&str, &str); 3] = [
    ("empty_jpeg", "error -604103"),
    ("json_ok_video", "error -604103"),
    ("text_plain_str", "11 bytes of text/plain"),
];

/// Those that no reply of WeChat's can cause, because Tencent's gateway says them itself: that
/// WeChat did not answer it in time, and that it refuses a request. The scripted gateway says them
/// to the Node client.
const OF_TENCENTS_GATEWAY: [&str; 2] = ["ec_604102", "tcb_invalid"];

const NO_COUNTERPART: &str = "no counterpart";

type Cases = Arc<BTreeMap<String, Value>>;

/// Answers `media_id=NAME` with the reply of the case NAME.
async fn reply(
    State(cases): State<Cases>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let reply = &cases[&query["media_id"]]["reply"];
    let body = STANDARD
        .decode(reply["respDataBase64"].as_str().expect("a body"))
        .expect("base64");
    let mut response = Response::new(body.into());
    if let Some(content_type) = reply["contentType"].as_str() {
        let content_type = content_type.trim().parse().expect("a header value");
        response.headers_mut().insert("content-type", content_type);
    }
    response
}

/// What became of a call, in a form that both clients share.
fn summary(outcome: &Value) -> String {
    if let Some(error) = outcome.get("error") {
        return format!(
            "error {}: {}",
            error["errCode"],
            error["errMsg"].as_str().expect("a text")
        );
    }
    let mut result = outcome["result"].clone();
    if let Some(buffer) = result["buffer"]["base64"].as_str() {
        let bytes = STANDARD.decode(buffer).expect("base64");
        return format!(
            "{} bytes of {}: {buffer}",
            bytes.len(),
            result["contentType"].as_str().expect("a type")
        );
    }
    result.sort_all_objects();
    result.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_make_the_same_of_every_reply() {
    let fixture: Value =
        serde_json::from_str(include_str!("fixtures/wx-server-sdk/replies.json")).expect("JSON");
    let cases: Cases = Arc::new(
        fixture["cases"]
            .as_array()
            .expect("cases")
            .iter()
            .map(|case| {
                (
                    case["name"].as_str().expect("a name").to_owned(),
                    case.clone(),
                )
            })
            .collect(),
    );
    assert_eq!(cases.len(), 16);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new()
        .route("/cgi-bin/media/get", axum::routing::get(reply))
        .with_state(Arc::clone(&cases));
    tokio::spawn(axum::serve(listener, router).into_future());

    let (of_gateway, of_wechat): (Vec<_>, Vec<_>) = cases
        .keys()
        .map(String::as_str)
        .partition(|name| OF_TENCENTS_GATEWAY.contains(name));
    let mut of_node = node(&upstream, "replies.cjs", &of_wechat);
    of_node.append(&mut node(&upstream, "scripted-replies.cjs", &of_gateway));
    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .api_base(upstream)
        .build()
        .expect("complete");
    let mut table = vec![format!(
        "{:<16} | {:<50} | Rust",
        "reply", "wx-server-sdk 4.0.2"
    )];
    for (name, case) in &*cases {
        let node = summary(&of_node[name]);
        assert_eq!(
            node,
            summary(case),
            "{name}: the real SDK through a gateway"
        );
        assert_eq!(of_node[name]["error"], case["error"], "{name}");
        let rust = match name.as_str() {
            // It speaks with WeChat itself, so there is no gateway to refuse anything.
            "tcb_invalid" => NO_COUNTERPART.to_owned(),
            "ec_604102" => without_an_answer().await,
            _ => of_rust(&cloud, name).await,
        };
        table.push(format!("{name:<16} | {node:<50} | {rust}"));
        match DIFFERENT.iter().find(|(different, _)| different == name) {
            Some((_, expected)) => {
                assert!(rust.starts_with(expected) && rust != node, "{name}: {rust}")
            }
            None if rust == NO_COUNTERPART => assert_eq!(name, "tcb_invalid"),
            // Our own errors say more, after the SDK's words.
            None if name.starts_with("ec_") => assert!(rust.starts_with(&node), "{name}: {rust}"),
            None => assert_eq!(rust, node, "{name}"),
        }
    }
    println!("{}", table.join("\n"));
}

/// The Rust SDK's call when WeChat does not answer in time.
async fn without_an_answer() -> String {
    // The system takes the connection, and nobody reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .transport(
            HttpsTransport::builder()
                .timeout(Duration::from_millis(100))
                .build(),
        )
        .api_base(format!("http://{}", silent.local_addr().expect("bound")))
        .build()
        .expect("complete");
    of_rust(&cloud, "ec_604102").await
}

async fn of_rust(cloud: &Cloud, name: &str) -> String {
    let outcome = match name {
        "ec_604100" => {
            cloudcall::openapi::call(cloud, "customerServiceMessage.noSuchApi", json!({}))
                .await
                .map(|_| None)
        }
        "ec_604101" => {
            let arguments = json!({"touser": "O", "command": "Typing"});
            cloudcall::openapi::call(cloud, "customerServiceMessage.setTyping", arguments)
                .await
                .map(|_| None)
        }
        _ => get_temp_media(cloud, GetTempMedia::new(name))
            .await
            .map(Some),
    };
    summary(&match outcome {
        Ok(media) => {
            let media = media.expect("media");
            json!({"result": {"contentType": media.content_type, "buffer": {"base64": STANDARD.encode(&media.buffer)}}})
        }
        Err(error) => json!({"error": serde_json::to_value(&error).expect("JSON")}),
    })
}

/// What wx-server-sdk 4.0.2 makes of the cases, when a script calls it.
fn node(upstream: &str, script: &str, names: &[&str]) -> Map<String, Value> {
    let mut run = cloudcall(&root().join("tests/node"));
    run.args([
        "exec",
        "--api-base",
        upstream,
        "--function",
        "permitted",
        "--",
        "node",
        script,
    ]);
    let output = output(run.args(names));
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    serde_json::from_str(said.lines().last().expect("a line")).expect("JSON")
}
