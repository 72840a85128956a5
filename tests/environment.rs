//! `cloudcall env`: other processes are led to a running `cloudcall dev`.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::dev_server::{Dev, write};
use crate::push::{CONFIG, answering, entries, port, run};
use crate::tool::{cloudcall, output, stderr, stdout};

/// Makes a call for each line that it reads, and prints what came of it.
#[cfg(unix)]
const PROCESS: &str = "
const cloud = require('wx-server-sdk')
cloud.init()
const lines = require('readline').createInterface({ input: process.stdin })
lines.on('line', async (mediaId) => {
  const media = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId })
    .then(({ buffer }) => buffer.length, ({ errCode }) => errCode)
  console.log(media)
})";

#[cfg(unix)]
#[test]
fn a_shell_that_evaluates_the_environment_leads_node_to_dev() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    use crate::tool::{binary, in_its_environment};

    let project = answering();
    write(project.path(), "process.js", PROCESS);
    write(project.path(), CONFIG, "{}");
    let dev = Dev::start(project.path(), &[]);
    let sh = |script: &str| {
        let mut command = in_its_environment(Command::new("sh"), project.path());
        command
            .args(["-c", script])
            .env("TOOL", binary())
            .env("DEV", port(&dev));
        command
    };

    // Of an earlier dev, whose script is gone.
    let script = r#"eval "$("$TOOL" env --port "$DEV" --function f)" && exec node process.js"#;
    let mut node = sh(script)
        .env(
            "NODE_OPTIONS",
            "--no-warnings --require \"/nowhere/cloudcall-0123/preload.cjs\"",
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = node.stdin.take().expect("piped");
    let mut lines = BufReader::new(node.stdout.take().expect("piped")).lines();
    let mut call = || {
        writeln!(stdin, "sample").expect("it reads");
        lines.next().expect("a line").expect("text")
    };
    assert_eq!(call(), "-604101");
    let config = r#"{"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#;
    write(project.path(), CONFIG, config);
    assert_eq!(call(), "112525");
    write(project.path(), CONFIG, "{}");
    assert_eq!(call(), "-604101");
    drop(stdin);
    assert!(node.wait().expect("the end").success());
    let calls: Vec<_> = entries(&dev, "call")
        .iter()
        .map(|call| json!([call["function"], call["verdict"], call["errCode"]]))
        .collect();
    let denied = json!(["f", "denied", -604_101]);
    assert_eq!(
        calls,
        [denied.clone(), json!(["f", "permitted", 0]), denied]
    );

    // A shell goes on after a command that failed within another one, but not here.
    let failed = output(&mut sh(
        r#"eval "$("$TOOL" env --port "$DEV" --function x)" && echo without"#,
    ));
    assert_eq!(stdout(&failed), "");
    assert_eq!(failed.status.code(), Some(1));
    let said = stderr(&failed);
    assert!(
        said.contains("error: ") && said.contains("hint: ") && said.contains('f'),
        "{said}"
    );

    // A function of that name is not what no function is.
    write(
        project.path(),
        "functions/env/index.js",
        "exports.main = () => 1",
    );
    dev.comes_to(&200, |dev| dev.invoke("env", "{}").status);
    let config = |line: &str| {
        let printed = stdout(&run(project.path(), port(&dev), line));
        let variables: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(
            variables["CLOUDCALL_API_BASE"],
            format!("http://{}", dev.address)
        );
        variables["CLOUDCALL_CONFIG"]
            .as_str()
            .expect("a path")
            .to_owned()
    };
    assert!(config("env --shell json --function env").ends_with("/functions/env/config.json"));
    assert!(!config("env --shell json").contains("functions"));
}

/// It shows up on a screen, and in what a terminal keeps.
#[test]
fn the_environment_holds_no_secret_of_the_users() {
    let project = answering();
    let credentials = "WECHAT_APPID=wx1\nWECHAT_SECRET=canary";
    write(project.path(), ".env", credentials);
    for way in [
        &["--live"][..],
        &["--api-base", "http://127.0.0.1:9"],
        &[
            "--api-base",
            "http://127.0.0.1:9",
            "--record",
            "session.json",
        ],
    ] {
        let dev = Dev::start(project.path(), way);
        let offered = run(project.path(), port(&dev), "env --function f --shell json");
        let (printed, said) = (stdout(&offered), stderr(&offered));
        let variables: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(variables["WECHAT_APPID"], "wx1", "{way:?}");
        assert!(
            !printed.contains("canary") && !said.contains("canary"),
            "{way:?}: {printed}{said}"
        );
        assert!(
            said.contains("note: WECHAT_SECRET is left out"),
            "{way:?}: {said}"
        );
    }
}

/// As in a shell that was led to another one, which has ended.
#[test]
fn a_dev_that_would_reach_itself_does_not_start() {
    let project = answering();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("bound").port().to_string();
    drop(free);
    let mut dev = cloudcall(project.path());
    let address = format!("http://127.0.0.1:{port}");
    dev.env("CLOUDCALL_API_BASE", &address);
    let refused = output(dev.args(["dev", "--port", &port]));
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains(&format!("{address}, which is this cloudcall dev itself"))
            && said.contains("unset CLOUDCALL_API_BASE"),
        "{said}"
    );
}
