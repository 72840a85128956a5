//! Hostile requests and names, met by the binary. What needs no binary is tested beside the servers,
//! with short limits.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::secrets::quoting::{Script, Server};
use crate::secrets::replies::{in_json, token};
use crate::tool::{GUARD, cloudcall, ended, output, root, stderr, stdout};

/// Says where the gateway is and what the token is, and goes on until its stdin ends.
const TELL: &str = r#"printf '%s\n%s\n' "$TCB_CONTEXT_CNFG" "$WX_API_TOKEN"; read -r line"#;

/// A project with one function, beside a folder that would be one too.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temp folder");
    for (file, text) in [
        ("functions/f/index.js", "exports.main = () => 'f'"),
        ("secret/index.js", "exports.main = () => 'secret'"),
        (
            "secret/config.json",
            r#"{"permissions":{"openapi":["a.b"]}}"#,
        ),
        ("config.json", r#"{"permissions":{"openapi":[]}}"#),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }
    folder
}

/// `cloudcall exec`, with everything up.
struct Up {
    child: Child,
    stdin: ChildStdin,
    /// Host and port of the gateway, which the emulator shares.
    address: String,
    token: String,
}

impl Up {
    fn start(project: &Path) -> Self {
        let mut run = cloudcall(project);
        run.args(["exec", "--", "sh", "-c", TELL]);
        Self::of(run)
    }

    /// A run of [`TELL`].
    fn of(mut run: Command) -> Self {
        run.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = run.spawn().expect("the binary starts");
        let stdin = child.stdin.take().expect("piped");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let settings: Value = serde_json::from_str(&line()).expect("JSON");
        let url = settings["URL"].as_str().expect("a URL");
        let address = url
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/admin"))
            .expect("the gateway's URL");
        Self {
            address: address.to_owned(),
            token: line(),
            child,
            stdin,
        }
    }

    /// One request on a connection of its own; the whole answer.
    fn send(&self, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(GUARD)).expect("set");
        let length = body.len();
        write!(
            stream,
            "{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .expect("sent");
        stream.write_all(body).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// `cloud.callFunction` of this function, with this token.
    fn call_function(&self, name: &str, token: &str) -> String {
        let body = json!({
            "action": "functions.invokeFunction",
            "function_name": name,
            "wxCloudApiToken": token,
        });
        let head = format!(
            "POST /admin HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json",
            self.address
        );
        self.send(&head, body.to_string().as_bytes())
    }

    /// Lets the command end, and fails if anything has not gone as it should.
    fn end(self) -> String {
        drop(self.stdin);
        let output = ended(self.child);
        assert!(
            // `read` fails at the end of its input, which is the command's own exit code.
            output.status.code() == Some(1),
            "{:?} {}",
            output.status,
            stderr(&output)
        );
        stderr(&output)
    }
}

#[test]
fn web_pages_do_not_reach_emulator_and_gateway() {
    let project = project();
    let up = Up::start(project.path());
    let own = format!("Host: {}", up.address);
    for target in ["GET /cgi-bin/token", "POST /admin", "GET /nowhere"] {
        for headers in [
            "Host: evil.example".to_owned(),
            "Host: evil.example\r\nOrigin: http://localhost".to_owned(),
            format!("{own}\r\nOrigin: https://evil.example"),
            format!("{own}\r\nOrigin: null"),
            format!("{own}\r\nSec-Fetch-Site: cross-site"),
        ] {
            let answer = up.send(&format!("{target} HTTP/1.1\r\n{headers}"), b"");
            assert!(answer.starts_with("HTTP/1.1 403 "), "{headers} {answer}");
        }
        let page = format!("{target} HTTP/1.1\r\n{own}\r\nOrigin: http://localhost:3000");
        let answer = up.send(&page, b"");
        assert!(!answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    up.end();
}

/// The system allows fewer connections than the limit: they wait for others to end, and then are
/// answered.
#[cfg(unix)]
#[test]
fn a_server_out_of_files_goes_on_when_there_are_some() {
    let project = project();
    let mut run = crate::tool::in_its_environment(Command::new("sh"), project.path());
    run.args(["-c", "ulimit -n 48; exec \"$0\" exec -- sh -c \"$1\""])
        .arg(crate::tool::binary())
        .arg(TELL);
    let up = Up::of(run);
    let connect = |_| TcpStream::connect(&up.address).expect("connected");
    let many: Vec<_> = (0..64).map(connect).collect();
    let mut last = many.last().expect("64 of them");
    let head = format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\n\r\n", up.address);
    last.write_all(head.as_bytes()).expect("sent");
    // The limit is met: nothing else keeps this one from its answer.
    let early = Some(Duration::from_millis(500));
    last.set_read_timeout(early).expect("set");
    last.read(&mut [0]).expect_err("no file for it");
    last.set_read_timeout(Some(GUARD)).expect("set");
    for stream in &many[..32] {
        stream.shutdown(Shutdown::Both).expect("closed");
    }
    last.read_exact(&mut [0; 12]).expect("its answer");
    up.end();
}

#[test]
fn a_form_without_end_is_refused_with_the_reason() {
    let project = project();
    let up = Up::start(project.path());
    let part = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let head = format!(
        "POST /admin HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=XX",
        up.address
    );
    let answer = up.send(&head, part.repeat(100_000).as_bytes());
    let reason = "the form has more than 64 parts";
    assert!(answer.contains(reason), "{answer}");
    let told = up.end();
    assert!(told.contains(reason), "{told}");
}

#[test]
fn a_function_is_called_by_its_name_and_not_by_a_path() {
    let project = project();
    let up = Up::start(project.path());
    let absolute = project.path().join("secret");
    let long = "x".repeat(1 << 20);
    for name in [
        "../secret",
        "..\\secret",
        "f/../../secret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "./f",
        "f/",
        "f\0",
        "f.",
        "f::$DATA",
        "F",
        "CON",
        "..",
        ".",
        absolute.to_str().expect("UTF-8"),
        &long,
    ] {
        let answer = up.call_function(name, &up.token);
        assert!(answer.contains("FUNCTION_NOT_FOUND"), "{name:?} {answer}");
    }
    up.end();
}

#[test]
fn the_command_line_takes_names_and_no_paths() {
    let project = project();
    let absolute = project.path().join("secret");
    for name in [
        "../secret",
        "..\\secret",
        "%2e%2e/secret",
        "f/../../secret",
        "./f",
        "..",
        absolute.to_str().expect("UTF-8"),
    ] {
        let exec = ["exec", "--function", name, "--", "true"];
        for arguments in [&["invoke", name][..], &exec] {
            let output = output(cloudcall(project.path()).args(arguments));
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            let told = stderr(&output);
            assert!(told.contains("there is no function"), "{told}");
        }
    }
}

#[test]
fn a_token_of_one_run_is_none_in_another() {
    let project = project();
    let (one, other) = (Up::start(project.path()), Up::start(project.path()));
    assert_ne!(one.token, other.token);
    let answer = one.call_function("nobody", &one.token);
    assert!(answer.contains("FUNCTION_NOT_FOUND"), "{answer}");
    for token in [&other.token, "", "nonsense"] {
        let answer = one.call_function("nobody", token);
        assert!(answer.contains("INVALID_PARAM"), "{answer}");
        assert!(answer.contains("wxCloudApiToken"), "{answer}");
    }
    let told = one.end() + &other.end();
    assert!(!told.is_empty());
}

/// By an escape sequence, in seven and in eight bits.
const COMMANDS: &str = "\u{1b}]0;a title\u{7} \u{9b}2J \r gone";

#[test]
fn neither_a_server_nor_a_function_commands_the_terminal() {
    let server = Server::start();
    server.play(Script {
        tokens: vec![token()],
        call: in_json(&json!({"errcode": 40007, "errmsg": COMMANDS})),
    });
    let call = ["call", "customerServiceMessage.getTempMedia", "mediaId=M"];
    let event = json!({"do": "print", "text": COMMANDS}).to_string();
    let probe = [
        "invoke",
        "probe",
        "--functions",
        "tests/functions",
        "-e",
        &event,
    ];
    let base = ["--api-base", &server.url];
    for arguments in [[&call[..], &base].concat(), probe.to_vec()] {
        let mut run = cloudcall(root());
        // Colours, as on a terminal: elsewhere all sequences are left out.
        let output = output(run.args(&arguments).env("CLICOLOR_FORCE", "1"));
        let (data, talk) = (stdout(&output), stderr(&output));
        assert!(
            talk.contains(r"\u{1b}]0;a title\u{7} \u{9b}2J \r gone"),
            "{talk:?}"
        );
        for printed in [data, talk] {
            for command in ["\u{1b}]", "\u{7}", "\u{9b}", "\r"] {
                assert!(!printed.contains(command), "{arguments:?}: {printed:?}");
            }
        }
    }
}
