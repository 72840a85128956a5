//! `cloudcall dev` under a constant load of 200 requests a second, while what it serves is edited:
//! no request is lost, and none is answered by the wrong version.
//!
//! What is right, of each function:
//!
//! - Who asks after an answer was there is never answered by an older version than that answer.
//! - Who asks after `dev` has said that a version serves is never answered by an older one.
//! - Who asks after a file was written that `dev` looks at before each invocation (of a function in
//!   Node its code and settings, of one in Rust its `config.json`) is never answered by an older one.
//! - All answers of a version are the same.
//!
//! | file | is |
//! |---|---|
//! | `load.rs` | who asks, and when |
//! | `journal.rs` | what `dev` says, read as a live stream |
//! | `rules.rs` | the rules above, for all that was asked |

mod journal;
mod load;
mod rules;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dev_server::{Dev, write};
use crate::tool::root;
use journal::Journal;
use load::{Asked, EACH, Load};
use rules::{CONFIG, Edit, permits};

/// One in Node, one in Rust.
const FUNCTIONS: [&str; 2] = ["n", "r"];

/// Longer than any edit takes until it is seen. The load goes on meanwhile.
const GUARD: Duration = Duration::from_secs(60);

/// How many answers come between two edits, at least.
const BETWEEN: usize = 100;

/// How few wait for an answer when nothing is being reloaded: those of 100 ms.
const CALM: usize = 20;

const CODE: usize = 0;
const MODULE: usize = 1;

/// Answers with its numbers, and with the errCode of a Cloud Call, which it throws if it is denied.
const NODE: &str = "
const cloud = require('wx-server-sdk')
const part = require('./lib/part.js')
cloud.init()
exports.main = async ({ call }) => {
  const told = (errCode) => `<${[CODE, part, process.env.CONFIG, errCode]}>`
  if (!call) return told(0)
  const typing = { touser: 'o1', command: 'CancelTyping' }
  const errCode = await cloud.openapi.customerServiceMessage.setTyping(typing)
    .then(({ errCode }) => errCode, ({ errCode }) => errCode)
  if (errCode === -604101) throw new Error(told(errCode))
  return told(errCode)
}";

/// The same.
const RUST: &str = r#"
use cloudcall::openapi::customer_service_message::{SetTyping, TypingCommand, set_typing};
use cloudcall::{Cloud, runtime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = Cloud::init()?;
    let config = std::env::var("CONFIG")?;
    runtime::run(move |event: serde_json::Value, _| {
        let (cloud, config) = (cloud.clone(), config.clone());
        async move {
            let told = |code: i64| format!("<{CODE},0,{config},{code}>");
            if event["call"] != true {
                return Ok(told(0));
            }
            let typing = SetTyping::new("o1", TypingCommand::CancelTyping);
            match set_typing(&cloud, typing).await {
                Ok(_) => Ok(told(0)),
                Err(error) if error.err_code() == -604101 => Err(told(error.err_code())),
                Err(error) => Ok(told(error.err_code())),
            }
        }
    })
    .await?;
    Ok(())
}
"#;

/// What is edited, and what was.
struct Editor<'a> {
    project: &'a Path,
    load: &'a Load,
    edits: Vec<Edit>,
}

impl Editor<'_> {
    fn edit(&mut self, function: &'static str, part: usize, number: u64) {
        self.go_on();
        let begun = Instant::now();
        write_part(self.project, function, part, number);
        self.edits.push(Edit {
            function,
            part,
            number,
            is_decisive: function == "n" || part == CONFIG,
            begun,
            done: Instant::now(),
        });
        self.go_on();
    }

    /// Lets the load go on for some time.
    fn go_on(&self) {
        let before = self.load.answers();
        // Before it is calm, all that asks may wait for the edit before anyway.
        self.wait(|load| load.answers() >= before + BETWEEN && load.waiting() < CALM);
    }

    fn wait(&self, is_it: impl Fn(&Load) -> bool) {
        let begun = Instant::now();
        while !is_it(self.load) {
            assert!(begun.elapsed() < GUARD, "the functions do not keep up");
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

fn write_part(project: &Path, function: &str, part: usize, number: u64) {
    let (file, text) = match (function, part) {
        (_, CONFIG) => ("config.json", config(number)),
        ("n", MODULE) => ("lib/part.js", format!("module.exports = {number}")),
        ("n", _) => ("index.js", format!("const CODE = {number}\n{NODE}")),
        _ => (
            "src/main.rs",
            format!("const CODE: u64 = {number};\n{RUST}"),
        ),
    };
    write(project, &format!("functions/{function}/{file}"), &text);
}

fn config(number: u64) -> String {
    let apis: &[&str] = match permits(number) {
        true => &["customerServiceMessage.setTyping"],
        false => &[],
    };
    let config = json!({
        "timeout": 60,
        "envVariables": {"CONFIG": number.to_string()},
        "permissions": {"openapi": apis},
    });
    config.to_string()
}

/// A package of its own, outside of the workspace, with the workspace's versions and profile, so
/// that what it depends on is built with that of the other functions.
fn project() -> tempfile::TempDir {
    let project = crate::node_functions::project("n", &[]);
    for function in FUNCTIONS {
        for part in [CODE, MODULE, CONFIG] {
            write_part(project.path(), function, part, 0);
        }
    }
    let manifest = format!(
        "[package]\nname = \"r-under-load\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [dependencies]\ncloudcall = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
         serde_json = \"1\"\ntokio = {{ version = \"1\", features = [\"full\"] }}\n\
         [workspace]\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n[profile.dev.package.\"*\"]\ndebug = false\n",
        root()
    );
    write(project.path(), "functions/r/Cargo.toml", &manifest);
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the versions");
    write(project.path(), "functions/r/Cargo.lock", &lock);
    project
}

/// No function has this name: asked for, it marks the end in the journal.
const END: &str = "the-end";

/// Edits everything, with an error of the compiler in between.
fn edit_all(editor: &mut Editor<'_>, journal: &Journal) {
    let is_built = |version: u64| {
        move |entry: &Value| {
            let mut why = entry["why"].as_array().into_iter().flatten();
            let is_of_main = why.any(|file| file == "main.rs") && entry["error"].is_null();
            entry["function"] == "r" && is_of_main && entry["version"].as_u64() >= Some(version)
        }
    };
    editor.edit("n", CODE, 1);
    editor.edit("n", MODULE, 1);
    editor.edit("r", CONFIG, 1);
    editor.edit("r", CODE, 1);
    editor.edit("n", CONFIG, 1);
    journal.awaits_reload(is_built(3));
    editor.go_on();

    let broken = "functions/r/src/main.rs";
    write(editor.project, broken, "fn main() { oops }");
    journal.awaits_reload(|entry| entry["function"] == "r" && !entry["error"].is_null());
    // What was built before serves on, with other settings.
    editor.edit("r", CONFIG, 2);
    editor.edit("n", CODE, 2);
    editor.edit("r", CODE, 2);
    journal.awaits_reload(is_built(5));
    editor.edit("n", CONFIG, 2);
    editor.wait(|load| load.waiting() < CALM);
}

/// How many requests a second were answered: nearly all of the load.
fn check_rate(all: &[Asked]) {
    let first = all.iter().map(|it| it.sent).min().expect("requests");
    let last = all.iter().map(|it| it.sent).max().expect("requests");
    let end = all.iter().map(|it| it.answered).max().expect("requests");
    let rate = |end: Instant| all.len() as f64 / (end - first).as_secs_f64();
    let mut times: Vec<_> = all.iter().map(|it| it.answered - it.sent).collect();
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let told = format!(
        "{} requests in {:.1} s: {:.1} a second started, {:.1} answered; median {median:.1?}, longest {longest:.1?}",
        all.len(),
        (end - first).as_secs_f64(),
        rate(last),
        rate(end),
    );
    println!("{told}");
    let least = 0.95 / EACH.as_secs_f64();
    assert!(
        rate(last) >= least,
        "this machine is too slow to ask so often: {told}"
    );
    assert!(
        rate(end) >= least,
        "the functions do not keep up, be it for want of processors: {told}"
    );
}

#[test]
fn a_constant_load_sees_every_edit_and_loses_no_request() {
    let project = project();
    let dev = Dev::start(project.path(), &[]);
    for function in FUNCTIONS {
        // The first build may take long.
        let first = dev.invoke(function, "{}");
        assert_eq!((first.status, &*first.body), (200, "\"<0,0,0,0>\""));
    }
    let (load, journal) = (Arc::new(Load::new()), Journal::default());
    let (all, edits) = thread::scope(|scope| {
        let follow = || journal.follow(&dev.address, |entry| entry["function"] == END);
        let followed = scope.spawn(follow);
        let asked = scope.spawn(|| load.run(&dev.address));
        let mut editor = Editor {
            project: project.path(),
            load: &load,
            edits: Vec::new(),
        };
        let edited = catch_unwind(AssertUnwindSafe(|| edit_all(&mut editor, &journal)));
        // Or else nobody would wait for the panic.
        load.end();
        let all = asked.join().expect("no panic");
        assert_eq!(dev.invoke(END, "{}").status, 404);
        followed.join().expect("no panic");
        edited.unwrap_or_else(|panic| resume_unwind(panic));
        (all, editor.edits)
    });
    check_rate(&all);
    rules::check(&all, &edits, &journal);
    let answers = FUNCTIONS.map(|function| dev.invoke(function, "{}").body);
    assert_eq!(answers, ["\"<2,1,2,0>\"", "\"<2,0,2,0>\""]);
}
