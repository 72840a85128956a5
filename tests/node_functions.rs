//! Node functions and the real `wx-server-sdk`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::tool::{cloudcall, output, root, stderr, stdout};

/// A project with one Node function of this code, which can load the real SDK.
pub(crate) fn project(name: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a temp folder");
    let folder = project.path().join("functions").join(name);
    fs::create_dir_all(&folder).expect("the function's folder");
    for (file, text) in files {
        fs::write(folder.join(file), text).expect(file);
    }
    link(
        &root().join("functions/get-temp-media-node/node_modules"),
        &project.path().join("node_modules"),
    );
    fs::create_dir(project.path().join("media")).expect("the media folder");
    let sample = root().join("media/sample.jpg");
    fs::copy(sample, project.path().join("media/sample.jpg")).expect("the sample");
    project
}

#[cfg(unix)]
fn link(to: &Path, at: &PathBuf) {
    std::os::unix::fs::symlink(to, at).expect("a link");
}

#[cfg(windows)]
fn link(to: &Path, at: &PathBuf) {
    std::os::windows::fs::symlink_dir(to, at).expect("a link");
}

const PERMITTED: (&str, &str) = (
    "config.json",
    // The limit is generous, for machines that are busy.
    r#"{"timeout":60,"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#,
);

/// What an invocation prints, and its exit code.
fn invoke(project: &Path, arguments: &[&str]) -> (Value, String, Option<i32>) {
    let output = output(cloudcall(project).arg("invoke").args(arguments));
    let printed = stdout(&output);
    let result = serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("{error}: {printed:?}\n{}", stderr(&output)));
    (result, stderr(&output), output.status.code())
}

#[test]
fn the_node_function_gets_the_same_bytes_as_the_rust_one() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let sample = fs::read(root().join("media/sample.jpg")).expect("the sample");
    for function in ["get-temp-media", "get-temp-media-node"] {
        let file = folder.path().join(function);
        let file = file.to_str().expect("UTF-8");
        let (result, talk, code) = invoke(
            root(),
            &[function, "--event", r#"{"mediaId":"sample"}"#, "-o", file],
        );
        assert_eq!(code, Some(0), "{talk}");
        assert_eq!(
            result,
            json!({
                "errCode": 0,
                "errMsg": "openapi.customerServiceMessage.getTempMedia:ok",
                "contentType": "image/jpeg",
                "buffer": {"file": file, "size": 112_525},
            })
        );
        assert_eq!(fs::read(file).expect("written"), sample, "{function}");
    }
}

#[test]
fn what_is_not_permitted_is_denied_with_a_hint_that_names_the_file() {
    let code = "const cloud = require('wx-server-sdk'); cloud.init()
        exports.main = () => cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: 'sample' })";
    let project = project("f", &[("index.js", code), ("config.json", "{}")]);
    let (error, talk, code) = invoke(project.path(), &["f"]);
    assert_eq!(code, Some(1));
    assert_eq!(error["errorMessage"], "user code exception caught");
    let trace = error["stackTrace"].as_str().expect("a stack trace");
    assert!(trace.contains("errCode: -604101"), "{trace}");
    let config = Path::new("functions").join("f").join("config.json");
    let hint = format!(
        "hint: add \"customerServiceMessage.getTempMedia\" to permissions.openapi in {}",
        config.display()
    );
    assert!(talk.contains(&hint), "{talk}");
}

/// Shapes of functions as public projects have them.
#[test]
fn functions_of_every_shape_run_unmodified() {
    const CALL: &str =
        "cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: event.mediaId })";
    const REQUIRE: &str = "const cloud = require('wx-server-sdk')\n";
    let get = |code: String| vec![("index.js".to_owned(), code)];
    let shapes = [
        (
            "async",
            get(format!(
                "{REQUIRE}cloud.init()\nexports.main = async (event, context) => await {CALL}"
            )),
        ),
        (
            "promise",
            get(format!(
                "{REQUIRE}cloud.init()\nexports.main = (event) => {CALL}.then((it) => it)"
            )),
        ),
        (
            "callback",
            get(format!(
                "{REQUIRE}cloud.init()\nexports.main = (event, context, callback) => {{ {CALL}.then((it) => callback(null, it), callback) }}"
            )),
        ),
        (
            "current environment",
            get(format!(
                "{REQUIRE}cloud.init({{ env: cloud.DYNAMIC_CURRENT_ENV }})\nconst db = cloud.database()\nexports.main = async (event) => {CALL}"
            )),
        ),
        (
            "options",
            get(format!(
                "{REQUIRE}cloud.init()\nexports.main = async (event) => {}",
                CALL.replace("cloud.openapi.", "cloud.openapi({ convertCase: true }).")
            )),
        ),
        (
            "ES module",
            vec![
                ("package.json".to_owned(), r#"{"type":"module"}"#.to_owned()),
                (
                    "index.js".to_owned(),
                    format!(
                        "import cloud from 'wx-server-sdk'\ncloud.init()\nexport const main = async (event) => {CALL}"
                    ),
                ),
            ],
        ),
    ];
    for (shape, files) in shapes {
        let mut files: Vec<_> = files
            .iter()
            .map(|(file, text)| (file.as_str(), text.as_str()))
            .collect();
        files.push(PERMITTED);
        let project = project("f", &files);
        let (result, talk, code) = invoke(
            project.path(),
            &["f", "-e", r#"{"mediaId":"sample"}"#, "-o", "out.jpg"],
        );
        assert_eq!(code, Some(0), "{shape}: {talk}");
        assert_eq!(
            result["buffer"],
            json!({"file": "out.jpg", "size": 112_525}),
            "{shape}"
        );
    }
}

#[test]
fn the_caller_is_who_the_flags_say() {
    let code = "const cloud = require('wx-server-sdk'); cloud.init()
        exports.main = async (event) => ({ event, wx: cloud.getWXContext() })";
    let project = project("f", &[("index.js", code)]);
    let app = r#"{"appid":"wx-of-the-project"} // as DevTools writes it"#;
    fs::write(project.path().join("project.config.json"), app).expect("written");
    let (result, _, _) = invoke(
        project.path(),
        &["f", "-e", r#"{"a":1}"#, "--openid", "o1", "--unionid", "u1"],
    );
    assert_eq!(
        result["event"],
        json!({"a": 1, "userInfo": {"appId": "wx-of-the-project", "openId": "o1"}})
    );
    let wx = &result["wx"];
    assert_eq!(
        (&wx["APPID"], &wx["OPENID"], &wx["UNIONID"]),
        (&json!("wx-of-the-project"), &json!("o1"), &json!("u1"))
    );
    let (result, _, _) = invoke(project.path(), &["f", "--appid", "wx-of-the-flag"]);
    assert_eq!(result["wx"]["APPID"], "wx-of-the-flag");
    assert_eq!(result["wx"].get("OPENID"), None);
}

#[test]
fn a_function_calls_another() {
    let code = "const cloud = require('wx-server-sdk'); cloud.init()
        exports.main = async (event) => event.name
          ? (await cloud.callFunction({ name: event.name, data: { n: 20 } })).result
          : { doubled: event.n * 2 }";
    let project = project(
        "f",
        &[("index.js", code), ("config.json", r#"{"timeout": 20}"#)],
    );
    let (result, talk, _) = invoke(project.path(), &["f", "-e", r#"{"name":"f"}"#]);
    assert_eq!(result, json!({"doubled": 40}), "{talk}");
    let (error, talk, code) = invoke(project.path(), &["f", "-e", r#"{"name":"nobody"}"#]);
    assert_eq!(code, Some(1));
    assert!(
        error["stackTrace"].to_string().contains("nobody"),
        "{error}"
    );
    assert!(talk.contains("nobody"), "{talk}");
}

/// The signal reaches the command, which may end in its own way.
#[cfg(unix)]
#[test]
fn a_command_under_exec_can_clean_up_when_a_signal_comes() {
    let script = "process.on('SIGTERM', () => { console.log('cleaned up'); process.exit(0) })
        setInterval(() => {}, 1000); console.log('ready')";
    let mut run = cloudcall(root());
    run.args(["exec", "--", "node", "-e", script]);
    run.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = run.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().map(|line| line.expect("text"));
    assert_eq!(next().as_deref(), Some("ready"));
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    assert_eq!(next().as_deref(), Some("cleaned up"));
    assert_eq!(next(), None);
    assert_eq!(child.wait().expect("the end").code(), Some(143));
}

#[test]
fn a_flood_of_output_arrives_whole() {
    let code = "exports.main = async () => { for (let i = 0; i < 20000; i++) console.log('line', i, 'y'.repeat(100)) }";
    let project = project("f", &[("index.cjs", code), PERMITTED]);
    let (result, talk, _) = invoke(project.path(), &["f"]);
    assert_eq!(result, Value::Null);
    assert_eq!(talk.lines().count(), 20_000);
}

/// Attaches Node's own debugger and lets the function go on, for longer than its time limit.
#[test]
fn under_the_debugger_there_is_no_time_limit() {
    let code = "exports.main = () => { const start = Date.now(); while (Date.now() - start < 500); return 'done' }";
    let project = project(
        "f",
        &[("index.js", code), ("config.json", r#"{"timeout":0.2}"#)],
    );
    let mut run = cloudcall(project.path());
    run.args(["invoke", "f", "--inspect=0"]);
    run.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = run.spawn().expect("the binary starts");
    let mut talk = BufReader::new(child.stderr.take().expect("piped")).lines();
    let address = talk
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            Some(
                line.split_once("listening on ws://")?
                    .1
                    .split_once('/')?
                    .0
                    .to_owned(),
            )
        })
        .expect("an address");
    let mut debugger = Command::new("node")
        .args(["inspect", &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut commands = debugger.stdin.take().expect("piped");
    let mut shown = BufReader::new(debugger.stdout.take().expect("piped")).lines();
    shown
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("break in"))
        .expect("it waits for the debugger");
    writeln!(commands, "cont").expect("to command");
    let rest: Vec<_> = talk.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("the end");
    drop(commands);
    debugger.wait().expect("the debugger's end");
    assert_eq!(stdout(&output), "\"done\"\n", "{rest:?}");
}

#[test]
fn output_of_the_function_is_talk_and_its_result_is_data() {
    let code = "console.log('loaded'); process.stdout.write('raw\\n')
        exports.main = async () => { console.log('ran'); return { a: undefined, b: Buffer.from('hi') } }";
    let project = project("f", &[("index.js", code)]);
    let (result, talk, _) = invoke(project.path(), &["f"]);
    assert_eq!(result, json!({"b": {"type": "Buffer", "data": [104, 105]}}));
    assert_eq!(talk, "[f] loaded\n[f] raw\n[f] ran\n");
}

#[test]
fn what_keeps_a_function_from_running_is_said_with_what_to_run() {
    let listed = r#"{"dependencies":{"wx-server-sdk":"4.0.2"}}"#;
    let throws = "exports.main = async () => { throw new Error('no such luck') }";
    for (files, code, expected) in [
        (
            vec![("index.js", "exports.main = ("), PERMITTED],
            1,
            "SyntaxError",
        ),
        (
            vec![("index.js", "require('not-there')"), PERMITTED],
            1,
            "run `npm install not-there`",
        ),
        (
            vec![("index.js", "exports.handler = 1"), PERMITTED],
            1,
            "exports.main = async",
        ),
        (vec![("index.js", throws), PERMITTED], 1, "no such luck"),
        (
            vec![
                ("index.js", "exports.main = () => process.exit(7)"),
                PERMITTED,
            ],
            1,
            "exit status: 7",
        ),
        (
            vec![
                (
                    "index.js",
                    "exports.main = () => new Promise((r) => setTimeout(r, 60000))",
                ),
                ("config.json", r#"{"timeout":1}"#),
            ],
            1,
            "Invoking task timed out after 1 seconds",
        ),
        (
            vec![("index.js", throws), ("package.json", listed)],
            2,
            "run `npm install` in",
        ),
    ] {
        let project = project("f", &files);
        if code == 2 {
            let packages = project.path().join("node_modules");
            fs::remove_file(&packages)
                .or_else(|_| fs::remove_dir(&packages))
                .expect("the link");
        }
        let output = output(cloudcall(project.path()).args(["invoke", "f"]));
        let all = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{expected}: {all}");
        assert!(all.contains(expected), "{expected}: {all}");
    }
}

#[test]
fn without_node_or_with_an_sdk_from_before_cloud_calls_nothing_runs() {
    let code = ("index.js", "exports.main = async () => 1");
    let plain = project("f", &[code]);
    let empty = tempfile::tempdir().expect("a temp folder");
    let mut run = cloudcall(plain.path());
    let output = run
        .args(["invoke", "f"])
        .env("PATH", empty.path())
        .output()
        .expect("the binary");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("install Node.js"),
        "{}",
        stderr(&output)
    );

    let listed = ("package.json", r#"{"dependencies":{"wx-server-sdk":"*"}}"#);
    let old = project("函数 one", &[code, listed]);
    let sdk = old
        .path()
        .join("functions/函数 one/node_modules/wx-server-sdk");
    fs::create_dir_all(&sdk).expect("the SDK's folder");
    fs::write(sdk.join("package.json"), r#"{"version":"0.3.1"}"#).expect("written");
    let mut run = cloudcall(old.path());
    let output = run
        .args(["invoke", "函数 one"])
        .output()
        .expect("the binary");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("0.3.1") && said.contains("npm install wx-server-sdk@latest"),
        "{said}"
    );
}

/// The folders of all versions, as their lock files install them.
fn versions() -> Vec<PathBuf> {
    let sdks = root().join("tests/node/sdks");
    ["pinned", "tagged"]
        .into_iter()
        .flat_map(|group| {
            let package =
                fs::read_to_string(sdks.join(group).join("package.json")).expect("package.json");
            let package: Value = serde_json::from_str(&package).expect("JSON");
            let names: Vec<String> = package["dependencies"]
                .as_object()
                .expect("dependencies")
                .keys()
                .cloned()
                .collect();
            let modules = sdks.join(group).join("node_modules");
            names.into_iter().map(move |name| modules.join(name))
        })
        .collect()
}

#[test]
fn every_version_of_the_sdk_runs_in_a_worker() {
    let code = "const cloud = require('wx-server-sdk'); cloud.init()
        exports.main = async (event) => cloud.openapi.customerServiceMessage.getTempMedia({ mediaId: event.mediaId })";
    let versions = versions();
    assert_eq!(versions.len(), 25);
    for version in versions {
        let project = project(
            "f",
            &[("index.js", code), PERMITTED, ("package.json", "{}")],
        );
        let modules = project.path().join("functions/f/node_modules");
        fs::create_dir(&modules).expect("node_modules");
        link(&version, &modules.join("wx-server-sdk"));
        let event = r#"{"mediaId":"sample"}"#;
        let (result, talk, code) = invoke(project.path(), &["f", "-e", event, "-o", "out.jpg"]);
        assert_eq!(code, Some(0), "{}: {talk}", version.display());
        assert_eq!(result["buffer"]["size"], 112_525, "{}", version.display());
    }
}

#[test]
fn every_version_of_the_sdk_behaves_as_with_the_scripted_gateway() {
    for which in ["permitted", "denied"] {
        let output = output(cloudcall(&root().join("tests/node")).args([
            "exec",
            "--function",
            which,
            "--",
            "node",
            "conformance.cjs",
            "check",
            which,
        ]));
        let said = stdout(&output);
        assert!(output.status.success(), "{said}\n{}", stderr(&output));
        assert!(
            said.ends_with("25 versions, 125 calls, 0 versions differ\n"),
            "{said}"
        );
    }
}

#[test]
fn a_test_suite_runs_under_exec_and_its_exit_code_is_ours() {
    let suite = "tests/node/exec/get-temp-media.test.cjs";
    let exec = |command: &[&str]| {
        let mut run = cloudcall(root());
        output(
            run.args(["exec", "--function", "get-temp-media-node", "--"])
                .args(command),
        )
    };
    let passed = exec(&["node", "--test", suite]);
    assert!(
        passed.status.success(),
        "{}\n{}",
        stdout(&passed),
        stderr(&passed)
    );
    assert_eq!(
        exec(&["node", "-e", "process.exit(42)"]).status.code(),
        Some(42)
    );
    let missing = exec(&["no-such-command"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("the command no-such-command is not found"));
}
