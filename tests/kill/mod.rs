//! `kill -9` in mid-work: of the runner, of a worker, of a guard. No process and no folder is
//! left, no answer is wrong, and the next invocation is fine.
//!
//! The runner is killed 20 times and workers are, or as often as `CLOUDCALL_KILLS` says:
//! `CLOUDCALL_KILLS=100 cargo test -p cloudcall-tests --test end-to-end kill::`.

mod guard;
mod runner;
mod worker;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node_functions;
use crate::tool::{binary, build, ended, in_its_environment, in_root, output, stderr, stdout};

/// When the tool is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// This many microseconds after its start.
    After(u64),
    /// When stdin is closed.
    Told,
    Never,
}

/// What became of a tool that was to be killed.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Killed,
    /// It had ended itself before.
    Ended,
}

/// A project with functions in Rust and Node, and a folder for temporary files that no other run
/// uses.
struct Place {
    project: TempDir,
    temp: TempDir,
}

const NODE: &str = r"
    const cloud = require('wx-server-sdk')
    const { spawn } = require('child_process')
    cloud.init({ env: 'test' })
    exports.main = (event) => {
      if (event.do === 'text') return 'x'.repeat(event.bytes)
      if (event.do === 'relay') return cloud.callFunction({ name: 'patient-probe', data: event.event })
      spawn('sleep', ['1000'])
      const [host, port] = event.address.split(':')
      return new Promise(() => {
        const spin = () => { for (;;) {} }
        const socket = require('net').connect(port, host, () => socket.write(`${process.pid}\n`, spin))
      })
    }";

impl Place {
    fn new() -> Self {
        let project = node_functions::project(
            "node",
            &[("index.js", NODE), ("config.json", r#"{"timeout":60}"#)],
        );
        symlink(
            in_root("tests/functions/patient-probe"),
            project.path().join("functions/patient-probe"),
        )
        .expect("a link");
        let temp = tempfile::tempdir().expect("a temp folder");
        Self { project, temp }
    }

    /// A run of a program in the environment of the tool's runs, in which functions in Rust are
    /// built already.
    fn run(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = in_its_environment(Command::new(program), self.project.path());
        command
            .env("TMPDIR", self.temp.path())
            .env("CARGO", in_root("tests/kill/cargo.sh"))
            .env("CARGO_SAID", said());
        command
    }

    fn invoke(&self, function: &str, event: &Value) -> Command {
        let mut command = self.run(binary());
        command.args(["invoke", function, "-e", &event.to_string()]);
        command
    }

    /// Starts the tool below the reaper.
    fn start(&self, moment: Moment, arguments: &[&str]) -> Child {
        let mut reaper = self.reaper(moment);
        reaper.arg(binary()).args(arguments);
        reaper.spawn().expect("the reaper starts")
    }

    fn reaper(&self, moment: Moment) -> Command {
        let mut reaper = self.run(env!("CARGO_BIN_EXE_reaper"));
        reaper
            .arg(match moment {
                Moment::After(micros) => micros.to_string(),
                Moment::Told => "told".to_owned(),
                Moment::Never => "never".to_owned(),
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        reaper
    }

    /// Waits until nothing of the run is left, be it a process or a file.
    #[track_caller]
    fn nothing_left(&self, child: Child) -> (Fate, Output) {
        let output = ended(child);
        let fate = match output.status.code() {
            Some(0) => Fate::Killed,
            Some(10) => Fate::Ended,
            _ => panic!("{}: {}", output.status, stderr(&output)),
        };
        let left: Vec<_> = fs::read_dir(self.temp.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert!(left.is_empty(), "{left:?}: {}", stderr(&output));
        (fate, output)
    }

    /// The next invocation of a function gives this many letters.
    #[track_caller]
    fn next_is_right(&self, function: &str) {
        let output = output(&mut self.invoke(function, &text(3)));
        assert_eq!(stdout(&output), "\"xxx\"\n", "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(0));
    }
}

/// How many kills a test makes, of a hundred of its kind.
fn of_a_hundred(share: u64) -> u64 {
    let kills = match std::env::var("CLOUDCALL_KILLS") {
        Ok(kills) => kills.parse().expect("CLOUDCALL_KILLS is a number"),
        Err(_) => 20,
    };
    (kills * share).div_ceil(100)
}

/// What makes either function answer with so many letters.
fn text(bytes: usize) -> Value {
    json!({"do": "text", "bytes": bytes})
}

#[track_caller]
fn kill(id: i32) {
    let id = Pid::from_raw(id).expect("an id");
    kill_process(id, Signal::KILL).expect("the process lives");
}

/// The file with what cargo says of the functions in Rust, when it has built them.
fn said() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-said.json");
        let messages = build(&["--package=patient-probe"]);
        fs::write(&file, messages).expect("written");
        file
    })
}
