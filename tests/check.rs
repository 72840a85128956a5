//! `cloudcall check` over the functions of `tests/check`, without running any of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::large_project;
use crate::seen::assert_seen;
use crate::tool::{cloudcall, output, root, stderr, stdout};

/// Functions with nothing wrong about them, in every form that Cloud Calls take.
const GOOD: [&str; 21] = [
    "alias",
    "brackets",
    "class-service",
    "comments-and-strings",
    "compiled-typescript",
    "convert-case",
    "destructured",
    "es-module",
    "helper-module",
    "helper-takes-cloud",
    "nested-destructuring",
    "no-cloud-calls",
    "optional-chaining",
    "renamed-require",
    "rust-generic",
    "rust-typed",
    "send-text",
    "shadowed",
    "timer",
    "typescript",
    "with-tests",
];

/// A run in the project of `tests/check`.
fn check(arguments: &[&str]) -> Command {
    check_in(&root().join("tests/check"), arguments)
}

fn check_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cloudcall(folder);
    command.arg("check").args(arguments);
    command
}

/// A copy of the project that may be changed.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temp folder");
    copy_folder(
        &root().join("tests/check/functions"),
        &folder.path().join("functions"),
    );
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder");
    for entry in fs::read_dir(from).expect("the folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").display();
                let name = name.to_string().replace('\\', "/");
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// The document of a run with `--format json`.
fn document(mut run: Command) -> Value {
    serde_json::from_str(&stdout(&output(run.args(["--format", "json"])))).expect("JSON")
}

#[test]
fn good_functions_pass_in_silence() {
    assert_seen!("check-good", &mut check(&GOOD));
}

#[test]
fn the_functions_of_this_repository_pass() {
    let run = output(&mut check_in(root(), &["--deny-warnings"]));
    assert!(run.status.success(), "{}", stdout(&run));
}

#[test]
fn every_finding_is_shown_with_its_line() {
    assert_seen!("check-human", &mut check(&[]));
}

#[test]
fn findings_are_data_for_programs_and_github() {
    let few = ["gbk", "no-config", "newer-api", "wrong-cron", "中文函数"];
    assert_seen!("check-json", check(&few).args(["--format", "json"]));
    assert_seen!("check-github", check(&[]).args(["--format", "github"]));
}

#[test]
fn each_rule_is_found_somewhere() {
    let found = document(check(&[]));
    let findings = found["findings"].as_array().expect("findings");
    let mut ids: Vec<_> = findings.iter().map(|one| one["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    // An invalid package and an invalid trigger are in the tests of the modules.
    assert_eq!(ids.len(), 18, "{ids:?}");
    let good = |name: &Value| GOOD.iter().any(|good| name == good);
    assert!(!findings.iter().any(|one| good(&one["function"])));
}

#[test]
fn colours_are_those_of_a_terminal() {
    let mut run = check(&["wrong-cron"]);
    run.env("CLICOLOR_FORCE", "1");
    let seen = stdout(&output(&mut run));
    assert!(
        seen.starts_with("\u{1b}[1m\u{1b}[31merror[invalid-cron]\u{1b}[0m"),
        "{seen:?}"
    );
    assert!(!stdout(&output(&mut check(&["wrong-cron"]))).contains('\u{1b}'));
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let allowed = output(&mut check(&["unused"]));
    assert_eq!(allowed.status.code(), Some(0));
    let denied = output(&mut check(&["unused", "--deny-warnings"]));
    assert_eq!(denied.status.code(), Some(1));
    assert_eq!(stdout(&allowed), stdout(&denied));
}

#[test]
fn wrong_usage_and_projects_print_nothing_on_stdout() {
    assert_seen!("check-unknown-function", &mut check(&["undeclard"]));
    let empty = tempfile::tempdir().expect("a temp folder");
    assert_seen!("check-no-functions", &mut check_in(empty.path(), &[]));
    assert_seen!("check-no-format", &mut check(&["--format", "xml"]));
    fs::create_dir(empty.path().join("functions")).expect("made");
    assert_seen!("check-empty-folder", &mut check_in(empty.path(), &[]));
    let mut elsewhere = check_in(root(), &["--functions", "tests/check/functions", "alias"]);
    assert_eq!(output(&mut elsewhere).status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_the_tools_failure() {
    let full = fs::File::options().write(true).open("/dev/full");
    let mut run = check(&["wrong-cron"]);
    let ended = run.stdout(full.expect("there")).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(3), "{}", stderr(&ended));
}

#[test]
fn fix_adds_permissions_and_nothing_else() {
    let project = copy();
    let before = files(project.path());
    assert_seen!("check-fix", &mut check_in(project.path(), &["--fix"]));
    let after = files(project.path());

    let mut changed = String::new();
    for (name, bytes) in &after {
        if before.get(name) != Some(bytes) {
            assert!(name.ends_with("/config.json"), "{name}");
            let text = String::from_utf8_lossy(bytes).replace('\r', "␍");
            changed += &format!("--- {name}\n{text}\n");
        }
    }
    assert!(before.keys().all(|name| after.contains_key(name)));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("check-fixed-files", changed));

    let again = document(check_in(project.path(), &["--fix"]));
    assert_eq!(again["fixed"].as_array().map(Vec::len), Some(0));
    assert!(files(project.path()) == after);
    let undeclared = |one: &Value| one["id"] == "undeclared-api";
    let left = again["findings"].as_array().expect("findings");
    assert!(!left.iter().any(undeclared), "{left:?}");
}

#[test]
fn a_file_that_cannot_be_fixed_is_said_and_the_others_are_fixed() {
    let project = copy();
    let config = |name: &str| project.path().join(format!("functions/{name}/config.json"));
    let locked = config("undeclared");
    let mut permissions = fs::metadata(&locked).expect("there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).expect("set");
    let before = fs::read(&locked).expect("read");

    let run = check_in(
        project.path(),
        &["--fix", "undeclared", "undeclared-in-helpers"],
    );
    let found = document(run);
    assert_eq!(fs::read(&locked).expect("read"), before);
    assert_eq!(found["fixed"][0]["function"], "undeclared-in-helpers");
    let left = &found["findings"][0];
    assert_eq!(left["function"], "undeclared");
    let help = left["help"].as_str().unwrap_or_default();
    assert!(
        help.ends_with("by hand: --fix could not (the file is read-only)"),
        "{help}"
    );
}

#[test]
fn code_that_nests_without_end_is_said_to_be_unread() {
    let project = tempfile::tempdir().expect("a temp folder");
    let many = 500_000;
    for (name, text) in [
        ("calls", format!("a{}", "()".repeat(many))),
        ("else", "if (a) b;else ".repeat(many / 8)),
        ("lists", "[".repeat(many)),
        ("not", "!".repeat(many)),
    ] {
        let folder = project.path().join("functions").join(name);
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("index.js"), text).expect("written");
    }
    let found = document(check_in(project.path(), &[]));
    assert_eq!(
        (&found["errors"], &found["warnings"]),
        (&0.into(), &4.into())
    );
}

#[cfg(unix)]
#[test]
fn pipes_are_not_waited_for() {
    let project = copy();
    for name in ["config.json", "package.json", "more.js"] {
        let file = project.path().join("functions/alias").join(name);
        let _ = fs::remove_file(&file);
        let made = Command::new("mkfifo").arg(&file).status().expect("mkfifo");
        assert!(made.success());
    }
    let found = document(check_in(project.path(), &["alias"]));
    let findings = found["findings"].as_array().expect("findings");
    let ids: Vec<_> = findings.iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["invalid-config", "invalid-package"]);
}

#[test]
fn two_hundred_functions_are_read_without_their_node_modules() {
    let project = tempfile::tempdir().expect("a temp folder");
    large_project::write(project.path(), 200).expect("written");
    let found = document(check_in(project.path(), &["--deny-warnings"]));
    assert_eq!(found["functions"], 200);
    assert_eq!(found["findings"], Value::Array(Vec::new()));

    let one = project.path().join("functions/f123/lib/messages.js");
    let text = fs::read_to_string(&one).expect("there");
    fs::write(&one, text.replace("Message.send(", "Message.sent(")).expect("written");
    let found = document(check_in(project.path(), &[]));
    assert_eq!(found["errors"], 1, "{found}");
    assert_eq!(found["findings"][0]["function"], "f123");
}
