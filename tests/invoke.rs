//! `cloudcall invoke` with the function of the request example, and wrong usage.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::seen::assert_seen;
use crate::tool::{cloudcall, ended, in_root, output, root, stderr, stdout};

const SAMPLE: &str = r#"{"mediaId":"sample"}"#;
const UNKNOWN: &str = r#"{"mediaId":"nope"}"#;

pub(crate) fn invoke(arguments: &[&str]) -> Command {
    let mut command = cloudcall(root());
    command.arg("invoke").args(arguments);
    command
}

/// Invokes the example from elsewhere.
fn invoke_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cloudcall(folder);
    command
        .args(["invoke", "get-temp-media"])
        .args(["--functions", &in_root("functions")])
        .args(["--media", &in_root("media")])
        .args(arguments);
    command
}

pub(crate) fn json_of(command: &mut Command) -> Value {
    let output = output(command);
    serde_json::from_str(&stdout(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
}

fn sample() -> Vec<u8> {
    fs::read(root().join("media/sample.jpg")).expect("the sample")
}

#[test]
fn the_sample_is_written_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let mut run = invoke_in(folder.path(), &["-e", SAMPLE, "-o", "sample.jpg"]);
    assert_seen!("invoke-sample", &mut run);
    let written = fs::read(folder.path().join("sample.jpg")).expect("written");
    assert!(written == sample());
}

#[test]
fn the_sample_is_in_the_result_byte_for_byte() {
    let result = json_of(&mut invoke(&["get-temp-media", "-e", SAMPLE]));
    let buffer = result["buffer"].as_str().expect("base64");
    assert!(STANDARD.decode(buffer).expect("base64") == sample());
}

#[test]
fn an_error_that_the_function_returns_is_its_result() {
    assert_seen!(
        "invoke-unknown-media",
        &mut invoke(&["get-temp-media", "-e", UNKNOWN])
    );
    assert_seen!(
        "invoke-empty-media",
        &mut invoke(&["get-temp-media", "-e", r#"{"mediaId":""}"#])
    );
}

#[test]
fn no_file_is_written_for_an_error() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let mut run = invoke_in(folder.path(), &["-e", UNKNOWN, "-o", "nope.jpg"]);
    assert_seen!("invoke-no-buffer", &mut run);
    let files = fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(files.count(), 0);
}

#[test]
fn an_event_comes_from_a_file() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::write(folder.path().join("event.json"), UNKNOWN).expect("written");
    let mut run = invoke_in(folder.path(), &["-e", "@event.json"]);
    assert_eq!(json_of(&mut run)["errCode"], 40007);
}

#[test]
fn an_event_comes_from_stdin() {
    let mut run = invoke(&["get-temp-media", "-e", "-"]);
    run.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = run.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(UNKNOWN.as_bytes()).expect("to write");
    drop(stdin);
    let output = ended(child);
    assert!(
        stdout(&output).starts_with(r#"{"errCode":40007,"#),
        "{output:?}"
    );
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
