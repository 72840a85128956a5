//! Every fault of the emulator, with every operation, over sockets and without.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cloudcall::transport::Transport as _;
use cloudcall::{Cloud, RetryPolicy};
use cloudcall_emulator::{Emulator, Fault};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::canaries::{Canary, SECRET, assert_clean};
use super::capture::Captured;
use super::sdk::{OPERATIONS, permitted, shown_of};

/// All of WHAT, and all presets, of `Fault`'s table.
const FAULTS: [&str; 25] = [
    "errcode=-1",
    "errcode=40001",
    "errcode=40125",
    "errcode=42001",
    "errcode=45009",
    "errcode=48001,errmsg=in other words",
    "expire-token",
    "revoke-token",
    "delay=1ms",
    "no-answer",
    "reset",
    "reset=inside",
    "reset=after",
    "cut",
    "cut=1",
    "garbage",
    "content-type",
    "content-type=application/json",
    "status=204",
    "status=302",
    "status=503",
    "drip=64/1ms",
    "busy",
    "token-expired",
    "rate-limited",
];

/// The access token that the emulator gives now.
pub(super) async fn token_of(emulator: &Emulator) -> String {
    let body = json!({"grant_type": "client_credential", "appid": "wx1", "secret": SECRET});
    let request = http::Request::post("http://h/cgi-bin/stable_token")
        .body(Bytes::from(body.to_string()))
        .expect("a request");
    let answer = emulator.transport().send(request).await.expect("an answer");
    let answer = answer.into_body().bytes().await.expect("all of it");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn no_fault_shows_a_secret() {
    let captured = Captured::start();
    let mut tried = 0;
    for fault in FAULTS {
        for place in ["", "token:"] {
            for sockets in [true, false] {
                meet(&captured, &format!("{place}{fault}"), sockets).await;
                tried += 1;
            }
        }
    }
    meet(&captured, "flaky-network,probability=1", true).await;
    assert_eq!(tried, 100);
}

/// All operations on an emulator with this fault.
async fn meet(captured: &Captured, spec: &str, sockets: bool) {
    let emulator = Emulator::builder()
        .app("wx1", SECRET)
        .media("M", &b"\x89PNG\r\n\x1a\n"[..])
        .build()
        .expect("an emulator");
    let mut canaries = vec![
        Canary::new("the app secret", SECRET),
        Canary::new("the access token", &token_of(&emulator).await),
    ];
    let fault: Fault = spec.parse().expect(spec);
    emulator.faults().add(fault);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = emulator.start(listener).expect("started");
    let builder = permitted()
        .app_secret("wx1", SECRET)
        .retry(RetryPolicy::new().attempts(2).first_delay(Duration::ZERO));
    let cloud = match sockets {
        true => builder.api_base(server.url()),
        false => builder.transport(emulator.transport()),
    };
    let cloud: Cloud = cloud.build().expect("complete");

    let mut shown = String::new();
    for operation in OPERATIONS {
        let in_time = cloud.with_deadline(Instant::now() + Duration::from_millis(100));
        shown.push_str(&shown_of(operation, &in_time).await);
    }
    let met = emulator.faults().list();
    // A fault with an access token does not happen to the request for one.
    let may_happen = !(spec.starts_with("token:") && spec.contains("-token"));
    let happened = met.iter().any(|fault| fault.fired > 0);
    let is_of_token = spec == "token:token-expired";
    assert_eq!(happened, may_happen && !is_of_token, "{spec}: {met:?}");
    emulator.faults().clear();
    canaries.push(Canary::new("the next token", &token_of(&emulator).await));
    shown.push_str(&format!("{:#?} {met:#?}", emulator.journal().entries()));
    let path = format!("{spec}, sockets: {sockets}");
    assert_clean(&canaries, &path, shown);
    assert_clean(&canaries, &format!("the log of {path}"), captured.take());
    server.close().await;
}
