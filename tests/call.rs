//! `cloudcall call`, and the help of every command.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::tool::{assert_seen, cloudcall, output, root, stderr, stdout};

const GET: &str = "customerServiceMessage.getTempMedia";

fn call(arguments: &[&str]) -> Command {
    call_in(root(), arguments)
}

fn call_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cloudcall(folder);
    command.arg("call").args(arguments);
    command
}

/// A project that permits nothing.
fn closed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::write(
        folder.path().join("config.json"),
        r#"{"permissions":{"openapi":[]}}"#,
    )
    .expect("written");
    folder
}

#[test]
fn the_sample_is_written_whole() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let file = folder.path().join("out.jpg");
    let output = output(&mut call(&[
        GET,
        "mediaId=sample",
        "-o",
        file.to_str().expect("UTF-8"),
    ]));
    assert!(output.status.success(), "{}", stderr(&output));
    let sample = fs::read(root().join("media/sample.jpg")).expect("the sample");
    assert_eq!(fs::read(file).expect("written"), sample);
    let printed = output_of(&mut call(&[GET, "--data", r#"{"mediaId":"sample"}"#]));
    assert!(
        printed.contains(r#""contentType":"image/jpeg","buffer":"/9j/"#),
        "{printed:.200}"
    );
}

fn output_of(command: &mut Command) -> String {
    stdout(&output(command))
}

#[test]
fn errors_are_json_on_stdout_and_a_line_with_a_hint_on_stderr() {
    assert_seen!("call-unknown-media", &mut call(&[GET, "mediaId=nope"]));
    assert_seen!("call-no-media-id", &mut call(&[GET]));
    assert_seen!(
        "call-unknown-api",
        &mut call(&["customerServiceMessage.getTmpMedia"])
    );
    assert_seen!(
        "call-not-permitted",
        &mut call_in(closed().path(), &[GET, "mediaId=sample"])
    );
    let empty = tempfile::tempdir().expect("a temp folder");
    assert_seen!(
        "call-no-config",
        &mut call_in(empty.path(), &[GET, "mediaId=sample"])
    );
}

#[test]
fn wrong_usage_prints_nothing_on_stdout() {
    assert_seen!("call-no-pair", &mut call(&[GET, "mediaId"]));
    assert_seen!(
        "call-pair-twice",
        &mut call(&[GET, "mediaId=a", "mediaId=b"])
    );
    assert_seen!("call-no-object", &mut call(&[GET, "--data", "[1]"]));
    assert_seen!(
        "call-named-config-missing",
        &mut call(&[GET, "--config", "no-such.json"])
    );
    assert_seen!(
        "call-live-without-credentials",
        &mut call(&[GET, "mediaId=x", "--live"])
    );
    assert_seen!(
        "call-no-url",
        &mut call(&[GET, "mediaId=x", "--api-base", "localhost"])
    );
}

#[test]
fn a_call_that_is_not_permitted_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener
        .set_nonblocking(true)
        .expect("a listener that does not wait");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let closed = closed();
    let output = output(&mut call_in(
        closed.path(),
        &[GET, "mediaId=sample", "--api-base", &url],
    ));
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("-604101"));
    let accepted = listener.accept();
    assert!(accepted.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}

/// Answers one request with WeChat's refusal of the app, and returns the request.
fn refuse_one(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().expect("a request");
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    // The body of this request ends with the brace of its JSON.
    while !request.ends_with(b"}") {
        let read = stream.read(&mut piece).expect("to read");
        assert_ne!(read, 0, "the request is whole");
        request.extend_from_slice(&piece[..read]);
    }
    let body = r#"{"errcode":40125,"errmsg":"invalid appsecret s3cret-canary"}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .expect("to reply");
    String::from_utf8(request).expect("text")
}

#[test]
fn credentials_come_from_dotenv_and_show_up_nowhere() {
    let folder = tempfile::tempdir().expect("a temp folder");
    fs::copy(
        root().join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("copied");
    let dotenv = "# ours\nWECHAT_APPID=wx-of-dotenv\nWECHAT_SECRET='s3cret-canary'\n";
    fs::write(folder.path().join(".env"), dotenv).expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || refuse_one(&listener));
    let output = output(&mut call_in(
        folder.path(),
        &[GET, "mediaId=x", "--api-base", &url],
    ));
    let request = server.join().expect("a request");
    assert!(
        request.starts_with("POST /cgi-bin/stable_token "),
        "{request}"
    );
    assert!(
        request.contains("wx-of-dotenv") && request.contains("s3cret-canary"),
        "{request}"
    );
    let said = format!("{}{}", stdout(&output), stderr(&output));
    assert!(
        said.contains("40125") && said.contains("check WECHAT_SECRET"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn a_proxy_is_not_asked_for_the_loopback_address() {
    let url = {
        let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", dead.local_addr().expect("bound"))
    };
    let mut run = call(&[GET, "mediaId=x", "--api-base", &url]);
    // The port of the server is dead, and so is the proxy's: the error names the one that was asked.
    let output = output(
        run.env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("http_proxy", "http://127.0.0.1:9"),
    );
    let said = stdout(&output);
    assert!(
        said.contains("-601003") && said.contains(url.trim_start_matches("http://")),
        "{said}"
    );
}

#[test]
fn help_teaches() {
    for command in ["", "invoke", "call", "exec"] {
        let mut help = cloudcall(root());
        if !command.is_empty() {
            help.arg(command);
        }
        help.arg("--help");
        let seen = crate::tool::seen(&mut help).replace("cloudcall.exe", "cloudcall");
        let name = format!(
            "help-{}",
            if command.is_empty() {
                "cloudcall"
            } else {
                command
            }
        );
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, seen));
    }
}
