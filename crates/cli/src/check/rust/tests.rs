//! The forms that calls take in Rust.

use std::path::PathBuf;

use super::*;
use crate::check::text::Text;

fn uses(files: &[(&str, &str)]) -> Uses {
    let sources: Vec<_> = files
        .iter()
        .map(|(name, text)| Source {
            path: PathBuf::from(name),
            name: (*name).into(),
            text: Text::new(text),
            not_utf8: None,
        })
        .collect();
    read(&sources)
}

/// The APIs that a file calls, in order, and how many calls cannot be told.
fn found(text: &str) -> (Vec<String>, usize) {
    let uses = uses(&[("src/main.rs", text)]);
    assert!(uses.errors.is_empty(), "{text}: {:?}", uses.errors);
    let calls = uses.calls.into_iter().map(|(api, _)| api).collect();
    (calls, uses.unclear.len())
}

const GET: &str = "customerServiceMessage.getTempMedia";
const SEND: &str = "customerServiceMessage.send";

#[test]
fn every_way_to_name_a_function_is_followed() {
    for text in [
        "fn f() { cloudcall::openapi::customer_service_message::send(&c, m).await; }",
        "fn f() { ::cloudcall::openapi::customer_service_message::send(&c, m).await; }",
        "use cloudcall::openapi::customer_service_message::send; fn f() { send(&c, m).await; }",
        "use cloudcall::openapi::customer_service_message::{GetTempMedia, send as post}; fn f() { post(&c, m).await; }",
        "use cloudcall::{Cloud, openapi::{self, customer_service_message as csm}}; fn f() { csm::send(&c, m).await; }",
        "use cloudcall::openapi::{self as api}; fn f() { api::customer_service_message::send(&c, m).await; }",
        "use cloudcall as wx; fn f() { wx::openapi::customer_service_message::send(&c, m).await; }",
        "use cloudcall::openapi::customer_service_message::*; fn f() { send(&c, m).await; }",
        "use cloudcall::openapi::*; fn f() { customer_service_message::send(&c, m).await; }",
        "use cloudcall::openapi; use openapi::customer_service_message; fn f() { customer_service_message::send(&c, m).await; }",
        "fn f() { use cloudcall::openapi::customer_service_message as m; m::send(&c, x).await; }",
        "use cloudcall::openapi::customer_service_message::send; mod a { use super::send; fn f() { send(&c, m).await; } }",
        "use cloudcall::openapi::customer_service_message as m; mod a { use super::*; fn f() { m::send(&c, x).await; } }",
        "use cloudcall::openapi::customer_service_message::send; fn f() { tokio::try_join!(send(&c, m), other()); }",
        "use cloudcall::openapi::customer_service_message::send; fn f() { stream.then(|m| send(&c, m)).map(wrap); }",
        r#"use cloudcall::openapi; fn f() { openapi::call(&cloud, "customerServiceMessage.send", json!({})).await; }"#,
        r##"use cloudcall::openapi::call; fn f() { call(&cloud, r#"customerServiceMessage.send"#, json!({})).await; }"##,
        r#"const API: &str = "customerServiceMessage.send"; fn f() { cloudcall::openapi::call(&cloud, API, x).await; }"#,
    ] {
        assert_eq!(found(text), (vec![SEND.to_owned()], 0), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_call_is_none() {
    for text in [
        "// cloudcall::openapi::customer_service_message::send(&c, m)\nfn f() {}",
        "/* /* send */ cloudcall::openapi::call(&c, \"x.y\", z) */ fn f() {}",
        r#"fn f() { print("cloudcall::openapi::customer_service_message::send(&c, m)"); }"#,
        "use cloudcall::openapi::customer_service_message::send;",
        "use cloudcall::openapi::customer_service_message::GetTempMedia; fn f(x: GetTempMedia) { GetTempMedia::new(\"a\"); }",
        "use cloudcall::openapi::customer_service_message::send; fn f() { mpsc.send(1); Message { send: 1 }; }",
        "use cloudcall::openapi::customer_service_message::send; mod a { fn send() {} fn f() { send(); } }",
        "use cloudcall::openapi::customer_service_message::send; #[cfg(test)] mod tests { use super::*; fn f() { send(&c, m); } }",
        "use cloudcall::openapi::customer_service_message::send; fn f() { let send = 1; let mut send = 2; }",
        "fn send() {} fn f() { send(); other::openapi::call(&c, \"a.b\", x); }",
    ] {
        assert_eq!(found(text), (Vec::new(), 0), "{text}");
    }
}

#[test]
fn names_that_are_not_written_down_are_said() {
    for text in [
        "use cloudcall::openapi; fn f(api: &str) { openapi::call(&cloud, api, x).await; }",
        "use cloudcall::openapi; fn f() { openapi::call(&cloud, &format!(\"{}.send\", a), x).await; }",
        "use cloudcall::openapi; fn f() { let call = openapi::call; }",
        "use cloudcall::openapi::customer_service_message as m; fn f() { m::from_the_future(&c).await; }",
    ] {
        assert_eq!(found(text), (Vec::new(), 1), "{text}");
    }
}

#[test]
fn other_files_of_the_package_share_what_the_root_imports() {
    let uses = uses(&[
        (
            "src/main.rs",
            "mod helper; use cloudcall::openapi::customer_service_message as csm; const API: &str = \"customerServiceMessage.getTempMedia\";",
        ),
        (
            "src/helper.rs",
            "use crate::csm;\nfn f() { csm::send(&c, m); cloudcall::openapi::call(&c, crate::API, x); }",
        ),
    ]);
    let calls: Vec<_> = uses.calls.iter().map(|(api, _)| api.as_str()).collect();
    assert_eq!(calls, [SEND, GET]);
}

#[test]
fn places_are_bytes_of_the_file() {
    let text = "// 中文\nfn f() { cloudcall::openapi::customer_service_message::send::<A>(&c); }";
    let uses = uses(&[("src/main.rs", text)]);
    let spot = &uses.calls[0].1;
    assert_eq!(
        &text[spot.start..spot.end],
        "cloudcall::openapi::customer_service_message::send::<A>"
    );
}

#[test]
fn what_does_not_parse_is_an_error() {
    let uses = uses(&[("src/main.rs", "fn f() { ( }")]);
    assert_eq!(uses.errors.len(), 1);
}
