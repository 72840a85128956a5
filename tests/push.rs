//! `cloudcall push`, with a `cloudcall dev` and the real SDKs.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::thread;

use serde_json::{Value, json};

use crate::dev_server::{Dev, project, write};
use crate::tool::{cloudcall, in_root, output, root, stderr, stdout};

/// Where the function's settings are.
pub(crate) const CONFIG: &str = "functions/f/config.json";

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
pub(crate) fn answering() -> tempfile::TempDir {
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

pub(crate) fn port(dev: &Dev) -> &str {
    dev.address.split_once(':').expect("a port").1
}

/// Runs the command against a server, with these arguments between spaces.
pub(crate) fn run(project: &Path, port: &str, line: &str) -> Output {
    let mut command = cloudcall(project);
    output(command.args(line.split(' ')).args(["--port", port]))
}

/// The journal's entries of a type.
pub(crate) fn entries(dev: &Dev, kind: &str) -> Vec<Value> {
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
