//! The same replies of WeChat, seen by `wx-server-sdk` 4.0.2 through our gateway and by the Rust
//! SDK: one table, two columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::tool::{cloudcall, output, root, stderr, stdout};

/// Where the Rust SDK differs on purpose, as its documentation lists it, and what it gives.
const DIFFERENT: [(&str, &str); 3] = [
    ("empty_jpeg", "error -604103"),
    ("json_ok_video", "error -604103"),
    ("text_plain_str", "11 bytes of text/plain"),
];

/// Those that no reply of WeChat's can cause: a time-out, and a refusal of Tencent's gateway.
const NOT_OF_WECHAT: [&str; 2] = ["ec_604102", "tcb_invalid"];

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
            .filter(|(name, _)| !NOT_OF_WECHAT.contains(&name.as_str()))
            .collect(),
    );
    assert_eq!(cases.len(), 14);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new()
        .route("/cgi-bin/media/get", axum::routing::get(reply))
        .with_state(Arc::clone(&cases));
    tokio::spawn(axum::serve(listener, router).into_future());

    let of_node = of_node(&upstream, &cases);
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
            "{name}: the real SDK through our gateway"
        );
        assert_eq!(of_node[name]["error"], case["error"], "{name}");
        let rust = of_rust(&cloud, name).await;
        table.push(format!("{name:<16} | {node:<50} | {rust}"));
        match DIFFERENT.iter().find(|(different, _)| different == name) {
            Some((_, expected)) => {
                assert!(rust.starts_with(expected) && rust != node, "{name}: {rust}")
            }
            // Our own errors say more, after the SDK's words.
            None if name.starts_with("ec_") => assert!(rust.starts_with(&node), "{name}: {rust}"),
            None => assert_eq!(rust, node, "{name}"),
        }
    }
    println!("{}", table.join("\n"));
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

fn of_node(upstream: &str, cases: &Cases) -> Value {
    let mut run = cloudcall(&root().join("tests/node"));
    run.args([
        "exec",
        "--api-base",
        upstream,
        "--function",
        "permitted",
        "--",
        "node",
        "replies.cjs",
    ]);
    let output = output(run.args(cases.keys()));
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    serde_json::from_str(said.lines().last().expect("a line")).expect("JSON")
}
