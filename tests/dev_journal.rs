//! The journal of `cloudcall dev`: what functions of both languages did, as a list, as a stream
//! and on stderr; and what is recorded and replayed under `dev`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use axum::Router;
use cloudcall_emulator::Emulator;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::dev_server::{Dev, write};
use crate::node_functions::project;
use crate::servers::{SECRET, Untouched};
use crate::tool::{GUARD, cloudcall, in_root, root};

const GET: &str = "customerServiceMessage.getTempMedia";
const SEND: &str = "customerServiceMessage.send";
const UPLOAD: &str = "customerServiceMessage.uploadTempMedia";

/// A function that makes the Cloud Calls of its event, one after the other.
const CALLER: &str = "const cloud = require('wx-server-sdk')
cloud.init()
const api = cloud.openapi.customerServiceMessage
const media = { contentType: 'image/png', value: Buffer.from('PNG'), fileName: 'a.png' }
const calls = {
  get: (mediaId) => api.getTempMedia({ mediaId }),
  send: (touser) => api.send({ touser, msgtype: 'text', text: { content: 'hello 你好' } }),
  upload: (type) => api.uploadTempMedia({ type, media }),
  wrong: () => cloud.openapi.no.such({}),
  other: (name) => cloud.callFunction({ name, data: { send: 'o2' } }),
  fail: (text) => { throw new Error(text) },
  say: (text) => console.log(text),
}
exports.main = async (event) => {
  const codes = []
  for (const [name, argument] of Object.entries(event)) {
    if (name === 'userInfo' || name === 'tcbContext') continue
    const call = async () => calls[name](argument)
    const done = name === 'fail' ? await call() : await call().catch((it) => it)
    codes.push(done ? done.errCode : null)
  }
  return codes
}";

fn config(apis: &[&str]) -> String {
    json!({"timeout": 60, "permissions": {"openapi": apis}}).to_string()
}

/// `caller`, which may get and send, and `中文`, which may nothing.
fn callers() -> TempDir {
    let config_json = config(&[GET, SEND]);
    let project = project(
        "caller",
        &[("index.js", CALLER), ("config.json", &config_json)],
    );
    write(project.path(), "functions/中文/index.js", CALLER);
    project
}

fn entries(dev: &Dev, query: &str) -> Vec<Value> {
    let list = dev.get(&format!("/_cloudcall/journal{query}"));
    assert_eq!(list.status, 200, "{list:?}");
    list.json()["entries"].as_array().expect("a list").clone()
}

/// What is said of a call, without what differs from run to run.
fn about(call: &Value) -> Value {
    json!([
        call["function"],
        call["api"],
        call["parameters"],
        call["verdict"],
        call["errCode"],
        call["contentType"],
    ])
}

/// Server-sent events as they come.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(dev: &Dev, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(&dev.address).expect("a connection");
        stream.set_read_timeout(Some(GUARD)).expect("a time limit");
        let (path, host) = (format!("/_cloudcall/journal/stream{query}"), &dev.address);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n"
        )
        .expect("to send");
        let mut stream = Self(BufReader::new(stream));
        let head: Vec<_> =
            std::iter::from_fn(|| Some(stream.line()).filter(|it| !it.is_empty())).collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
        let is_stream = |line: &String| line == "content-type: text/event-stream";
        assert!(head.iter().any(is_stream), "{head:?}");
        stream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "the stream ends: {line:?}");
        line.trim_end().to_owned()
    }

    /// The next event: its id, its name and its data.
    fn event(&mut self) -> (Option<u64>, String, Value) {
        let (mut id, mut name, mut data) = (None, String::new(), Value::Null);
        loop {
            // The sizes of chunks are lines, too.
            match self.line().split_once(": ") {
                Some(("id", value)) => id = value.parse().ok(),
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data = serde_json::from_str(value).expect("JSON"),
                _ if data.is_null() => {}
                _ => return (id, name, data),
            }
        }
    }
}

#[test]
fn the_journal_lists_and_streams_what_node_functions_do() {
    let project = callers();
    let dev = Dev::start(project.path(), &["--appid", "wx1"]);
    let mut stream = Stream::open(&dev, "", "");

    let event =
        json!({"get": "sample", "send": "o1", "upload": "image", "wrong": 1, "other": "中文"});
    let caller = [("x-wx-openid", "o-user"), ("x-wx-unionid", "u-user")];
    let reply = dev.invoke_as("caller", &event.to_string(), &caller);
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.header("x-request-id").expect("an id").to_owned();
    assert_eq!(dev.invoke("caller", r#"{"get": "nope"}"#).status, 200);
    assert_eq!(dev.invoke("caller", r#"{"fail": "as asked"}"#).status, 500);
    assert_eq!(dev.invoke("no-such", "{}").status, 404);
    assert_eq!(dev.invoke("caller", "{oops").status, 400);

    let all = entries(&dev, "");
    let calls: Vec<_> = all.iter().filter(|it| it["type"] == "call").collect();
    let file =
        json!({"contentType": "application/octet-stream", "fileName": "media.png", "size": 3});
    let text = json!({"touser": "o1", "msgtype": "text", "text": {"content": "hello 你好"}});
    let mut to_other = text.clone();
    to_other["touser"] = "o2".into();
    let (yes, json_type) = ("permitted", "application/json; encoding=utf-8");
    let expected = [
        json!(["caller", GET, {"media_id": "sample"}, yes, 0, "image/jpeg"]),
        json!(["caller", SEND, text, yes, 0, json_type]),
        json!(["caller", UPLOAD, {"type": "image", "media": file}, "denied", -604_101, null]),
        json!(["caller", "no.such", {}, "unknown-api", -604_100, null]),
        json!(["中文", SEND, to_other, "denied", -604_101, null]),
        json!(["caller", GET, {"media_id": "nope"}, yes, 40007, json_type]),
    ];
    assert_eq!(
        calls.iter().map(|it| about(it)).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(calls[0]["bytes"], 112_525);
    assert!(
        calls[5]["errMsg"]
            .as_str()
            .is_some_and(|it| it.starts_with("invalid media_id"))
    );

    let invocations: Vec<_> = all.iter().filter(|it| it["type"] == "invocation").collect();
    let of = |it: &Value| json!([it["function"], it["source"], it["outcome"], it["status"]]);
    assert_eq!(
        invocations.iter().map(|it| of(it)).collect::<Vec<_>>(),
        [
            json!(["中文", "call-function", "ok", 200]),
            json!(["caller", "http", "ok", 200]),
            json!(["caller", "http", "ok", 200]),
            json!(["caller", "http", "error", 500]),
            json!(["no-such", "http", "unknown", 404]),
            json!(["caller", "http", "invalid", 400]),
        ]
    );
    // Each call belongs to its invocation, and who called is handed on.
    let user = json!({"openId": "o-user", "appId": "wx1", "unionId": "u-user"});
    for of_request in [invocations[0], invocations[1]] {
        assert_eq!(of_request["caller"], user, "{of_request}");
    }
    for call in &calls[..4] {
        assert_eq!(call["requestId"], id, "{call}");
    }
    assert_eq!(calls[4]["requestId"], invocations[0]["requestId"]);
    let thrown = invocations[3]["errorMessage"].as_str().expect("a text");
    let index = Path::new("functions").join("caller").join("index.js");
    let index = format!("{}:", index.display());
    assert!(
        thrown.starts_with("Error: as asked at ") && thrown.contains(&index),
        "{thrown}"
    );

    // The stream gave the same, in the same order.
    for entry in &all {
        let (id, name, data) = stream.event();
        assert_eq!(
            (id, &*name, &data),
            (
                entry["id"].as_u64(),
                entry["type"].as_str().unwrap_or_default(),
                entry
            )
        );
    }
    // A reader that comes back goes on where it was, and may want only some.
    let newest = all.last().expect("some")["id"].as_u64().expect("a number");
    let mut back = Stream::open(&dev, "?type=invocation", "last-event-id: 1\r\n");
    assert_eq!(back.event().2, **invocations.first().expect("some"));
    let mut later = Stream::open(&dev, &format!("?after={}", newest - 1), "");
    assert_eq!(later.event().0, Some(newest));
    dev.invoke("中文", "{}");
    assert_eq!(later.event().0, Some(newest + 1));

    let some = entries(&dev, "?type=call&function=caller&limit=1");
    assert_eq!(some, [calls[5].clone()]);
    for wrong in ["?type=cal", "?limit=x", "/stream?limit=1"] {
        let refused = dev.get(&format!("/_cloudcall/journal{wrong}"));
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    // The stream is still open, and no obstacle.
    #[cfg(unix)]
    assert_eq!(dev.signal("-INT").code(), Some(130));
}

#[test]
fn the_journal_tells_of_rust_functions_without_their_tokens() {
    let mut dev = Dev::start(root(), &[]);
    let got = dev.invoke_as(
        "get-temp-media",
        r#"{"mediaId":"sample"}"#,
        &[("x-wx-openid", "o1")],
    );
    assert_eq!(got.status, 200, "{got:?}");
    let id = got.header("x-request-id").expect("an id");
    assert_eq!(
        dev.invoke("get-temp-media", r#"{"mediaId":"nope"}"#).status,
        200
    );

    let calls = entries(&dev, "?type=call");
    let json_type = "application/json; encoding=utf-8";
    assert_eq!(
        calls.iter().map(about).collect::<Vec<_>>(),
        [
            json!(["get-temp-media", GET, {"media_id": "sample"}, "permitted", 0, "image/jpeg"]),
            json!(["get-temp-media", GET, {"media_id": "nope"}, "permitted", 40007, json_type]),
        ]
    );
    assert_eq!(calls[0]["requestId"], id);
    assert_eq!(calls[0]["bytes"], 112_525);
    let invocations = entries(&dev, "?type=invocation");
    assert_eq!(invocations[0]["caller"]["openId"], "o1");
    let whole = json!([calls, invocations]).to_string();
    assert!(!whole.contains("access_token"), "{whole}");

    // And a person reads each in a line.
    dev.says("get-temp-media    POST  200");
    assert!(dev.has_said("getTempMedia media_id=sample   ok  image/jpeg 112525 bytes"));
}

/// What is denied there is sent nowhere.
#[test]
fn the_journal_tells_of_denied_calls_of_rust_functions() {
    let functions = in_root("tests/functions");
    let mut dev = Dev::start(root(), &["--functions", &functions]);
    for _ in 0..2 {
        let denied = dev.invoke("probe", r#"{"do":"get","mediaId":"sample"}"#);
        assert_eq!(denied.status, 500, "{denied:?}");
        let line = dev.says("getTempMedia   ");
        assert!(
            line.contains("  probe  ")
                && line.ends_with("-604101 denied: add it to permissions.openapi"),
            "{line}"
        );
        let calls = entries(&dev, "?type=call");
        let call = calls.last().expect("a call");
        assert_eq!(
            about(call),
            json!(["probe", GET, null, "denied", -604_101, null])
        );
        assert_eq!(call["requestId"].as_str(), denied.header("x-request-id"));
    }
    // It denied nothing this time.
    assert_eq!(dev.invoke("probe", r#"{"do":"tell"}"#).status, 200);
    assert_eq!(entries(&dev, "?type=call").len(), 2);
}

/// A `dev` whose stderr is data, all of it.
struct Logged {
    child: Child,
    address: String,
    lines: BufReader<std::process::ChildStderr>,
    said: Vec<Value>,
}

impl Logged {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = cloudcall(folder)
            .args(["dev", "--port", "0", "--log-format", "json"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        let mut logged = Self {
            child,
            address: String::new(),
            lines,
            said: Vec::new(),
        };
        let line = logged.says(|it| it["text"].as_str().is_some_and(|it| it.contains("http://")));
        let (_, address) = line["text"]
            .as_str()
            .and_then(|it| it.split_once("http://"))
            .expect("an address");
        logged.address = address.to_owned();
        logged
    }

    /// The next line that is this; all of them must be objects with a time and a type.
    #[track_caller]
    fn says(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("to read");
            assert!(!line.is_empty(), "no such line: {:#?}", self.said);
            let said = object(&line);
            self.said.push(said.clone());
            if is_it(&said) {
                return said;
            }
        }
    }

    fn invoke(&self, function: &str, event: &str) -> u16 {
        let path = format!("/functions/{function}");
        crate::dev_server::send(&self.address, "POST", &path, &[], event.as_bytes()).status
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn object(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(
        value["time"].is_string() && value["type"].is_string(),
        "{line}"
    );
    assert!(!line.trim_end().contains(char::is_control), "{line:?}");
    value
}

#[test]
fn each_line_of_the_log_is_a_json_object() {
    let project = callers();
    // What is odd is said, too.
    write(project.path(), "functions/odd/index.js", "exports.main = 1");
    write(project.path(), "functions/odd/config.json", "{oops");
    let mut dev = Logged::start(project.path(), &["--fault", "errcode=45009,times=1"]);
    // A terminal takes U+009B for the begin of a command.
    let media = "sample\u{9b}2J";
    let say = json!({"say": "a\u{1b}[2Jb\n{\"type\":\"call\"}", "upload": "image", "get": media});
    assert_eq!(dev.invoke("caller", &say.to_string()), 200);
    let output = dev.says(|it| it["type"] == "output" && it["line"] == "a\u{1b}[2Jb");
    assert_eq!(output["function"], "caller");
    dev.says(|it| it["type"] == "output" && it["line"] == r#"{"type":"call"}"#);
    let hint = dev.says(|it| it["level"] == "hint");
    assert!(
        hint["text"].as_str().is_some_and(|it| it.contains(UPLOAD)),
        "{hint}"
    );
    let call = dev.says(|it| it["type"] == "call" && it["api"] == GET);
    assert_eq!(call["errCode"], 45009);
    assert_eq!(call["parameters"], json!({"media_id": media}));
    let invocation = dev.says(|it| it["type"] == "invocation");
    assert_eq!(invocation["outcome"], "ok");
    assert_eq!(dev.invoke("odd", "{}"), 500);
    dev.says(|it| it["type"] == "invocation" && it["function"] == "odd");
    assert!(
        dev.said.iter().any(|it| it["level"] == "warning"),
        "{:#?}",
        dev.said
    );
    write(
        project.path(),
        "functions/caller/config.json",
        &config(&[GET, UPLOAD]),
    );
    let reload = dev.says(|it| it["type"] == "reload");
    let changes = [format!("+{UPLOAD}"), format!("-{SEND}")];
    let changes: BTreeSet<_> = changes.iter().map(String::as_str).collect();
    let told = reload["changes"].as_array().expect("a list").iter();
    assert_eq!(
        told.filter_map(Value::as_str).collect::<BTreeSet<_>>(),
        changes
    );
}

/// Cargo writes to stderr what it will.
#[test]
fn what_cargo_says_is_in_the_log_as_objects() {
    let project = tempfile::tempdir().expect("a temp folder");
    let package = "[package]\nname = \"broken-for-the-log\"\nedition = \"2024\"\n[workspace]\n";
    write(project.path(), "functions/broken/Cargo.toml", package);
    write(
        project.path(),
        "functions/broken/src/main.rs",
        "fn main() { oops }",
    );
    let mut dev = Logged::start(project.path(), &[]);
    assert_eq!(dev.invoke("broken", "{}"), 502);
    dev.says(|it| it["level"] == "error");
    let of_cargo = |it: &&Value| it["type"] == "build" && it["function"] == "broken";
    let build: Vec<_> = dev.said.iter().filter(of_cargo).collect();
    let says = |text: &str| {
        build
            .iter()
            .any(|it| it["line"].as_str().is_some_and(|it| it.contains(text)))
    };
    assert!(says("error[E0425]") && says("oops"), "{build:#?}");
}

#[test]
fn the_journal_has_bounds_whatever_comes() {
    let project = callers();
    let dev = Dev::start(project.path(), &["--appid", "wx1"]);
    let mut slow = Stream::open(&dev, "", "");
    // No function has such names, so that nothing is started.
    let name = "x".repeat(20_000);
    for _ in 0..1100 {
        assert_eq!(dev.invoke(&name, "{}").status, 404);
    }
    let list = dev.get("/_cloudcall/journal");
    assert!(list.body.len() < 4 << 20, "{}", list.body.len());
    let list = list.json();
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(1000));
    assert_eq!(list["lost"], 100);
    // What it had to read itself is whole, or what is missing is counted.
    let (mut next, mut seen) = (1, 0);
    while next <= 1100 {
        match slow.event() {
            (Some(id), _, _) => {
                assert_eq!(id, next);
                (next, seen) = (id + 1, seen + 1);
            }
            (None, name, data) => {
                assert_eq!(name, "lost");
                next += data["lost"].as_u64().expect("a count");
            }
        }
    }
    assert!(seen >= 1000, "{seen}");
}

/// A `dev` that is led away from the network and knows an app.
#[cfg(unix)]
fn dev_of_app(folder: &Path, arguments: &[&str], proxy: &str) -> Dev {
    let mut dev = cloudcall(folder);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        dev.env(name, proxy);
    }
    dev.args(["dev", "--port", "0"]).args(arguments);
    dev.env("WECHAT_APPID", "wx-dev")
        .env("WECHAT_SECRET", SECRET);
    Dev::start_with(&mut dev)
}

/// What functions of both languages answer under a `dev`, what its journal says of their calls, and
/// what it says when it is ended.
#[cfg(unix)]
fn session(dev: Dev) -> (Vec<Value>, Vec<Value>, String) {
    let mut answers = Vec::new();
    for (function, media_id) in [
        ("get-temp-media", "sample"),
        ("get-temp-media-node", "sample"),
        ("get-temp-media-node", "nope"),
        ("get-temp-media", "nope"),
    ] {
        let reply = dev.invoke(function, &json!({"mediaId": media_id}).to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
        answers.push(reply.json());
    }
    let calls = entries(&dev, "?type=call");
    let told = |it: &Value| json!([about(it), it["bytes"], it["errMsg"]]);
    let calls = calls.iter().map(told).collect();
    (answers, calls, dev.last_words("-INT"))
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_both_languages_is_recorded_and_replays_offline() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let cassette = folder.path().join("session.json");
    let cassette = cassette.to_str().expect("UTF-8");
    let sample = fs::read(root().join("media/sample.jpg")).expect("the sample");
    let wechat = Emulator::builder()
        .app("wx-dev", SECRET)
        .media("sample", sample)
        .build()
        .expect("an emulator");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/base", listener.local_addr().expect("bound"));
    let router = Router::new().nest("/base", wechat.router());
    tokio::spawn(axum::serve(listener, router).into_future());

    // Through a server, as it is; and recorded.
    let offline = Untouched::start();
    let dev = |arguments: &[&str]| dev_of_app(root(), arguments, &offline.url);
    let plain = session(dev(&["--api-base", &url]));
    let (answers, calls, words) = session(dev(&["--api-base", &url, "--record", cassette]));
    assert_eq!(wechat.journal().count("/cgi-bin/media/get"), 8);
    assert!(words.contains("note: recorded 4 exchanges in "), "{words}");
    let without_ids = |calls: &[Value]| calls.iter().map(|it| it[0].clone()).collect::<Vec<_>>();
    assert_eq!(without_ids(&plain.1), without_ids(&calls));
    assert_eq!(calls.len(), 4, "{calls:#?}");
    let text = fs::read_to_string(cassette).expect("a cassette");
    for secret in [SECRET, "access_token", "stable_token"] {
        assert!(!text.contains(secret), "{text}");
    }

    // From here on there is no network.
    let again = session(dev(&["--replay", cassette]));
    assert_eq!((&again.0, &again.1), (&answers, &calls));
    offline.assert();
    assert_eq!(wechat.journal().count("/cgi-bin/media/get"), 8);
    let mut missing = dev(&["--replay", cassette]);
    for function in ["get-temp-media", "get-temp-media-node"] {
        let reply = missing.invoke(function, r#"{"mediaId":"smaple"}"#);
        assert_eq!(reply.json()["errCode"], -601_003, "{reply:?}");
        let query = format!("?type=call&function={function}");
        let call = entries(&missing, &query).remove(0);
        assert_eq!(call["errCode"], -601_003);
        let message = call["errMsg"].as_str().expect("a text");
        assert!(
            message.contains("media_id is \"sample\", not \"smaple\""),
            "{message}"
        );
        missing.says("--record");
    }
    offline.assert();
}

#[test]
fn a_call_that_outlasts_its_function_is_in_the_journal_with_what_it_was_of() {
    let project = project(
        "caller",
        &[
            ("index.js", CALLER),
            (
                "config.json",
                &json!({"timeout": 1, "permissions": {"openapi": [GET]}}).to_string(),
            ),
        ],
    );
    let dev = Dev::start(project.path(), &["--fault", "no-answer"]);
    let late = dev.invoke("caller", r#"{"get": "sample"}"#);
    assert_eq!(late.status, 504, "{late:?}");
    dev.comes_to(&1, |dev| entries(dev, "?type=call").len());
    let call = entries(&dev, "?type=call").remove(0);
    assert_eq!(call["errMsg"], "the function did not wait for the reply");
    assert_eq!(call["requestId"].as_str(), late.header("x-request-id"));
    assert_eq!(call["parameters"], json!({"media_id": "sample"}));
}

/// A terminal that was stopped, or a program at the other end of the pipe that was.
#[cfg(unix)]
#[test]
fn nobody_reads_what_is_said_and_all_is_served_and_ended_nevertheless() {
    let project = callers();
    let mut child = cloudcall(project.path())
        .args(["dev", "--port", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut unread = BufReader::new(child.stderr.take().expect("piped"));
    let mut first = String::new();
    unread.read_line(&mut first).expect("a line");
    let (_, address) = first.trim_end().split_once("http://").expect("an address");
    let event = json!({"say": "x".repeat(100_000)}).to_string();
    for _ in 0..10 {
        let path = "/functions/caller";
        let reply = crate::dev_server::send(address, "POST", path, &[], event.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let list = crate::dev_server::send(address, "GET", "/_cloudcall/journal", &[], b"");
    assert_eq!(list.json()["entries"].as_array().map(Vec::len), Some(10));
    let id = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(kill.expect("kill").success());
    assert_eq!(child.wait().expect("the end").code(), Some(130));
    drop(unread);
}
