//! `cloudcall push`, `cloudcall env` and timers, with a `cloudcall dev` and the real `wx-server-sdk`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::thread;

use serde_json::{Value, json};

use crate::dev_server::{Dev, project, write};
use crate::tool::{cloudcall, in_root, output, root, stderr, stdout};

const CONFIG: &str = "functions/f/config.json";

const ANSWERS: &str = "
const cloud = require('wx-server-sdk')
cloud.init()
exports.main = async (event) => {
  const { OPENID } = cloud.getWXContext()
  const { getTempMedia, send } = cloud.openapi.customerServiceMessage
  const { buffer } = await getTempMedia({ mediaId: event.MediaId })
  const text = { content: `${event.MsgType} of ${buffer.length} bytes` }
  await send({ touser: OPENID, msgtype: 'text', text })
  return OPENID === event.FromUserName && OPENID === event.userInfo.openId ? 'success' : OPENID
}";

/// Two functions, the first of which answers images.
fn answering() -> tempfile::TempDir {
    let project = crate::node_functions::project("f", &[("index.js", ANSWERS)]);
    write(
        project.path(),
        CONFIG,
        r#"{
  "timeout": 60,
  "permissions": { "openapi": [
    "customerServiceMessage.getTempMedia", "customerServiceMessage.send"
  ] },
  "messagePush": ["image"]
}"#,
    );
    write(
        project.path(),
        "functions/other/index.js",
        "exports.main = async ({ Content, MsgType }) => {
           if (Content) throw new TypeError('no ' + Content)
           return MsgType
         }",
    );
    project
}

fn port(dev: &Dev) -> &str {
    dev.address.split_once(':').expect("a port").1
}

/// Runs the command against a server, with these arguments between spaces.
fn run(project: &Path, port: &str, line: &str) -> Output {
    let mut command = cloudcall(project);
    output(command.args(line.split(' ')).args(["--port", port]))
}

/// The journal's entries of a type.
fn entries(dev: &Dev, kind: &str) -> Vec<Value> {
    let journal = dev.get(&format!("/_cloudcall/journal?type={kind}")).json();
    journal["entries"].as_array().expect("a list").clone()
}

/// A user sends an image, and the function fetches it and answers.
#[test]
fn an_image_is_pushed_and_answered() {
    let project = answering();
    let dev = Dev::start(project.path(), &["--appid", "wx1"]);
    is_answered(&dev, project.path(), "f");
}

#[test]
fn an_image_is_answered_when_calls_are_recorded_too() {
    let project = answering();
    let recorded = ["--appid", "wx1", "--record", "session.json"];
    let dev = Dev::start(project.path(), &recorded);
    is_answered(&dev, project.path(), "f");
}

#[test]
fn an_image_is_answered_by_a_function_in_rust() {
    let (functions, media) = (in_root("tests/functions"), in_root("media"));
    let arguments = [
        "--functions",
        &functions,
        "--media",
        &media,
        "--appid",
        "wx1",
    ];
    let dev = Dev::start(root(), &arguments);
    is_answered(&dev, root(), "answer-image");
}

#[track_caller]
fn is_answered(dev: &Dev, project: &Path, function: &str) {
    let sent = "push image --media-id sample --openid o1";
    let pushed = run(project, port(dev), sent);
    assert_eq!(
        (stdout(&pushed).as_str(), stderr(&pushed).as_str()),
        ("\"success\"\n", "")
    );
    assert_eq!(pushed.status.code(), Some(0));

    let invocations = entries(dev, "invocation");
    let [invocation] = invocations.as_slice() else {
        panic!("{invocations:?}");
    };
    assert_eq!(
        json!([
            invocation["function"],
            invocation["source"],
            invocation["caller"],
            invocation["outcome"]
        ]),
        json!([function, "push", {"openId": "o1", "appId": "wx1"}, "ok"])
    );
    let told = |call: &Value| {
        assert_eq!(call["requestId"], invocation["requestId"], "{call}");
        let names = ["function", "api", "verdict", "errCode", "parameters"];
        names.map(|name| call[name].clone())
    };
    let calls: Vec<_> = entries(dev, "call").iter().map(told).collect();
    let permitted = |api: &str, parameters: Value| {
        let api = format!("customerServiceMessage.{api}");
        [
            json!(function),
            json!(api),
            json!("permitted"),
            json!(0),
            parameters,
        ]
    };
    let text = json!({"content": "image of 112525 bytes"});
    let sent_back = json!({"touser": "o1", "msgtype": "text", "text": text});
    assert_eq!(
        calls,
        [
            permitted("getTempMedia", json!({"media_id": "sample"})),
            permitted("send", sent_back)
        ]
    );

    // Five answers may follow what a user writes, and again five when the user writes again.
    let event = r#"{"MsgType": "image", "MediaId": "sample", "FromUserName": "o1"}"#;
    let as_user = [("x-wx-openid", "o1")];
    for _ in 1..5 {
        let answered = dev.invoke_as(function, event, &as_user);
        assert_eq!(answered.status, 200, "{answered:?}");
    }
    assert_eq!(dev.invoke_as(function, event, &as_user).status, 500);
    let last = entries(dev, "call").pop().expect("a call");
    assert_eq!(last["errCode"], 45047, "{last}");
    let again = run(project, port(dev), sent);
    assert_eq!(stdout(&again), "\"success\"\n", "{}", stderr(&again));

    let unknown = run(
        project,
        port(dev),
        "push image --media-id nothing --openid o1",
    );
    let said = stderr(&unknown);
    assert_eq!(unknown.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no media \"nothing\"") && said.contains("40007"),
        "{said}"
    );
}

#[test]
fn a_push_that_comes_to_nothing_says_why() {
    let project = answering();
    let dev = Dev::start(project.path(), &[]);
    let push = |line: &str| {
        let pushed = run(project.path(), port(&dev), line);
        (pushed.status.code(), stdout(&pushed), stderr(&pushed))
    };

    let (code, printed, said) = push("push text --content x");
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{said}");
    assert!(
        said.contains("no function takes messages of the type text: there are f, other")
            && said.contains("\"messagePush\": [\"text\"]")
            && said.contains("--function"),
        "{said}"
    );

    let (code, printed, said) = push("push text --content x --function othe");
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{said}");
    assert!(
        said.contains("there is no function \"othe\": there are f, other"),
        "{said}"
    );

    let (code, printed, said) = push("push text --content x --function other");
    assert_eq!(code, Some(1), "{said}");
    let error: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(error["errorMessage"], "user code exception caught");
    assert!(
        said.contains("error: the function other failed: TypeError: no x"),
        "{said}"
    );
    assert!(
        said.contains("note: written by the user o-a-user-of-customer-service"),
        "{said}"
    );

    let (code, printed, said) = push("push enter-session --function other --openid o1");
    assert_eq!((code, printed.as_str()), (Some(0), "\"event\"\n"), "{said}");
    assert!(
        said.starts_with("warning: the result is neither \"success\""),
        "{said}"
    );

    let (code, _, said) = push(&format!(
        "push text --content x --openid {}",
        "o".repeat(300)
    ));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("longer than 256 bytes"), "{said}");
}

#[test]
fn where_no_dev_is_both_commands_say_so() {
    let folder = project(&[]);
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free.local_addr().expect("bound").port().to_string();
    drop(free);
    let others = TcpListener::bind("127.0.0.1:0").expect("a port");
    let another = others.local_addr().expect("bound").port().to_string();
    // One that is a server, and then one that is none.
    let answers = [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
        "220 mail\r\n",
    ];
    thread::spawn(move || {
        for answer in [answers, answers].as_flattened() {
            let (mut client, _) = others.accept().expect("a client");
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(answer.as_bytes());
        }
    });
    for line in ["push text --content x", "env --shell json"] {
        let said = |port: &str| {
            let ended = run(folder.path(), port, line);
            assert_eq!(ended.status.code(), Some(2), "{ended:?}");
            assert_eq!(stdout(&ended), "");
            let said = stderr(&ended);
            assert!(said.contains("hint:") && said.contains("--port"), "{said}");
            said
        };
        assert!(said(&nobody).starts_with(&format!(
            "error: there is no cloudcall dev at port {nobody}: "
        )));
        let server = said(&another);
        assert!(server.contains("is no cloudcall dev"), "{server}");
        let none = said(&another);
        assert!(none.contains("gave no answer"), "{none}");
    }
}

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
    use std::io::{BufRead as _, BufReader};
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

const TIMED: &str = "
const cloud = require('wx-server-sdk')
cloud.init()
exports.main = async ({ Type, TriggerName, Time, Message }) => {
  const { SOURCE, OPENID } = cloud.getWXContext()
  const second = Time.slice(0, 19) + 'Z' === Time && Math.abs(Date.now() - Date.parse(Time)) < 60000
  const seen = [Type, TriggerName, Message, SOURCE, OPENID, second].join()
  if (seen !== 'Timer,tick,,wx_trigger,,true') throw new Error(seen)
}";

#[test]
fn timers_fire_with_the_flag_and_only_then() {
    let project = crate::node_functions::project("f", &[("index.js", TIMED)]);
    let timer = |cron: &str| {
        let timer = json!([{"name": "tick", "type": "timer", "config": cron}]);
        json!({"timeout": 60, "triggers": timer}).to_string()
    };
    write(project.path(), CONFIG, &timer("* * * * * * *"));
    let timed = |dev: &Dev| -> Vec<Value> {
        let mut all = entries(dev, "invocation");
        all.retain(|it| it["source"] == "timer");
        all
    };
    let mut shown = Dev::start(project.path(), &["--openid", "o1"]);
    let line = shown.says("timer tick");
    assert!(
        line.contains("next: ") && line.contains("(UTC+8), in 1 s (not fired without --triggers)"),
        "{line}"
    );
    let mut dev = Dev::start(project.path(), &["--triggers", "--openid", "o1"]);
    let line = dev.says("timer tick");
    assert!(!line.contains("--triggers"), "{line}");
    dev.comes_to(&true, |dev| timed(dev).len() >= 2);
    for invocation in timed(&dev) {
        assert_eq!(invocation["outcome"], "ok", "{invocation}");
        assert_eq!(invocation["caller"]["openId"], Value::Null, "{invocation}");
    }

    // An edit holds.
    write(project.path(), CONFIG, &timer("0 0 0 1 1 * 2099"));
    dev.says("next: 2099-01-01 00:00:00 (UTC+8)");
    write(
        project.path(),
        CONFIG,
        r#"{"triggers": [{"type": "timer", "name": "tick"}]}"#,
    );
    dev.says("f: the trigger's \"config\" must be a cron expression; it has no timer");
    write(project.path(), CONFIG, "{}");
    shown.says("no timer any more");
    assert_eq!(timed(&shown), [Value::Null; 0]);
}
