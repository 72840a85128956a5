//! The cases of the micro-benchmarks: what a call does beside waiting, each on its own.
//!
//! divan times them (`cargo bench --package=cloudcall-micro`), and `cargo xtask instructions`
//! counts their instructions.

use std::fmt::Write as _;
use std::hint::black_box;

use cloudcall::bytes::Bytes;
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::serde_json::{self, Value, json};
use cloudcall::{Buffer, Cloud, Permissions, micro, tokio};
use cloudcall_emulator::Emulator;

/// A case: its name, and what makes the work to repeat.
#[derive(Clone, Copy)]
pub struct Case {
    /// What is measured, and of which size.
    pub name: &'static str,
    /// Makes the input once; each call of the result does the work once.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every case.
pub const CASES: &[Case] = &[
    case("reply: {errcode, errmsg}", || {
        reply(r#"{"errcode":0,"errmsg":"ok"}"#.to_owned())
    }),
    case("reply: 100 objects", || reply(objects(100).to_string())),
    case("reply: an integer beyond 64 bits", || {
        reply(r#"{"errcode":0,"id":123456789012345678901234567890}"#.to_owned())
    }),
    case("case: to camelCase, 100 objects", || {
        let value = objects(100);
        Box::new(move || {
            black_box(micro::to_camel(black_box(value.clone())));
        })
    }),
    case("case: to snake_case, 100 objects", || {
        let value = micro::to_camel(objects(100));
        Box::new(move || {
            black_box(micro::to_snake(black_box(value.clone())));
        })
    }),
    case("protobuf: a call of 2 parameters", || protobuf(2)),
    case("protobuf: a call of 100 parameters", || protobuf(100)),
    case("a call: media of 1 KB, without a socket", call),
    case("base64: write 100 KB", || {
        let buffer = Buffer::new(media(100_000));
        Box::new(move || {
            black_box(serde_json::to_string(black_box(&buffer)).expect("a text"));
        })
    }),
    case("base64: read 100 KB", || {
        let text = serde_json::to_string(&Buffer::new(media(100_000))).expect("a text");
        Box::new(move || {
            black_box(serde_json::from_str::<Buffer>(black_box(&text)).expect("base64"));
        })
    }),
];

const fn case(name: &'static str, prepare: fn() -> Box<dyn FnMut()>) -> Case {
    Case { name, prepare }
}

fn reply(body: String) -> Box<dyn FnMut()> {
    Box::new(move || {
        black_box(micro::parse_reply(black_box(body.as_bytes())).expect("JSON"));
    })
}

/// The parameters of a call, read as the gateway reads them, and its reply written.
fn protobuf(parameters: usize) -> Box<dyn FnMut()> {
    let call = cloudcall_emulator::micro::call((0..parameters).map(|at| {
        let name = format!("parameter_{at}");
        (name, json!({"value": at}).to_string())
    }));
    let call = Bytes::from(call);
    Box::new(move || {
        let read = cloudcall_emulator::micro::read_call(black_box(call.clone()));
        assert_eq!(black_box(read), Some(parameters));
        black_box(cloudcall_emulator::micro::write_reply(black_box(
            call.clone(),
        )));
    })
}

/// All that SDK and emulator do between them, but for the network.
fn call() -> Box<dyn FnMut()> {
    let emulator = Emulator::builder().media("sample", media(1000)).seed(1);
    let emulator = emulator.build().expect("an emulator");
    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .app_secret(emulator.app_id(), emulator.app_secret())
        .transport(emulator.transport())
        .build()
        .expect("a handle");
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    Box::new(move || {
        let call = get_temp_media(black_box(&cloud), GetTempMedia::new("sample"));
        let got = black_box(runtime.block_on(call)).expect("media");
        assert_eq!(got.buffer.len(), 1000);
    })
}

/// A reply such as a list of templates is.
fn objects(count: usize) -> Value {
    (0..count)
        .map(|at| {
            let mut text = String::new();
            let _ = write!(text, "text \"{at}\" 文字");
            json!({
                "template_id": at,
                "template_title": text,
                "key_words": [{"key_word_id": at, "is_required": true, "score": 0.5}],
            })
        })
        .collect()
}

/// Bytes of every value.
fn media(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_runs_and_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for case in CASES {
            (case.prepare)()();
            assert!(names.insert(case.name), "{case} is there twice");
            assert!(!case.name.contains(['\t', '\n']), "{case}");
        }
    }
}
