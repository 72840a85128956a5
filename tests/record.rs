//! `--record` and `--replay`: a session is recorded once, and replayed with the network forbidden.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use cloudcall::openapi::customer_service_message::{
    GetTempMedia, Message, UploadTempMedia, get_temp_media, send, upload_temp_media,
};
use cloudcall::transport::{Recorder, Replayer, Transport};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::{Clock, Emulator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::call::{GET, call_in};
use crate::node_functions::project;
use crate::seen::assert_seen;
use crate::servers::{Refusing, SECRET, Untouched};
use crate::tool::{cloudcall, in_root, output, root, stderr, stdout};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff";

/// An image, an error, an upload and a message, by the real SDK.
const SESSION: &str = "const cloud = require('wx-server-sdk')
cloud.init()
const api = cloud.openapi.customerServiceMessage
exports.main = async () => {
  const { buffer } = await api.getTempMedia({ mediaId: 'sample' })
  const error = await api.getTempMedia({ mediaId: 'nope' }).catch((it) => it)
  const media = { contentType: 'image/png', value: buffer, fileName: 'again.png' }
  const { mediaId } = await api.uploadTempMedia({ type: 'image', media })
  const sent = await api.send({ touser: 'o1', msgtype: 'text', text: { content: 'hello 你好' } })
  return { size: buffer.length, errCode: error.errCode, mediaId, sent: sent.errMsg }
}";

const PERMITTED: [&str; 3] = [
    "customerServiceMessage.getTempMedia",
    "customerServiceMessage.uploadTempMedia",
    "customerServiceMessage.send",
];

fn session_project() -> TempDir {
    let config = json!({"timeout": 60, "permissions": {"openapi": PERMITTED}}).to_string();
    let project = project(
        "session",
        &[("index.js", SESSION), ("config.json", &config)],
    );
    fs::copy(
        project.path().join("functions/session/config.json"),
        project.path().join("config.json"),
    )
    .expect("the permissions of `call`");
    project
}

/// One that gives the same answers each time.
fn emulator() -> Emulator {
    let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    Emulator::builder()
        .seed(7)
        .clock(Clock::manual(start))
        .app("wx-record", SECRET)
        .media("sample", PNG)
        .build()
        .expect("an emulator")
}

/// Serves it below a path, and gives the URL.
async fn serve(emulator: &Emulator) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let router = Router::new().nest("/base", emulator.router());
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/base")
}

/// The access token that the emulator gives out.
async fn token_of(emulator: &Emulator) -> String {
    let asked = json!({"grant_type": "client_credential", "appid": "wx-record", "secret": SECRET});
    let request = http::Request::post("http://h/cgi-bin/stable_token")
        .body(asked.to_string().into())
        .expect("a request");
    let reply = emulator.transport().send(request).await.expect("a reply");
    let reply = reply.into_body().bytes().await.expect("a body");
    let reply: Value = serde_json::from_slice(&reply).expect("JSON");
    reply["access_token"].as_str().expect("a token").to_owned()
}

/// The files of a folder, by their paths in it.
fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push((path.clone(), fs::read(&path).expect("a file")));
        }
    }
    for (path, _) in &mut found {
        if let Ok(relative) = path.strip_prefix(folder) {
            *path = relative.into();
        }
    }
    found.sort();
    found
}

/// Where no run may come that replays.
struct Forbidden {
    network: Untouched,
}

impl Forbidden {
    fn new() -> Self {
        Self {
            network: Untouched::start(),
        }
    }

    /// Leads the run here, whatever it tries to reach, and runs it.
    fn run(&self, run: &mut Command) -> Output {
        output(self.forbid(run))
    }

    fn forbid<'a>(&self, run: &'a mut Command) -> &'a mut Command {
        for proxy in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            run.env(proxy, &self.network.url);
        }
        run.env("CLOUDCALL_API_BASE", &self.network.url)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_node_replays_offline_in_node_and_rust() {
    let project = session_project();
    let folder = tempfile::tempdir().expect("a temp folder");
    let record = async |name: &str| {
        let emulator = emulator();
        let url = serve(&emulator).await;
        let to = folder.path().join(name);
        fs::create_dir(&to).expect("a folder");
        let cassette = to.join("session.json");
        let mut run = cloudcall(project.path());
        run.args(["invoke", "session", "--api-base", &url])
            .args(["--record", text(&cassette)])
            .env("WECHAT_APPID", "wx-record")
            .env("WECHAT_SECRET", SECRET);
        let output = output(&mut run);
        let talk = stderr(&output);
        assert!(output.status.success(), "{talk}");
        assert!(
            talk.contains("note: recorded 4 exchanges in ") && !talk.contains("canary"),
            "{talk}"
        );
        assert_eq!(emulator.journal().count("/cgi-bin/stable_token"), 1);
        assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 2);
        (emulator, stdout(&output), files_in(&to))
    };
    let (emulator, said, files) = record("first").await;
    let result: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(result["size"], PNG.len());
    assert_eq!(result["errCode"], 40007);
    assert!(result["mediaId"].is_string(), "{result}");

    // No secret, and the same again.
    let token = token_of(&emulator).await;
    for (path, content) in &files {
        let content = String::from_utf8_lossy(content);
        for secret in [SECRET, &token, "access_token", "stable_token"] {
            assert!(!content.contains(secret), "{}: {content}", path.display());
        }
    }
    // The image was downloaded and uploaded.
    let names: Vec<_> = files.iter().map(|(path, _)| path).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let (_, again, second) = record("second").await;
    assert_eq!(again, said);
    assert!(second == files);

    // The same session by the Rust SDK is the same cassette, down to what wx-server-sdk says of an
    // upload, whatever the function gives.
    let of_rust = folder.path().join("rust/session.json");
    fs::create_dir(folder.path().join("rust")).expect("a folder");
    let other = self::emulator();
    let recorder = Recorder::new(other.transport(), &of_rust).expect("a recorder");
    let app = Some(("wx-record", SECRET));
    let as_node = ["application/octet-stream", "media.png"];
    let media_id = rust_session(&cloud(recorder, app), as_node).await;
    assert_eq!(result["mediaId"], media_id);
    assert!(files_in(&folder.path().join("rust")) == files);

    // From here on there is no network.
    let cassette = folder.path().join("first/session.json");
    let cassette = text(&cassette);
    let forbidden = Forbidden::new();
    let mut node = cloudcall(project.path());
    let replayed = forbidden.run(node.args(["invoke", "session", "--replay", cassette]));
    assert_eq!(stdout(&replayed), said, "{}", stderr(&replayed));

    for run in [&["call", GET][..], &["invoke", "get-temp-media", "-e"]] {
        let with_media = |id: &str| {
            let media_id = match run[0] {
                "call" => format!("mediaId={id}"),
                _ => json!({"mediaId": id}).to_string(),
            };
            let mut command = cloudcall(root());
            command.args(run).arg(media_id).args(["--replay", cassette]);
            command
        };
        let image = forbidden.run(&mut with_media("sample"));
        let image: Value = serde_json::from_str(&stdout(&image)).expect("JSON");
        assert_eq!(image["contentType"], "image/png");
        assert_eq!(image["buffer"], "iVBORw0KGgoA/w==");
        let error = forbidden.run(&mut with_media("nope"));
        let error: Value = serde_json::from_str(&stdout(&error)).expect("JSON");
        assert_eq!(error["errCode"], 40007);
        let unknown = forbidden.run(&mut with_media("smaple"));
        let talk = stderr(&unknown);
        assert!(
            talk.contains("media_id is \"sample\", not \"smaple\""),
            "{talk}"
        );
        assert!(talk.contains("--record"), "{talk}");
        let unknown: Value = serde_json::from_str(&stdout(&unknown)).expect("JSON");
        assert_eq!(unknown["errCode"], -601_003);
        let message = unknown["errMsg"].as_str().expect("a text");
        assert!(message.contains("not \"smaple\""), "{message}");
    }

    for app in [Some(("wx-other", "another secret")), None] {
        let replayer = Replayer::open(cassette).expect("a cassette");
        let media_id = rust_session(&cloud(replayer, app), ["image/png", "x.png"]).await;
        assert_eq!(result["mediaId"], media_id);
    }
    forbidden.network.assert();
    // But for the one that the test itself asked for.
    assert_eq!(emulator.journal().count("/cgi-bin/stable_token"), 2);
    assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 2);
}

fn cloud(transport: impl Transport, app: Option<(&str, &str)>) -> Cloud {
    let builder = Cloud::builder()
        .permissions(Permissions::allow(PERMITTED))
        .transport(transport);
    let builder = match app {
        Some((app_id, secret)) => builder.app_secret(app_id, secret),
        None => builder,
    };
    builder.build().expect("complete")
}

/// What the function in Node does; gives the id of the uploaded image.
async fn rust_session(cloud: &Cloud, [content_type, file_name]: [&str; 2]) -> String {
    let image = get_temp_media(cloud, GetTempMedia::new("sample"))
        .await
        .expect("the image");
    assert_eq!(&image.buffer[..], PNG);
    let error = get_temp_media(cloud, GetTempMedia::new("nope"))
        .await
        .expect_err("unknown");
    assert_eq!(error.err_code(), 40007);
    let again = UploadTempMedia::image(content_type, image.buffer).file_name(file_name);
    let uploaded = upload_temp_media(cloud, again).await.expect("uploaded");
    send(cloud, Message::text("o1", "hello 你好"))
        .await
        .expect("sent");
    uploaded.media_id
}

#[test]
fn a_function_in_rust_is_recorded_on_the_emulator_and_replays_for_node() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let cassette = folder.path().join("session.json");
    let event = r#"{"mediaId":"sample"}"#;
    let run = |function: &str, flag: &str| {
        let mut run = cloudcall(root());
        run.args(["invoke", function, "-e", event, flag, text(&cassette)]);
        run
    };
    let recorded = output(&mut run("get-temp-media", "--record"));
    assert!(
        stderr(&recorded).contains("note: recorded 1 exchange in "),
        "{}",
        stderr(&recorded)
    );
    let result: Value = serde_json::from_str(&stdout(&recorded)).expect("JSON");
    let sample = fs::read(root().join("media/sample.jpg")).expect("the sample");
    let files = files_in(folder.path());
    assert_eq!(files.len(), 2);
    assert!(files.iter().any(|(_, content)| *content == sample));

    let forbidden = Forbidden::new();
    let replayed = forbidden.run(&mut run("get-temp-media", "--replay"));
    assert_eq!(stdout(&replayed), stdout(&recorded));
    let of_node = forbidden.run(&mut run("get-temp-media-node", "--replay"));
    let of_node: Value = serde_json::from_str(&stdout(&of_node)).expect("JSON");
    assert_eq!(of_node["contentType"], result["contentType"]);
    assert_eq!(of_node["buffer"]["data"], json!(sample));
    forbidden.network.assert();
}

#[test]
fn what_a_command_does_under_exec_is_recorded_and_replayed() {
    let project = session_project();
    let folder = tempfile::tempdir().expect("a temp folder");
    let cassette = folder.path().join("session.json");
    let script =
        format!("{SESSION};exports.main().then((it) => console.log(JSON.stringify(it.errCode)))");
    let run = |flag: &str| {
        let mut run = cloudcall(project.path());
        run.args(["exec", "--function", "session", flag, text(&cassette)])
            .args(["--", "node", "-e", &script]);
        run
    };
    let recorded = output(&mut run("--record"));
    assert!(
        stderr(&recorded).contains("note: recorded 4 exchanges in "),
        "{}",
        stderr(&recorded)
    );
    assert_eq!(stdout(&recorded).lines().last(), Some("40007"));
    let forbidden = Forbidden::new();
    let replayed = forbidden.run(&mut run("--replay"));
    assert_eq!(stdout(&replayed), stdout(&recorded));
    forbidden.network.assert();
}

/// Faults are set through what leads to WeChat, and are no exchange with it.
#[test]
fn faults_are_set_while_a_command_is_recorded_and_are_not_recorded() {
    let project = session_project();
    let folder = tempfile::tempdir().expect("a temp folder");
    let cassette = folder.path().join("session.json");
    let script = "const cloud = require('wx-server-sdk')
        cloud.init()
        const faults = process.env.CLOUDCALL_API_BASE + '/_emulator/faults'
        const headers = { 'content-type': 'application/json' }
        const body = JSON.stringify('errcode=45009')
        const typing = { touser: 'o1', msgtype: 'text', text: { content: 'x' } }
        const main = async () => {
          const set = await fetch(faults, { method: 'POST', headers, body })
          const sent = await cloud.openapi.customerServiceMessage.send(typing).catch((it) => it)
          const [met] = (await (await fetch(faults)).json()).faults
          await fetch(faults, { method: 'DELETE' })
          console.log(set.status, sent.errCode, met.fired)
        }
        main()";
    let mut run = cloudcall(project.path());
    run.args(["exec", "--function", "session", "--record", text(&cassette)])
        .args(["--", "node", "-e", script]);
    let recorded = output(&mut run);
    let talk = stderr(&recorded);
    assert_eq!(
        stdout(&recorded).lines().last(),
        Some("200 45009 1"),
        "{talk}"
    );
    assert!(talk.contains("note: recorded 1 exchange in "), "{talk}");
    let cassette = fs::read_to_string(&cassette).expect("a cassette");
    assert!(
        cassette.contains("45009") && !cassette.contains("_emulator"),
        "{cassette}"
    );
}

/// Only a connection has time limits, without which a fault that never answers has no end.
#[test]
fn a_fault_is_met_over_a_connection_also_while_it_is_recorded() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::copy(
        root().join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("copied");
    let mut run = call_in(folder.path(), &[GET, "mediaId=x", "--record", "c.json"]);
    let recorded = output(run.args(["--fault", "reset"]));
    let (said, talk) = (stdout(&recorded), stderr(&recorded));
    assert!(
        said.contains("the connection to 127.0.0.1:"),
        "{said}{talk}"
    );
    assert!(talk.contains("nothing was recorded in c.json"), "{talk}");
    assert!(!folder.path().join("c.json").exists());
}

#[test]
fn what_a_fault_breaks_off_is_not_recorded_of_a_function_in_rust() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let cassette = folder.path().join("session.json");
    let run = |fault: &str| {
        let mut run = cloudcall(root());
        run.args(["invoke", "get-temp-media", "-e", r#"{"mediaId":"sample"}"#]);
        run.args(["--fault", fault, "--record", text(&cassette)]);
        output(&mut run)
    };
    let broken = run("reset");
    assert!(stdout(&broken).contains("-601003"), "{broken:?}");
    assert!(!cassette.exists());
    let tried_again = run("reset,times=1");
    assert!(
        stdout(&tried_again).contains("image/jpeg"),
        "{}",
        stderr(&tried_again)
    );
    assert!(stderr(&tried_again).contains("recorded 1 exchange in "));
}

#[test]
fn a_refusal_of_the_app_is_replayed_without_its_secret() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::copy(
        root().join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("copied");
    let server = Refusing::start();
    let mut run = call_in(folder.path(), &[GET, "mediaId=x", "--record", "c.json"]);
    run.args(["--api-base", &server.url])
        .env("WECHAT_APPID", "wx")
        .env("WECHAT_SECRET", SECRET);
    let recorded = output(&mut run);
    assert!(stdout(&recorded).contains("40125"), "{recorded:?}");
    for (_, content) in files_in(folder.path()) {
        assert!(!String::from_utf8_lossy(&content).contains("canary"));
    }
    let mut run = call_in(folder.path(), &[GET, "mediaId=x", "--replay", "c.json"]);
    let forbidden = Forbidden::new();
    assert_eq!(stdout(&forbidden.run(&mut run)), stdout(&recorded));
    forbidden.network.assert();
}

#[test]
fn what_cannot_be_recorded_or_replayed_is_said() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::copy(
        root().join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("copied");
    let call = |arguments: &[&str]| {
        let mut call = call_in(folder.path(), &[GET]);
        call.args(arguments);
        call
    };
    assert_seen!(
        "replay-missing",
        &mut call(&["mediaId=sample", "--replay", "no-such.json"])
    );
    assert_seen!(
        "record-over-another-file",
        &mut call(&["mediaId=sample", "--record", "config.json"])
    );
    assert_seen!("record-nothing", &mut call(&["--record", "session.json"]));
    let media = in_root("media");
    assert_seen!(
        "record",
        &mut call(&[
            "mediaId=nope",
            "--record",
            "session.json",
            "--media",
            &media
        ])
    );
    assert_seen!(
        "replay-not-recorded",
        &mut call(&["mediaId=hope", "--replay", "session.json"])
    );
    fs::write(
        folder.path().join("session.json"),
        "{\"cloudcallCassette\":1,\n\"exchanges\":[x]}",
    )
    .expect("written");
    assert_seen!(
        "replay-malformed",
        &mut call(&["mediaId=nope", "--replay", "session.json"])
    );
}
