//! `kill -9` of a worker: of a hundred, 40 in Rust, 30 in Node, and 30 that another function has called.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Place, kill, of_a_hundred};
use crate::servers::Announced;
use crate::tool::{ended, stderr, stdout};

const KILLED: &str = "the function's process ended before it answered (signal: 9 (SIGKILL))";

/// Kills workers that compute, and gives what the tool made of it to a check.
fn killed(function: &str, share: u64, event: impl Fn(&str) -> Value, check: impl Fn(&Value)) {
    let place = Place::new();
    for _ in 0..of_a_hundred(share) {
        let announced = Announced::start();
        let mut run = place.invoke(function, &event(&announced.address));
        run.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = run.spawn().expect("the binary starts");
        kill(announced.wait().id);
        let output = ended(run);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let answer = stdout(&output);
        check(&serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer:?}")));
        place.next_is_right(function);
    }
}

fn spin(address: &str) -> Value {
    json!({"do": "spin", "address": address})
}

fn is_the_platforms_error(answer: &Value) {
    assert_eq!(answer["errorCode"], -1, "{answer}");
    let message = answer["errorMessage"].as_str().expect("a message");
    assert!(message.starts_with(KILLED), "{message}");
}

#[test]
fn a_rust_worker_that_is_killed_fails_its_invocation() {
    killed("patient-probe", 40, spin, is_the_platforms_error);
}

#[test]
fn a_node_worker_that_is_killed_fails_its_invocation() {
    killed("node", 30, spin, is_the_platforms_error);
}

#[test]
fn a_worker_that_is_killed_fails_the_call_of_another_function() {
    let relayed = |address: &str| json!({"do": "relay", "event": spin(address)});
    killed("node", 30, relayed, |answer| {
        assert_eq!(answer["errorMessage"], "user code exception caught");
        let trace = answer["stackTrace"].as_str().expect("a stack trace");
        assert!(trace.contains(KILLED), "{trace}");
    });
}
