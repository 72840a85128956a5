//! `cloudcall dev`: functions over HTTP, and how they are reloaded.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::dev_server::{Dev, project, send, write};
use crate::servers::Held;
use crate::tool::{cloudcall, in_root, output, stderr};

const CONFIG: &str = "functions/f/config.json";
const INDEX: &str = "functions/f/index.js";

/// A function in Node that does what its event says.
const PROBE: &str = "
exports.main = async (event, context) => {
  if (event.do === 'throw') throw new Error('as asked')
  if (event.do === 'exit') process.exit(7)
  if (event.do === 'hang') await new Promise((resolve) => setTimeout(resolve, 60000))
  if (event.do === 'wait') {
    await new Promise((resolve) => {
      const socket = require('net').connect(event.port, '127.0.0.1')
      socket.on('close', resolve).resume()
    })
  }
  await new Promise(setImmediate)
  const { WX_OPENID, WX_APPID, WX_UNIONID, WX_CONTEXT_KEYS } = process.env
  return { event, id: context.request_id, env: [WX_OPENID, WX_APPID, WX_UNIONID, WX_CONTEXT_KEYS] }
}";

fn probe(config: &str) -> tempfile::TempDir {
    project(&[(INDEX, PROBE), (CONFIG, config)])
}

#[test]
fn functions_are_invoked_over_http_with_a_status_for_each_end() {
    let project = probe(r#"{"timeout": 30}"#);
    write(project.path(), "functions/hasty/index.js", PROBE);
    write(
        project.path(),
        "functions/hasty/config.json",
        r#"{"timeout": 0.3}"#,
    );
    write(
        project.path(),
        "functions/broken/index.js",
        "process.exit(9)",
    );
    let dev = Dev::start(project.path(), &[]);

    let reply = dev.invoke("f", r#"{"a": [1, 2]}"#);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let id = reply.header("x-request-id").expect("an id");
    assert_eq!(id.len(), 36, "{id}");
    assert_eq!(reply.json()["id"], id);
    assert_eq!(reply.json()["event"]["a"], json!([1, 2]));
    assert_eq!(dev.invoke("f", "").status, 200);

    let thrown = dev.invoke("f", r#"{"do":"throw"}"#);
    assert_eq!(
        (thrown.status, &thrown.json()["errorCode"]),
        (500, &json!(1))
    );
    assert!(thrown.body.contains("as asked"), "{thrown:?}");

    for (function, event, status, said) in [
        (
            "hasty",
            r#"{"do":"hang"}"#,
            504,
            "timed out after 0.3 seconds",
        ),
        ("f", r#"{"do":"exit"}"#, 502, "exit status: 7"),
        ("broken", "{}", 502, "before it was ready"),
        ("hastyy", "{}", 404, "did you mean hasty?"),
        ("f", "{oops", 400, "not JSON"),
    ] {
        let reply = dev.invoke(function, event);
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.json()["errorCode"], -1, "{reply:?}");
        let message = reply.json()["errorMessage"].to_string();
        assert!(message.contains(said), "{message}");
        assert_eq!(reply.header("x-request-id").map(str::len), Some(36));
    }
    // And it serves on.
    assert_eq!(dev.invoke("f", "{}").status, 200);
    assert_eq!(dev.invoke("hasty", "{}").status, 200);

    let asked = dev.get("/functions/f");
    assert_eq!((asked.status, asked.header("allow")), (405, Some("POST")));
    assert!(asked.body.contains("invoked with POST"), "{asked:?}");

    let page = dev.invoke_as("f", "{}", &[("origin", "https://evil.example")]);
    assert_eq!(page.status, 403, "{page:?}");
    let long = dev.invoke_as("f", "{}", &[("x-wx-openid", &"o".repeat(300))]);
    assert_eq!(long.status, 400, "{long:?}");
    let large = vec![b' '; (64 << 20) + 1];
    let large = send(&dev.address, "POST", "/functions/f", &[], &large);
    assert_eq!(large.status, 413, "{large:?}");
}

#[test]
fn a_rust_function_and_the_emulator_are_served_together() {
    let mut dev = Dev::start(
        crate::tool::root(),
        &["--functions", &in_root("tests/functions"), "--appid", "wx1"],
    );
    let event = r#"{"do":"tell"}"#;
    let told = dev.invoke_as("probe", event, &[("x-wx-openid", "o1")]);
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.json()["caller"], "o1");
    let told = dev.invoke_as("probe", event, &[("x-wx-openid", "o2")]);
    assert_eq!(told.json()["caller"], "o2");
    assert_eq!(dev.invoke("probe", r#"{"do":"fail"}"#).status, 500);
    let panicked = dev.invoke("probe", r#"{"do":"panic"}"#);
    assert!(matches!(panicked.status, 500 | 502), "{panicked:?}");
    dev.says("probe");

    let look = dev.look("probe");
    assert_eq!(
        (&look["kind"], &look["version"]),
        (&json!("rust"), &json!(1))
    );
    let faults = dev.get("/_emulator/faults");
    assert_eq!(faults.status, 200, "{faults:?}");
}

#[test]
fn each_invocation_has_its_own_caller() {
    let project = probe(r#"{"timeout": 30}"#);
    let dev = Dev::start(project.path(), &["--appid", "wx1", "--concurrency", "3"]);
    thread::scope(|scope| {
        for number in 0..20 {
            let dev = &dev;
            scope.spawn(move || {
                let caller = format!("o{number}");
                let reply = match number % 4 {
                    0 => dev.invoke("f", "{}"),
                    1 => dev.invoke_as("f", "{}", &[("x-wx-openid", &caller)]),
                    2 => dev.invoke_as(
                        "f",
                        "{}",
                        &[("X-WX-OPENID", &caller), ("x-wx-unionid", "u")],
                    ),
                    _ => dev.invoke_as(
                        "f",
                        "{}",
                        &[("x-wx-openid", &caller), ("x-wx-appid", "wx2")],
                    ),
                };
                let told = reply.json();
                let (user, env) = match number % 4 {
                    0 => (
                        json!({"appId": "wx1"}),
                        json!([null, "wx1", null, "WX_API_TOKEN,WX_APPID"]),
                    ),
                    1 => (
                        json!({"appId": "wx1", "openId": caller}),
                        json!([caller, "wx1", null, "WX_API_TOKEN,WX_APPID,WX_OPENID"]),
                    ),
                    2 => (
                        json!({"appId": "wx1", "openId": caller}),
                        json!([
                            caller,
                            "wx1",
                            "u",
                            "WX_API_TOKEN,WX_APPID,WX_OPENID,WX_UNIONID"
                        ]),
                    ),
                    _ => (
                        json!({"appId": "wx2", "openId": caller}),
                        json!([caller, "wx2", null, "WX_API_TOKEN,WX_APPID,WX_OPENID"]),
                    ),
                };
                assert_eq!(told["event"]["userInfo"], user);
                assert_eq!(told["env"], env);
            });
        }
    });
    let workers = dev.look("f")["workers"].as_u64();
    assert!(
        workers.is_some_and(|it| (1..=3).contains(&it)),
        "{workers:?}"
    );
}

#[test]
fn who_comes_when_too_many_wait_is_told_so() {
    let project = probe(r#"{"timeout": 60}"#);
    let dev = Dev::start(project.path(), &["--concurrency", "1", "--queue", "1"]);
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("bound").port();
    let wait = json!({"do": "wait", "port": port}).to_string();
    thread::scope(|scope| {
        let first = scope.spawn(|| dev.invoke("f", &wait));
        let (connection, _) = held.accept().expect("the function");
        let second = scope.spawn(|| dev.invoke("f", "{}"));
        dev.comes_to(&json!(1), |dev| dev.look("f")["waiting"].clone());
        let third = dev.invoke("f", "{}");
        assert_eq!(third.status, 429, "{third:?}");
        assert_eq!(third.header("retry-after"), Some("1"));
        assert!(third.body.contains("--queue"), "{third:?}");
        drop(connection);
        for asked in [first, second] {
            assert_eq!(asked.join().expect("no panic").status, 200);
        }
    });
    let look = dev.look("f");
    assert_eq!(look["workers"], 1);
}

#[test]
fn a_port_in_use_is_refused_if_it_was_asked_for_and_else_another_taken() {
    let project = probe("{}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let refused = output(cloudcall(project.path()).args(["dev", "--port", &port]));
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains(&format!("error: --port {port} cannot be had")) && said.contains("hint:"),
        "{said}"
    );

    // Of nobody there would be no answer.
    for flag in ["--queue", "--concurrency"] {
        let refused = output(cloudcall(project.path()).args(["dev", flag, "0"]));
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    }

    // Whoever has it.
    let _taken = TcpListener::bind("127.0.0.1:9527");
    let mut dev = Dev::start_on_any(project.path(), &[]);
    assert_ne!(dev.address, "127.0.0.1:9527");
    dev.says("Ctrl-C");
    assert!(dev.has_said("note: port 9527 is in use"));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_everything() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let held = Held::start();
        let dev = Dev::start(
            crate::tool::root(),
            &["--functions", &in_root("tests/functions")],
        );
        let event = json!({"do": "hold", "address": held.address}).to_string();
        thread::scope(|scope| {
            let address = dev.address.clone();
            scope.spawn(move || {
                // It gets no answer, or that the function is no longer served.
                let _ = std::panic::catch_unwind(|| {
                    send(
                        &address,
                        "POST",
                        "/functions/patient-probe",
                        &[],
                        event.as_bytes(),
                    )
                });
            });
            held.all_came();
            assert_eq!(dev.signal(signal).code(), Some(code));
            held.all_gone();
        });
    }
}

#[test]
fn the_start_tells_what_is_served_and_what_to_do_with_it() {
    let project = probe(
        r#"{"permissions":{"openapi":["wxacode.get","a.b","c.d","e.f","g.h"]},
            "triggers":[{"name":"nightly","type":"timer","config":"0 0 2 * * * *"}]}"#,
    );
    write(project.path(), "functions/更好名/index.js", &answering(1));
    write(project.path(), "media/sample.txt", "text");
    let mut dev = Dev::start(project.path(), &[]);
    let port = dev.address.rsplit(':').next().expect("a port").to_owned();
    let [timed, other, media, journal, last] = std::array::from_fn(|_| dev.says(""));
    let beginning = "  POST /functions/f       Node  a.b c.d e.f g.h and 1 more  timer nightly, ";
    assert!(timed.starts_with(beginning), "{timed}");
    assert!(timed.ends_with("(not fired without --triggers)"), "{timed}");
    assert_eq!(other, "  POST /functions/更好名  Node  no Cloud Calls");
    assert_eq!(
        media,
        "  Cloud Calls reach the emulator, with the media of media"
    );
    assert!(journal.contains("GET /_cloudcall/journal "), "{journal}");
    let env = match cfg!(windows) {
        true => format!("`cloudcall env --port {port} | Out-String | Invoke-Expression` leads"),
        false => format!("`eval \"$(cloudcall env --port {port})\"` leads"),
    };
    assert!(last.starts_with(&env) && last.contains("Ctrl-C"), "{last}");
}

/// A function that answers with a number.
fn answering(number: u64) -> String {
    format!("exports.main = async () => {number}")
}

#[test]
fn the_request_after_an_edit_is_answered_by_the_new_code() {
    let project = project(&[(INDEX, &answering(0))]);
    let dev = Dev::start(project.path(), &[]);
    assert_eq!(dev.invoke("f", "{}").body, "0");
    for number in 1..6 {
        write(project.path(), INDEX, &answering(number));
        assert_eq!(dev.invoke("f", "{}").body, number.to_string());
    }
}

#[test]
fn an_edit_is_told_before_the_first_request_too() {
    for flags in [&[][..], &["--poll"]] {
        let permitting = r#"{"permissions":{"openapi":["wxacode.get"]}}"#;
        let project = project(&[(INDEX, &answering(0)), (CONFIG, "{}")]);
        let mut dev = Dev::start(project.path(), flags);
        write(project.path(), CONFIG, permitting);
        let line = dev.says("+wxacode.get");
        assert!(line.contains("config.json"), "{line}");
        assert_eq!(dev.look("f")["workers"], 0);
        // What is the same in other words is no change.
        write(project.path(), CONFIG, &permitting.replace(':', " : "));
        write(project.path(), CONFIG, r#"{"timeout":7}"#);
        let line = dev.says("timeout 7 s");
        assert!(line.contains("-wxacode.get"), "{line}");
    }
}

#[test]
fn other_files_settings_and_functions_come_and_go() {
    let lib = "functions/f/lib/answer.js";
    let project = project(&[
        (
            INDEX,
            "exports.main = async () => [require('./lib/answer.js'), process.env.MINE]",
        ),
        (lib, "module.exports = 1"),
        ("functions/f/node_modules/x/index.js", "module.exports = 1"),
    ]);
    let mut dev = Dev::start(project.path(), &[]);
    let answer = |dev: &Dev| dev.invoke("f", "{}").json();
    assert_eq!(answer(&dev), json!([1, null]));
    write(project.path(), lib, "module.exports = 2");
    dev.comes_to(&json!([2, null]), answer);

    let config = r#"{"envVariables":{"MINE":"s3cret"},"permissions":{"openapi":["wxacode.get"]}}"#;
    write(project.path(), CONFIG, config);
    assert_eq!(answer(&dev), json!([2, "s3cret"]));
    let line = dev.says("wxacode.get");
    assert!(
        line.contains("envVariables.MINE") && !line.contains("s3cret"),
        "{line}"
    );

    write(project.path(), "functions/g/index.js", &answering(7));
    dev.comes_to(&"7".to_owned(), |dev| dev.invoke("g", "{}").body);
    std::fs::remove_dir_all(project.path().join("functions/g")).expect("removed");
    dev.comes_to(&404, |dev| dev.invoke("g", "{}").status);
    // Of packages no change is looked for, and the rest has not made it start anew.
    let timed = r#"{"triggers":[{"name":"t","type":"timer","config":"0 0 2 1 * * *"}]}"#;
    write(project.path(), "functions/h/config.json", timed);
    let version = dev.look("f")["version"].clone();
    write(
        project.path(),
        "functions/f/node_modules/x/index.js",
        "module.exports = 2",
    );
    write(project.path(), "functions/h/index.js", &answering(8));
    dev.comes_to(&"8".to_owned(), |dev| dev.invoke("h", "{}").body);
    assert_eq!(dev.look("f")["version"], version);
    let trigger = dev.look("h")["triggers"][0].clone();
    assert_eq!(trigger["name"], "t");
    assert!(
        trigger["next"].to_string().contains("02:00:00"),
        "{trigger}"
    );
}

#[test]
fn under_load_no_request_is_lost_or_answered_by_the_wrong_version() {
    const EDITS: u64 = 8;
    let project = project(&[(INDEX, &answering(0))]);
    let dev = Dev::start(project.path(), &["--concurrency", "2"]);
    let (edited, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let asked = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let oldest = edited.load(Ordering::SeqCst);
                    let reply = dev.invoke("f", "{}");
                    assert_eq!(reply.status, 200, "{reply:?}");
                    let newest = edited.load(Ordering::SeqCst) + 1;
                    let answer: u64 = reply.body.parse().expect("a number");
                    assert!(
                        (oldest..=newest).contains(&answer),
                        "{oldest} {answer} {newest}"
                    );
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 1..=EDITS {
            let before = asked.load(Ordering::SeqCst);
            write(project.path(), INDEX, &answering(number));
            edited.store(number, Ordering::SeqCst);
            dev.comes_to(&true, |_| asked.load(Ordering::SeqCst) > before + 20);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(dev.invoke("f", "{}").body, EDITS.to_string());
}

/// A function in Rust that needs no other package, so that it is built in no time: the runtime API
/// in a few lines.
const RUST: &str = r#"
use std::io::{Read, Write};
fn ask(method: &str, path: &str, body: &str) -> String {
    let var = |name| std::env::var(name).unwrap();
    let address = format!("{}:{}", var("SCF_RUNTIME_API"), var("SCF_RUNTIME_API_PORT"));
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    write!(stream, "{method} /runtime/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}
fn main() {
    loop {
        ask("GET", "invocation/next", "");
        let mine = std::env::var("MINE").unwrap_or_default();
        ask("POST", "invocation/response", &format!("\"{} {mine}\"", part::answer() + ANSWER));
    }
}
"#;

fn rust(answer: u64) -> String {
    format!("const ANSWER: u64 = {answer};{RUST}")
}

fn part(answer: u64) -> String {
    format!("pub fn answer() -> u64 {{ {answer} }}")
}

#[test]
fn a_rust_function_is_built_anew_while_the_old_one_serves() {
    const MAIN: &str = "functions/r/src/main.rs";
    const PART: &str = "part/src/lib.rs";
    let project = project(&[
        (
            "functions/r/Cargo.toml",
            "[package]\nname = \"r-under-dev\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\npart = { path = \"../../part\" }\n[workspace]\n",
        ),
        (MAIN, &rust(1)),
        (
            "part/Cargo.toml",
            "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        ),
        (PART, &part(10)),
    ]);
    let mut dev = Dev::start(project.path(), &["--concurrency", "2"]);
    let answer = |dev: &Dev| dev.invoke("r", "{}").body;
    assert_eq!(answer(&dev), "\"11 \"");

    write(project.path(), MAIN, &rust(2));
    dev.comes_to(&"\"12 \"".to_owned(), |dev| {
        let answer = answer(dev);
        assert!(
            ["\"11 \"", "\"12 \""].contains(&answer.as_str()),
            "{answer}"
        );
        answer
    });
    write(project.path(), PART, &part(20));
    dev.comes_to(&"\"22 \"".to_owned(), answer);

    write(project.path(), MAIN, "fn main() { oops }");
    dev.says("not reloaded");
    assert_eq!(answer(&dev), "\"22 \"");
    write(
        project.path(),
        "functions/r/config.json",
        r#"{"envVariables":{"MINE":"m"}}"#,
    );
    assert_eq!(answer(&dev), "\"22 m\"");
    write(project.path(), MAIN, &rust(3));
    dev.comes_to(&"\"23 m\"".to_owned(), answer);
    dev.says("Finished");

    // The same program needs no restart.
    let version = dev.look("r")["version"].clone();
    write(project.path(), MAIN, &rust(3));
    dev.says("Finished");
    assert_eq!(answer(&dev), "\"23 m\"");
    assert_eq!(dev.look("r")["version"], version);
}

/// What a function needs may be what does not compile, from the start.
#[test]
fn a_dependency_that_does_not_build_is_built_when_it_can_be() {
    const PART: &str = "part/src/lib.rs";
    let project = project(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"functions/*\", \"part\"]\nresolver = \"3\"\n",
        ),
        (
            "functions/r/Cargo.toml",
            "[package]\nname = \"r-with-a-part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\npart = { path = \"../../part\" }\n",
        ),
        ("functions/r/src/main.rs", &rust(1)),
        (
            "part/Cargo.toml",
            "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        ),
        (PART, "oops"),
    ]);
    let mut dev = Dev::start(project.path(), &[]);
    assert_eq!(dev.invoke("r", "{}").status, 502);
    write(project.path(), PART, &part(10));
    dev.comes_to(&"\"11 \"".to_owned(), |dev| dev.invoke("r", "{}").body);
    // The workspace's settings are what it is built with.
    let workspace = "[workspace]\nmembers = [\"functions/*\", \"part\"]\nresolver = \"3\"\n\
                     [profile.dev]\nopt-level = 1\n";
    write(project.path(), "Cargo.toml", workspace);
    assert!(dev.says("reloaded").contains("Cargo.toml"));
}

#[test]
fn a_function_that_does_not_build_says_so_until_it_does() {
    const MAIN: &str = "functions/r/src/main.rs";
    let project = project(&[
        (
            "functions/r/Cargo.toml",
            "[package]\nname = \"r-that-fails\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        ),
        (MAIN, "fn main() { oops }"),
    ]);
    let dev = Dev::start(project.path(), &[]);
    let reply = dev.invoke("r", "{}");
    assert_eq!(reply.status, 502, "{reply:?}");
    let message: Value = reply.json()["errorMessage"].clone();
    assert!(message.to_string().contains("does not build"), "{message}");
    assert!(message.to_string().contains("cargo build"), "{message}");
    let works = rust(1).replace("part::answer() + ", "");
    write(project.path(), MAIN, &works);
    dev.comes_to(&"\"1 \"".to_owned(), |dev| dev.invoke("r", "{}").body);
}

/// Calls another function, and gets media.
const CALLING: &str = "
const cloud = require('wx-server-sdk')
cloud.init()
exports.main = async (event) => {
  const { result } = await cloud.callFunction({ name: 'g', data: { from: 'f' } })
  const media = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: 'sample' })
    .then(({ buffer }) => buffer.length, ({ errCode }) => errCode)
  return { result, media }
}";

#[test]
fn the_user_is_kept_from_function_to_function_and_permissions_hold_at_once() {
    let project = crate::node_functions::project("f", &[("index.js", CALLING)]);
    write(
        project.path(),
        "functions/g/index.js",
        "exports.main = async ({ from, userInfo }) => ({ from, userInfo, source: process.env.TCB_SOURCE })",
    );
    write(project.path(), CONFIG, r#"{"timeout": 60}"#);
    let dev = Dev::start(project.path(), &["--appid", "wx1"]);
    let called = |caller: &str| {
        let reply = dev.invoke_as("f", "{}", &[("x-wx-openid", caller)]);
        assert_eq!(reply.status, 200, "{reply:?}");
        let id = reply.header("x-request-id").expect("an id").to_owned();
        (reply.json(), id)
    };
    let expected = |caller: &str, media: i64| {
        let user = json!({"appId": "wx1", "openId": caller});
        json!({"result": {"from": "f", "userInfo": user, "source": "wx_client,scf"}, "media": media})
    };
    let (denied, first) = called("o1");
    assert_eq!(denied, expected("o1", -604_101));
    let config =
        r#"{"timeout": 60, "permissions": {"openapi": ["customerServiceMessage.getTempMedia"]}}"#;
    write(project.path(), CONFIG, config);
    let (permitted, second) = called("o2");
    assert_eq!(permitted, expected("o2", 112_525));

    let journal = dev.get("/_cloudcall/journal").json();
    let entries = journal["entries"].as_array().expect("a list");
    let of =
        |kind: &str| -> Vec<&Value> { entries.iter().filter(|it| it["type"] == kind).collect() };
    let calls: Vec<_> = of("call")
        .iter()
        .map(|it| {
            json!([
                it["function"],
                it["requestId"],
                it["verdict"],
                it["errCode"],
                it["bytes"]
            ])
        })
        .collect();
    assert_eq!(
        calls,
        [
            json!(["f", first, "denied", -604_101, 0]),
            json!(["f", second, "permitted", 0, 112_525])
        ]
    );
    let invocations: Vec<_> = of("invocation")
        .iter()
        .map(|it| {
            json!([
                it["function"],
                it["source"],
                it["caller"]["openId"],
                it["status"]
            ])
        })
        .collect();
    assert_eq!(
        invocations,
        [
            json!(["g", "call-function", "o1", 200]),
            json!(["f", "http", "o1", 200]),
            json!(["g", "call-function", "o2", 200]),
            json!(["f", "http", "o2", 200])
        ]
    );
    let reloads = of("reload");
    assert_eq!(
        reloads[0]["changes"],
        json!(["+customerServiceMessage.getTempMedia"])
    );
}

#[test]
fn cloud_calls_of_rust_functions_are_in_the_journal_each_with_its_invocation() {
    let dev = Dev::start(
        crate::tool::root(),
        &[
            "--functions",
            &in_root("functions"),
            "--media",
            &in_root("media"),
            "--log-format",
            "json",
        ],
    );
    let reply = dev.invoke("get-temp-media", r#"{"mediaId":"sample"}"#);
    assert_eq!(reply.status, 200, "{reply:?}");
    let journal = dev.get("/_cloudcall/journal?type=call").json();
    let call = &journal["entries"][0];
    assert_eq!(call["api"], "customerServiceMessage.getTempMedia");
    assert_eq!(
        call["requestId"],
        reply.header("x-request-id").expect("an id")
    );
    assert_eq!(call["bytes"], 112_525);
}
