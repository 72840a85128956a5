//! The `cloudcall` binary: all that its runs print and write, and the command lines of its children.

use std::fs;
use std::sync::Mutex;
use std::thread;

use super::canaries::{Canary, SECRET};
use super::project::{PASSWORD, Project};
use super::quoting::{Reply, Script, Server};
use super::replies::{OF_CALLS, refusal, replies, token};
use crate::call::GET;
use crate::tool::in_root;

/// A command that does what the project's function does.
const COMMAND: &str = r#"
    printf '%s\n%s\n' "$WX_API_TOKEN" "$WECHAT_SECRET" > "$TOLD"
    tr '\0' ' ' < "/proc/$$/cmdline"
    tr '\0' ' ' < "/proc/$PPID/cmdline"
    exec node -e "require('./functions/f').main({ mediaId: 'M' })""#;

/// What is recorded in the project's folder, and searched with it.
const CASSETTE: &str = "session.json";

fn get(base: &[&'static str]) -> Vec<&'static str> {
    [&["call", GET, "mediaId=M"], base].concat()
}

/// Calls, at each place where a reply can be wrong.
#[test]
fn no_call_prints_what_a_server_quotes() {
    let rows = Mutex::new(replies(OF_CALLS).into_iter());
    let next = || rows.lock().expect("no panic").next();
    let work = || {
        let (project, server) = (Project::new(), Server::start());
        while let Some((name, reply)) = next() {
            if matches!(reply, Reply::Nothing) {
                continue; // The binary would wait for half a minute; `sdk.rs` has it.
            }
            server.play(Script {
                tokens: vec![token()],
                call: reply,
            });
            let mut run = project.run_as_app(&get(&["--api-base"]));
            let printed = project.search(&name, run.arg(&server.url));
            assert!(!printed.contains("panicked"), "{name}: {printed}");
            let requests = server.requests().concat();
            let sent = Canary::both().iter().all(|canary| canary.is_in(&requests));
            assert!(sent, "{name}: {requests}");
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
}

/// Functions in both languages and commands, whose calls a server refuses with a quotation.
#[test]
fn no_function_is_told_or_prints_what_a_server_quotes() {
    let functions = in_root("functions");
    let probe = in_root("tests/functions");
    let event = r#"{"mediaId":"M"}"#;
    let of_probe = r#"{"do":"panic"}"#;
    let runs = [
        vec!["invoke", "f", "-e", event],
        vec!["invoke", "f", "-e", event, "--record", CASSETTE],
        vec!["exec", "--function", "f", "--", "sh", "-c", COMMAND],
        vec![
            "invoke",
            "get-temp-media",
            "--functions",
            &functions,
            "-e",
            event,
        ],
        vec![
            "invoke",
            "get-temp-media",
            "--functions",
            &functions,
            "-e",
            event,
            "--record",
            CASSETTE,
        ],
        vec!["invoke", "probe", "--functions", &probe, "-e", of_probe],
    ];
    let wanted = ["errcode 40001", "no JSON", "other JSON"];
    thread::scope(|scope| {
        for arguments in runs {
            scope.spawn(move || {
                let (project, server) = (Project::new(), Server::start());
                let is_wanted = |(name, _): &(String, _)| wanted.contains(&&**name);
                for (name, call) in replies(OF_CALLS).into_iter().filter(is_wanted) {
                    let tokens = vec![token()];
                    server.play(Script { tokens, call });
                    let mut run = project.run_as_app(&arguments[..1]);
                    run.args(["--api-base", &server.url]).args(&arguments[1..]);
                    let printed = project.search(&format!("{name}: {arguments:?}"), &mut run);
                    let requests = server.requests().concat();
                    let sent = Canary::both().iter().all(|canary| canary.is_in(&requests));
                    assert_eq!(sent, arguments[1] != "probe", "{name}: {printed}");
                    let cassette = fs::read_to_string(project.path().join(CASSETTE));
                    let quotes = cassette.as_ref().is_ok_and(|it| it.contains("***"));
                    let records = arguments.contains(&CASSETTE);
                    assert_eq!(
                        quotes, records,
                        "{name}: {arguments:?} {cassette:?} {printed}"
                    );
                }
            });
        }
    });
}

/// Faults of the emulator, whose secrets the processes tell the test.
#[test]
fn no_fault_prints_a_secret() {
    let faults = ["errcode=42001", "token:errcode=40125", "reset=inside"];
    thread::scope(|scope| {
        for arguments in [
            vec!["invoke", "f", "-e", r#"{"mediaId":"sample"}"#],
            vec!["exec", "--function", "f", "--", "sh", "-c", COMMAND],
        ] {
            scope.spawn(move || {
                let project = Project::new();
                for fault in faults {
                    let mut run = project.run(&arguments[..1]);
                    run.args(["--fault", fault]).args(&arguments[1..]);
                    let printed = project.search(&format!("{fault}: {arguments:?}"), &mut run);
                    // A token; and that of a command, with a secret, and once more below it.
                    let given = if arguments[0] == "exec" { 3 } else { 1 };
                    assert_eq!(project.told.get(), given, "{printed}");
                    // It was shown how the process was started, and what it was refused.
                    for expected in ["cloudcall", "nobody", "errCode"] {
                        assert!(printed.contains(expected), "{expected}: {printed}");
                    }
                }
            });
        }
    });
}

/// Settings that are wrong, with the secret in them.
#[test]
fn no_complaint_about_settings_quotes_them() {
    let project = Project::new();
    let dotenv = |text: &str| fs::write(project.path().join(".env"), text).expect("written");
    let live = get(&["--live"]);
    for text in [
        format!("WECHAT_APPID=wx1\nWECHAT_SECRET {SECRET}\n"),
        format!("WECHAT_APPID=wx1\nWECHAT_SECRET='{SECRET}\n"),
        format!("WECHAT_APPID=wx1\nWECHAT_SECRET=\"{SECRET}\n"),
        format!("WECHAT_APPID=wx1\nWECHAT_SECRET={SECRET}\n"),
        format!("WECHAT_SECRET='{SECRET}'\n"),
        format!("{SECRET}\n"),
        format!("{SECRET}=wx1\n"),
    ] {
        dotenv(&text);
        let printed = project.search(&text, &mut project.run(&live));
        assert!(
            printed.contains("error: ") && printed.contains(".env"),
            "{printed}"
        );
    }
    let bytes = [b"WECHAT_SECRET=\xff", SECRET.as_bytes()].concat();
    fs::write(project.path().join(".env"), bytes).expect("written");
    let printed = project.search("no UTF-8", &mut project.run(&live));
    assert!(printed.contains(".env cannot be read"), "{printed}");

    let printed = project.search(
        "half of the credentials",
        project.run(&live).env("WECHAT_SECRET", SECRET),
    );
    assert!(printed.contains("WECHAT_APPID is missing"), "{printed}");
    let url = format!("http://user:{PASSWORD}@127.0.0.1:1");
    let functions = in_root("functions");
    for redis in [
        format!("redis://:{PASSWORD}@127.0.0.1:port"),
        format!("rediss://:{PASSWORD}@127.0.0.1"),
    ] {
        let mut run = project.run_as_app(&["invoke", "get-temp-media", "--live"]);
        run.args(["--functions", &functions, "-e", r#"{"mediaId":"M"}"#]);
        let printed = project.search("Redis", run.env("CLOUDCALL_REDIS_URL", redis));
        assert!(printed.contains("CLOUDCALL_REDIS_URL"), "{printed}");
    }
    for base in [url.replace("http", "ftp"), url.replace("http://", ""), url] {
        let mut run = project.run_as_app(&get(&[]));
        let printed = project.search("a base", run.env("CLOUDCALL_API_BASE", base));
        assert!(printed.contains("error: "), "{printed}");
    }
}

/// Proxies that are not there, and one that quotes what went through it.
#[test]
fn no_proxy_makes_a_run_print_a_secret() {
    let (project, server) = (Project::new(), Server::start());
    let at = |url: &str| url.replace("http://", &format!("http://user:{PASSWORD}@"));
    for (arguments, proxy) in [
        (get(&["--live"]), "http://127.0.0.1:1"),
        (
            get(&["--api-base", "http://wechat.invalid"]),
            "http://127.0.0.1:1",
        ),
        (get(&["--live"]), &*server.url),
        (get(&["--api-base", "http://wechat.invalid"]), &*server.url),
    ] {
        server.play(Script {
            tokens: vec![token()],
            call: refusal(42001, OF_CALLS),
        });
        let mut run = project.run_as_app(&arguments);
        run.env("HTTP_PROXY", at(proxy))
            .env("HTTPS_PROXY", at(proxy));
        let path = format!("{arguments:?} through {proxy}");
        let printed = project.search(&path, &mut run);
        assert!(printed.contains("error: "), "{printed}");
        let through = server.requests().concat();
        let sees_secrets = proxy == server.url && !arguments.contains(&"--live");
        for canary in Canary::both() {
            assert_eq!(canary.is_in(&through), sees_secrets, "{path}: {through}");
        }
    }
}
