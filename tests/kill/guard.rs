//! The guards: of builds and commands, one that is killed itself, and one that nobody asked for.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, getpgid, kill_process};
use serde_json::json;

use super::{Fate, Moment, Place, kill};
use crate::servers::Announced;
use crate::tool::{binary, output, root, stderr, stdout};

/// The tool's stdout, to be read while it runs.
fn lines(run: &mut Child) -> BufReader<ChildStdout> {
    BufReader::new(run.stdout.take().expect("piped"))
}

fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

#[test]
fn a_guard_that_is_killed_is_not_missed_in_an_orderly_end() {
    let place = Place::new();
    let announced = Announced::start();
    let event = json!({"do": "wait", "address": announced.address}).to_string();
    let run = place.start(Moment::Never, &["invoke", "patient-probe", "-e", &event]);
    let at_work = announced.wait();
    let worker = Pid::from_raw(at_work.id);
    let guard = getpgid(worker).expect("the worker lives");
    assert_ne!(Some(guard), worker, "the guard leads the group");
    kill(guard.as_raw_pid());
    drop(at_work);
    let (fate, output) = place.nothing_left(run);
    assert_eq!(fate, Fate::Ended);
    assert_eq!(stdout(&output), "\"let go\"\n", "{}", stderr(&output));
}

#[test]
fn the_runner_killed_in_a_build_leaves_no_build() {
    const BUILD: &str = r#"
        use std::io::{Read, Write};
        fn main() {
            let address = std::env::var("KILL_ADDRESS").unwrap();
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            writeln!(stream, "{}", std::process::id()).unwrap();
            loop { std::hint::spin_loop() }
        }"#;
    let place = Place::new();
    let folder = place.project.path().join("functions/slow");
    fs::create_dir_all(folder.join("src")).expect("the function's folder");
    let manifest = "[package]\nname = \"slow\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    fs::write(folder.join("build.rs"), BUILD).expect("written");
    fs::write(folder.join("src/main.rs"), "fn main() {}").expect("written");

    let announced = Announced::start();
    let mut run = place.reaper(Moment::Told);
    run.arg(binary())
        .args(["invoke", "slow"])
        .env("CARGO", std::env::var_os("CARGO").expect("by cargo"))
        .env("CARGO_TARGET_DIR", place.project.path().join("target"))
        .env("KILL_ADDRESS", &announced.address);
    let mut run = run.spawn().expect("the reaper starts");
    let _building = announced.wait();
    drop(run.stdin.take());
    let (fate, _) = place.nothing_left(run);
    assert_eq!(fate, Fate::Killed);
}

/// A build or an update takes its file away; the worker's guard is started after that.
#[test]
fn a_tool_whose_file_is_gone_is_guarded() {
    let place = Place::new();
    let file = place.project.path().join("cloudcall");
    fs::copy(binary(), &file).expect("copied");
    let cargo = place.project.path().join("cargo.sh");
    let script = format!("#!/bin/sh\nrm '{}'\ncat \"$CARGO_SAID\"\n", file.display());
    fs::write(&cargo, script).expect("written");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("set");

    let announced = Announced::start();
    let event = json!({"do": "spin", "address": announced.address}).to_string();
    let mut run = place.reaper(Moment::Told);
    run.arg(&file)
        .args(["invoke", "patient-probe", "-e", &event])
        .env("CARGO", &cargo);
    let mut run = run.spawn().expect("the reaper starts");
    let _at_work = announced.wait();
    assert!(!file.exists());
    drop(run.stdin.take());
    let (fate, output) = place.nothing_left(run);
    assert_eq!((fate, stderr(&output).as_str()), (Fate::Killed, ""));
}

/// A signal that is passed on to the group does not end its guard.
#[test]
fn a_command_that_defies_a_signal_ends_with_the_tool_that_is_killed() {
    let place = Place::new();
    let script = "trap 'echo defied' TERM; sleep 1000 & echo $PPID; while :; do wait; done";
    let mut run = place.start(Moment::Told, &["exec", "--", "sh", "-c", script]);
    let mut stdout = lines(&mut run);
    let tool = Pid::from_raw(line(&mut stdout).parse().expect("an id")).expect("an id");
    kill_process(tool, Signal::TERM).expect("it lives");
    assert_eq!(line(&mut stdout), "defied");
    drop(run.stdin.take());
    let (fate, _) = place.nothing_left(run);
    assert_eq!(fate, Fate::Killed);
}

/// There the command shares the group of the tool and, in a script, of the shell.
#[test]
fn at_a_terminal_the_command_ends_with_the_tool_and_the_shell_lives_on() {
    let place = Place::new();
    let command = "test -t 0 && echo at a terminal; kill -9 $PPID; exec sleep 1000";
    let shell = format!(
        "{} exec -- sh -c '{command}'; echo the shell lives on",
        binary().display()
    );
    let mut run = place.reaper(Moment::Never);
    // From util-linux.
    run.args(["script", "--quiet", "--command", &shell, "/dev/null"]);
    let mut run = run.spawn().expect("the reaper starts");
    let mut said = String::new();
    lines(&mut run).read_to_string(&mut said).expect("text");
    assert!(said.contains("at a terminal"), "{said}");
    assert!(said.contains("the shell lives on"), "{said}");
    let (fate, _) = place.nothing_left(run);
    assert_eq!(fate, Fate::Ended);
}

#[test]
fn a_guard_that_nobody_needs_says_so_and_ends_nobody() {
    let output = output(crate::tool::cloudcall(root()).arg("guard"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: guard is a part of the tool, which starts it itself\n\
         hint: see cloudcall --help for what there is to use\n"
    );
}
