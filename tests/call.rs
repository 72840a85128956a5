//! `cloudcall call` on the emulator.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::seen::assert_seen;
use crate::servers::Untouched;
use crate::tool::{cloudcall, in_root, output, root, stderr, stdout};

pub(crate) const GET: &str = "customerServiceMessage.getTempMedia";

pub(crate) fn call(arguments: &[&str]) -> Command {
    call_in(root(), arguments)
}

pub(crate) fn call_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cloudcall(folder);
    command.arg("call").args(arguments);
    command
}

/// A project that permits nothing.
fn closed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::write(
        folder.path().join("config.json"),
        r#"{"permissions":{"openapi":[]}}"#,
    )
    .expect("written");
    folder
}

fn sample() -> Vec<u8> {
    fs::read(root().join("media/sample.jpg")).expect("the sample")
}

#[test]
fn the_sample_is_written_whole() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let mut run = call_in(folder.path(), &[GET, "mediaId=sample", "-o", "sample.jpg"]);
    run.args(["--config", &in_root("config.json")])
        .args(["--media", &in_root("media")]);
    assert_seen!("call-sample", &mut run);
    let written = fs::read(folder.path().join("sample.jpg")).expect("written");
    assert!(written == sample());
}

#[test]
fn the_sample_is_printed_whole() {
    let output = output(&mut call(&[GET, "--data", r#"{"mediaId":"sample"}"#]));
    let reply: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(reply["contentType"], "image/jpeg");
    let buffer = reply["buffer"].as_str().expect("base64");
    assert!(STANDARD.decode(buffer).expect("base64") == sample());
}

#[test]
fn a_pair_comes_before_the_data_of_a_file_and_variables_name_the_config() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::write(folder.path().join("data.json"), r#"{"mediaId":"nope"}"#).expect("written");
    let mut run = call_in(folder.path(), &[GET, "--data", "@data.json"]);
    run.args(["--media", &in_root("media")])
        .env("CLOUDCALL_CONFIG", in_root("config.json"));
    assert!(stdout(&output(&mut run)).starts_with(r#"{"errCode":40007,"#));
    let output = output(run.arg("mediaId=sample"));
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn errors_are_json_on_stdout_and_a_line_with_a_hint_on_stderr() {
    assert_seen!("call-unknown-media", &mut call(&[GET, "mediaId=nope"]));
    assert_seen!("call-no-media-id", &mut call(&[GET]));
    assert_seen!(
        "call-unknown-api",
        &mut call(&["customerServiceMessage.getTmpMedia"])
    );
    let empty = tempfile::tempdir().expect("a temp folder");
    assert_seen!(
        "call-no-config",
        &mut call_in(empty.path(), &[GET, "mediaId=sample"])
    );
}

#[test]
fn a_call_that_is_not_permitted_sends_nothing() {
    let server = Untouched::start();
    let closed = closed();
    let mut run = call_in(closed.path(), &[GET, "mediaId=sample"]);
    assert_seen!(
        "call-not-permitted",
        run.args(["--api-base", &server.url])
            .env("WECHAT_APPID", "wx-test")
            .env("WECHAT_SECRET", "s3cret")
    );
    server.assert();
}

#[test]
fn wrong_usage_prints_nothing_on_stdout() {
    assert_seen!("call-no-pair", &mut call(&[GET, "mediaId"]));
    assert_seen!(
        "call-pair-twice",
        &mut call(&[GET, "mediaId=a", "mediaId=b"])
    );
    assert_seen!("call-no-object", &mut call(&[GET, "--data", "[1]"]));
    assert_seen!(
        "call-named-config-missing",
        &mut call(&[GET, "--config", "no-such.json"])
    );
    assert_seen!(
        "call-live-without-credentials",
        &mut call(&[GET, "mediaId=x", "--live"])
    );
    assert_seen!(
        "call-no-url",
        &mut call(&[GET, "mediaId=x", "--api-base", "localhost"])
    );
}
