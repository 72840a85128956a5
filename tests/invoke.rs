//! `cloudcall invoke` with Rust functions.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::tool::{assert_seen, cloudcall, output, root, stderr, stdout};

fn invoke(arguments: &[&str]) -> Command {
    let mut command = cloudcall(root());
    command.arg("invoke").args(arguments);
    command
}

/// The function that does what its event says. Its time limit is one second.
fn probe(event: &Value) -> Command {
    invoke(&[
        "probe",
        "--functions",
        "tests/functions",
        "-e",
        &event.to_string(),
    ])
}

fn json_of(command: &mut Command) -> Value {
    let output = output(command);
    serde_json::from_str(&stdout(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
}

#[test]
fn the_sample_arrives_byte_for_byte_in_the_result_too() {
    let result = json_of(&mut invoke(&[
        "get-temp-media",
        "-e",
        r#"{"mediaId":"sample"}"#,
    ]));
    let buffer = result["buffer"].as_str().expect("base64");
    let sample = fs::read(root().join("media/sample.jpg")).expect("the sample");
    assert_eq!(STANDARD.decode(buffer).expect("base64"), sample);
}

#[test]
fn an_error_that_the_function_returns_is_its_result() {
    assert_seen!(
        "invoke-unknown-media",
        &mut invoke(&["get-temp-media", "-e", r#"{"mediaId":"nope"}"#])
    );
    assert_seen!(
        "invoke-empty-media",
        &mut invoke(&["get-temp-media", "-e", r#"{"mediaId":""}"#])
    );
    let file = tempfile::tempdir()
        .expect("a temp folder")
        .path()
        .with_extension("jpg");
    let file = file.to_str().expect("UTF-8");
    let output = output(&mut invoke(&[
        "get-temp-media",
        "-e",
        r#"{"mediaId":"nope"}"#,
        "-o",
        file,
    ]));
    assert_eq!(output.status.code(), Some(1));
    assert!(!fs::exists(file).expect("to look"), "no file for an error");
}

#[test]
fn an_event_comes_from_a_file_or_from_stdin() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let file = folder.path().join("event.json");
    fs::write(&file, r#"{"mediaId":"nope"}"#).expect("written");
    let at_file = format!("@{}", file.display());
    assert_eq!(
        json_of(&mut invoke(&["get-temp-media", "-e", &at_file]))["errCode"],
        40007
    );

    let mut run = invoke(&["get-temp-media", "-e", "-"]);
    run.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = run.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(br#"{"mediaId":"nope"}"#).expect("to write");
    drop(stdin);
    let output = child.wait_with_output().expect("the end");
    assert!(stdout(&output).starts_with(r#"{"errCode":40007"#));
}

#[test]
fn wrong_usage_is_said_before_anything_runs() {
    assert_seen!(
        "invoke-no-json",
        &mut invoke(&["get-temp-media", "-e", "{mediaId:sample}"])
    );
    assert_seen!(
        "invoke-no-event-file",
        &mut invoke(&["get-temp-media", "-e", "@no-such-file.json"])
    );
    assert_seen!("invoke-unknown-function", &mut invoke(&["get-temp-medai"]));
    assert_seen!(
        "invoke-path-as-function",
        &mut invoke(&["../functions/get-temp-media"])
    );
    assert_seen!(
        "invoke-no-output-folder",
        &mut invoke(&["get-temp-media", "-o", "no-such-folder/x.jpg"])
    );
    assert_seen!(
        "invoke-live-without-credentials",
        &mut invoke(&["get-temp-media", "--live"])
    );
    assert_seen!(
        "invoke-no-media-folder",
        &mut invoke(&["get-temp-media", "--media", "no-such-folder"])
    );
    let empty = tempfile::tempdir().expect("a temp folder");
    let mut no_functions = cloudcall(empty.path());
    assert_seen!("invoke-no-functions", no_functions.args(["invoke", "x"]));
}

#[test]
fn a_function_may_fail_in_any_way() {
    assert_seen!("invoke-error", &mut probe(&json!({"do": "fail"})));
    assert_seen!("invoke-exit", &mut probe(&json!({"do": "exit", "code": 7})));
    assert_seen!(
        "invoke-wrong-event",
        &mut probe(&json!({"do": "unheard of"}))
    );
    let panicked = output(&mut probe(&json!({"do": "panic"})));
    assert_eq!(panicked.status.code(), Some(1));
    assert_eq!(
        stdout(&panicked),
        "{\"errorCode\":1,\"errorMessage\":\"the function panicked: it was asked to panic\"}\n"
    );
    assert!(
        stderr(&panicked).contains("[probe] it was asked to panic"),
        "{}",
        stderr(&panicked)
    );
}

#[test]
fn a_function_is_told_its_limits_and_its_caller() {
    let mut run = probe(&json!({"do": "tell"}));
    assert_eq!(
        json_of(run.args(["--openid", "o1"])),
        json!({"memory": 512, "milliseconds": 1000, "caller": "o1", "request": 36})
    );
}

#[test]
fn a_large_result_arrives_with_a_warning() {
    let output = output(&mut probe(&json!({"do": "text", "bytes": 10_000_000})));
    assert_eq!(output.stdout.len(), 10_000_003);
    assert!(
        stderr(&output).contains("warning: the result has 10000002 bytes"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_function_gets_the_variables_it_needs_and_no_credentials_of_the_user() {
    let mut run = probe(
        &json!({"do": "variables", "beginning": ["CLOUDCALL_", "WECHAT_", "PROBE_", "CARGO_PKG_"]}),
    );
    run.env("WECHAT_SECRET", "canary")
        .env("CLOUDCALL_REDIS_URL", "redis://canary");
    let mut names: Vec<String> = serde_json::from_value(json_of(&mut run)).expect("names");
    names.sort();
    assert_eq!(
        names,
        [
            "CLOUDCALL_API_BASE",
            "CLOUDCALL_CONFIG",
            "PROBE_OWN",
            "WECHAT_APPID",
            "WECHAT_SECRET"
        ]
    );
}

/// Accepts the connection of a grandchild.
fn held(listener: &TcpListener) -> std::net::TcpStream {
    let (mut stream, _) = listener.accept().expect("the grandchild connects");
    let mut word = [0; 4];
    stream.read_exact(&mut word).expect("its word");
    assert_eq!(&word, b"held");
    stream
}

#[test]
fn after_the_time_limit_nothing_of_the_function_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let waiting = std::thread::spawn(move || {
        let mut stream = held(&listener);
        // Ends only when the grandchild does, which is waiting for us.
        stream.read_to_end(&mut Vec::new()).unwrap_or_default()
    });
    assert_seen!(
        "invoke-time-limit",
        &mut probe(&json!({"do": "hold", "address": address}))
    );
    assert_eq!(waiting.join().expect("no panic"), 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_process() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let event = json!({"do": "hold", "address": address}).to_string();
    let mut run = invoke(&[
        "patient-probe",
        "--functions",
        "tests/functions",
        "-e",
        &event,
    ]);
    let mut child = run
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut stream = held(&listener);
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill").success());
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap_or_default(), 0);
    assert_eq!(child.wait().expect("the end").code(), Some(130));
}
