//! What a function may do to its runner, and what it is given, with the probe in `functions`.

use std::process::Command;

use serde_json::{Value, json};

use crate::invoke::{invoke, json_of};
use crate::seen::assert_seen;
use crate::servers::{Held, Untouched};
use crate::tool::{output, stderr};

/// The function that does what its event says. Its time limit is the platform's, 3 seconds.
fn probe(event: &Value) -> Command {
    of_the_tests("probe", event)
}

fn of_the_tests(function: &str, event: &Value) -> Command {
    let event = event.to_string();
    invoke(&[function, "--functions", "tests/functions", "-e", &event])
}

#[test]
fn a_function_may_fail_in_any_way() {
    assert_seen!("invoke-error", &mut probe(&json!({"do": "fail"})));
    assert_seen!("invoke-exit", &mut probe(&json!({"do": "exit", "code": 7})));
    assert_seen!("invoke-panic", &mut probe(&json!({"do": "panic"})));
    assert_seen!(
        "invoke-wrong-event",
        &mut probe(&json!({"do": "unheard of"}))
    );
}

#[test]
fn what_a_function_prints_is_talk_with_its_name() {
    assert_seen!(
        "invoke-prints",
        &mut probe(&json!({"do": "print", "text": "to be read\nin two lines"}))
    );
}

#[test]
fn a_call_that_is_not_permitted_sends_nothing() {
    let server = Untouched::start();
    let mut run = probe(&json!({"do": "get", "mediaId": "sample"}));
    assert_seen!(
        "invoke-not-permitted",
        run.args(["--api-base", &server.url])
            .env("WECHAT_APPID", "wx-test")
            .env("WECHAT_SECRET", "s3cret")
    );
    server.assert();
}

#[test]
fn a_function_is_told_its_limits_and_its_caller() {
    let mut run = probe(&json!({"do": "tell"}));
    assert_eq!(
        json_of(run.args(["--openid", "o1"])),
        json!({"memory": 512, "milliseconds": 3000, "caller": "o1", "request": 36})
    );
}

#[test]
fn a_large_result_arrives_with_a_warning() {
    let event = json!({"do": "text", "bytes": 10_000_000});
    let output = output(&mut of_the_tests("patient-probe", &event));
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
        .env("CLOUDCALL_REDIS_URL", "redis://canary")
        .env("CARGO_PKG_NAME", "of `cargo run`");
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

#[test]
fn after_the_time_limit_nothing_of_the_function_is_left() {
    let held = Held::start();
    assert_seen!(
        "invoke-time-limit",
        &mut probe(&json!({"do": "hold", "address": held.address}))
    );
    held.all_came();
    held.all_gone();
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_no_process() {
    use std::process::Stdio;

    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let held = Held::start();
        let mut run = of_the_tests(
            "patient-probe",
            &json!({"do": "hold", "address": held.address}),
        );
        run.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = run.spawn().expect("the binary starts");
        held.all_came();
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
        held.all_gone();
        assert_eq!(crate::tool::ended(child).status.code(), Some(code));
    }
}
