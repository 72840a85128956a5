//! The client in Node: one process with wx-server-sdk 4.0.2, and the gateway that it talks to.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudcall::Cloud;
use cloudcall_emulator::{Caller, Emulator, EmulatorHandle, Gateway};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Barrier;

use super::case::{Api, Calls};
use super::clients::{Came, MEDIA_ID, message};
use crate::tool::in_root;

/// What the line begins with that holds the outcomes; the SDK speaks on stdout, too.
const OUTCOMES: &str = "outcomes: ";

/// A process that makes calls until it is dropped.
pub(super) struct Node {
    gateway: Gateway,
    gate: Gate,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    _process: Child,
    _server: EmulatorHandle,
}

/// Holds calls back until all of them have arrived: they cannot leave a process at once.
#[derive(Clone)]
struct Gate(Arc<Mutex<Arc<Barrier>>>);

impl Gate {
    fn of(&self, calls: usize) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Barrier::new(calls));
    }
}

async fn hold(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    const LARGEST: usize = 1 << 20;

    if request.uri().path() != "/admin" {
        return next.run(request).await;
    }
    // The whole of it, so that there is nothing more to wait for.
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.expect("a whole request");
    let barrier = {
        let gate = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&gate)
    };
    barrier.wait().await;
    next.run(Request::from_parts(head, Body::from(body))).await
}

impl Node {
    pub(super) async fn start() -> Self {
        let gateway = Gateway::new();
        let gate = Gate(Arc::new(Mutex::new(Arc::new(Barrier::new(1)))));
        let router = gateway.router();
        let router = router.layer(from_fn_with_state(gate.clone(), hold));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Emulator::builder()
            .build()
            .expect("an emulator")
            .start_with(listener, router)
            .expect("started");
        let url = server.url();
        let mut process = Command::new("node")
            .arg("--require")
            .arg(in_root("crates/cli/src/runner/node/preload.cjs"))
            .arg(in_root("tests/node/chaos.cjs"))
            .env_remove("NODE_OPTIONS")
            .envs([
                ("TCB_CONTEXT_CNFG", &*format!(r#"{{"URL":"{url}/admin"}}"#)),
                ("CLOUDCALL_GATEWAY", &url),
                ("TENCENTCLOUD_RUNENV", "WX_LOCAL_SCF"),
                ("TENCENTCLOUD_REGION", "ap-shanghai"),
                ("TENCENTCLOUD_SECRETID", "local"),
                ("TENCENTCLOUD_SECRETKEY", "local"),
                ("TENCENTCLOUD_SESSIONTOKEN", ""),
                ("WX_CONTEXT_KEYS", "WX_API_TOKEN"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let stdin = process.stdin.take().expect("piped");
        let stdout = process.stdout.take().expect("piped");
        Self {
            gateway,
            gate,
            stdin,
            stdout: BufReader::new(stdout).lines(),
            _process: process,
            _server: server,
        }
    }

    /// Makes the calls as a function whose Cloud Calls go through this.
    pub(super) async fn calls(
        &mut self,
        api: Api,
        cloud: Cloud,
        calls: Calls,
    ) -> Result<Vec<Came>, String> {
        let token = self.gateway.register(Caller::new("chaos", cloud));
        let (name, arguments): (_, fn(usize) -> Value) = match api {
            Api::Media => ("getTempMedia", |_| json!({"mediaId": MEDIA_ID})),
            Api::Send => ("send", message),
        };
        let at_once = matches!(calls, Calls::AtOnce(_));
        self.gate.of(if at_once { calls.number() } else { 1 });
        let order = json!({
            "token": token.expose(),
            "api": name,
            "arguments": (0..calls.number()).map(arguments).collect::<Value>(),
            "atOnce": at_once,
        });
        let written = self.stdin.write_all(format!("{order}\n").as_bytes()).await;
        written.map_err(|error| format!("node has ended: {error}"))?;
        loop {
            let line = self.stdout.next_line().await;
            let line = line.map_err(|error| format!("no line of node's: {error}"))?;
            let line = line.ok_or("node has ended")?;
            if let Some(outcomes) = line.strip_prefix(OUTCOMES) {
                let outcomes: Vec<Value> = serde_json::from_str(outcomes).expect("JSON");
                return outcomes.iter().map(came).collect();
            }
        }
    }
}

fn came(outcome: &Value) -> Result<Came, String> {
    if let Some(error) = outcome.get("error") {
        let code = error["errCode"].as_i64();
        return code
            .map(Came::Failed)
            .ok_or_else(|| format!("no error of the SDK's: {error}"));
    }
    let result = &outcome["result"];
    match (&result["contentType"], &result["buffer"]) {
        (Value::String(content_type), Value::String(bytes)) => Ok(Came::Media {
            content_type: content_type.clone(),
            bytes: STANDARD.decode(bytes).expect("base64"),
        }),
        _ => Ok(Came::Done),
    }
}
