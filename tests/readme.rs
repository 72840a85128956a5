//! The commands of the README's "Daily work" and "In CI", each run as it stands there.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::dev_server::Dev;
use crate::tool::{binary, in_its_environment, in_root, output, root, stderr, stdout};

/// The usual address of `dev`, in whose place a test has its own.
const USUAL: &str = "http://127.0.0.1:9527";

/// The tests of the function, which the README does not show.
const TESTS: &str = "const test = require('node:test')
const assert = require('node:assert')
const { main } = require('./index')

test('answers a user who sends an image', async () => {
  assert.strictEqual(await main({ FromUserName: 'o1', MediaId: 'sample' }), 'success')
})
";

/// The text below a heading, up to the next one.
fn section(heading: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let start = format!("\n## {heading}\n");
    let (_, rest) = readme.split_once(&start).expect(heading);
    rest.split("\n## ").next().unwrap_or(rest).to_owned()
}

/// The code blocks in a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let block = |rest: &str| rest.split("```").next().unwrap_or_default().to_owned();
    text.split(&fence).skip(1).map(block).collect()
}

/// The only block in a language.
#[track_caller]
fn block(text: &str, language: &str) -> String {
    let mut all = blocks(text, language);
    assert_eq!(all.len(), 1, "{language}: {all:?}");
    all.remove(0)
}

/// The project of which the README speaks, with the function that it shows.
fn project() -> TempDir {
    let project = tempfile::tempdir().expect("a temp folder");
    let function = project.path().join("functions/answer-image");
    fs::create_dir_all(&function).expect("the function's folder");
    fs::create_dir(project.path().join("media")).expect("the media folder");
    let daily = section("Daily work");
    let write = |at: PathBuf, text: &str| fs::write(at, text).expect("a file");
    write(function.join("index.js"), &block(&daily, "js"));
    write(function.join("config.json"), &block(&daily, "json"));
    write(function.join("index.test.js"), TESTS);
    write(
        project.path().join("event.json"),
        r#"{"FromUserName":"o1","MediaId":"sample"}"#,
    );
    let copy = |from: &str, to: PathBuf| fs::copy(in_root(from), to).expect("a copy");
    copy("media/sample.jpg", project.path().join("media/sample.jpg"));
    for file in ["package.json", "package-lock.json"] {
        let from = format!("functions/get-temp-media-node/{file}");
        copy(&from, function.join(file));
    }
    project
}

/// A shell in the project that finds `cloudcall` in a folder, and packages where they were
/// downloaded before.
fn shell(project: &Path, tools: &Path, line: &str) -> Command {
    let mut command = in_its_environment(Command::new("sh"), project);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path));
    command
        .args(["-ec", line])
        .env("PATH", std::env::join_paths(folders).expect("a PATH"))
        .env("npm_config_prefer_offline", "true")
        .env("npm_config_audit", "false");
    command
}

/// Runs the line to its end, and gives what it has written on stdout.
#[track_caller]
fn run(project: &Path, tools: &Path, line: &str) -> String {
    let output = output(&mut shell(project, tools, line));
    let written = stdout(&output);
    assert!(
        output.status.success(),
        "{line}: {}\n{written}\n{}",
        output.status,
        stderr(&output)
    );
    written
}

fn tools() -> &'static Path {
    binary().parent().expect("it is in a folder")
}

#[test]
fn the_commands_of_daily_work_do_what_they_say() {
    let daily = section("Daily work");
    let project = project();
    let folder = project.path();
    run(folder, tools(), "npm ci --prefix functions/answer-image");
    let dev = Dev::start(folder, &[]);
    let (_, port) = dev.address.rsplit_once(':').expect("a port");

    let console = block(&daily, "console");
    let (command, printed) = console.split_once('\n').expect("a command and its output");
    let push = command.strip_prefix("$ ").expect("a prompt");
    let pushed = run(folder, tools(), &format!("{push} --port {port}"));
    assert_eq!(pushed, printed);

    let mut ran = Vec::new();
    for block in blocks(&daily, "sh") {
        let block = block
            .replace(USUAL, &format!("http://{}", dev.address))
            .replace("cloudcall env", &format!("cloudcall env --port {port}"));
        if block.contains("cloudcall env") {
            // One shell for all lines: the first sets what the second needs.
            let tested = run(folder, tools(), &block);
            assert!(tested.contains("pass 1"), "{tested}");
            ran.push("env");
            continue;
        }
        for line in block.lines() {
            if line == "cloudcall dev" {
                ran.push("dev");
            } else if line.contains("/functions/") {
                let answer = run(folder, tools(), line);
                assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
                assert!(answer.contains("x-request-id: "), "{answer}");
                assert!(answer.ends_with("\"success\""), "{answer}");
                ran.push("invoke");
            } else if line.contains("/stream?") {
                let entry = first_entry(folder, line);
                assert!(entry.contains("getTempMedia"), "{entry}");
                ran.push("stream");
            } else {
                let list = run(folder, tools(), line);
                let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
                let entries = list["entries"].as_array().expect("entries");
                // The push and the request, each with two Cloud Calls.
                assert_eq!(entries.len(), 4, "{list}");
                assert!(entries.iter().all(|entry| entry["errCode"] == 0), "{list}");
                ran.push("list");
            }
        }
    }
    assert_eq!(ran, ["dev", "invoke", "list", "stream", "env"]);
}

/// The first entry of a stream that has no end.
fn first_entry(folder: &Path, line: &str) -> String {
    let mut child = shell(folder, tools(), &format!("exec {line}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut lines = stdout.lines().map_while(Result::ok);
    let entry = lines.find(|line| line.starts_with("data:"));
    child.kill().expect("it runs");
    child.wait().expect("the end");
    entry.expect("an entry")
}

#[test]
fn the_workflow_passes_on_a_machine_that_has_nothing_of_ours() {
    let ci = section("In CI");
    let project = project();
    let folder = project.path();
    // Recorded by somebody before.
    run(folder, tools(), "npm ci --prefix functions/answer-image");
    run(folder, tools(), block(&ci, "sh").trim());
    assert!(folder.join("session.json").is_file());
    fs::remove_dir_all(folder.join("functions/answer-image/node_modules")).expect("installed");
    // What follows installs the tool, and has no other.
    let installed = tempfile::tempdir().expect("a temp folder");
    let tools = installed.path().join("bin");

    let workflow = block(&ci, "yaml");
    let commands: Vec<_> = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: "))
        .collect();
    assert_eq!(commands.len(), 5, "{workflow}");
    for command in commands {
        let mut line = command.replace(".cloudcall", root().to_str().expect("UTF-8"));
        if line.starts_with("cargo install ") {
            // As the tests have built it: a release takes minutes.
            let to = installed.path().to_str().expect("UTF-8");
            line.push_str(&format!(" --debug --root {to}"));
        }
        let written = run(folder, &tools, &line);
        match command.split(' ').nth(1) {
            Some("check") => assert_eq!(written, "", "annotations"),
            Some("exec") => assert!(written.contains("pass 1"), "{written}"),
            Some("invoke") => assert_eq!(written, "\"success\"\n"),
            _ => {}
        }
    }
}
