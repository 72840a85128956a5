//! The store in Redis: URLs that are wrong, servers that refuse and quote, and what one that works is
//! sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cloudcall::access_token::{RedisStore, SharedToken, StoreError, TokenStore as _};
use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::transport::{MockTransport, json_reply, media_reply};
use cloudcall::{Cloud, Permissions};
use serde_json::json;

use super::canaries::{Canary, SECRET, TOKEN, assert_clean};
use super::capture::Captured;
use super::sdk::{permitted, shown};
use crate::redis::server::RedisServer;

/// It stands in a URL, so it has no need for escapes.
const PASSWORD: &str = "R3disCanary5Pw";

fn canaries() -> Vec<Canary> {
    let mut canaries = Canary::both();
    canaries.push(Canary::new("the password of Redis", PASSWORD));
    canaries
}

/// What a Redis that quotes does with a command.
#[derive(Clone, Copy)]
struct Quoting {
    /// Whether it does so when it is given the password, too.
    at_once: bool,
    /// What comes before the quotation.
    before: &'static str,
}

const ERRORS: [(&str, &str); 8] = [
    (
        "an error",
        "-ERR unknown command, with args beginning with: ",
    ),
    (
        "a wrong password",
        "-WRONGPASS invalid username-password pair: ",
    ),
    ("no permission", "-NOPERM this user has no permissions: "),
    ("another node", "-MOVED 1 "),
    ("an error that is all quotation", "-"),
    ("a text", "+"),
    ("a number that is none", ":"),
    ("no Redis", "HTTP/1.1 400 Bad Request: "),
];

/// A Redis of this kind, and all that it was sent.
fn quoting(quoting: Quoting) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let sent = Arc::<Mutex<String>>::default();
    let shared = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&shared);
            // A client that breaks off is no failure here.
            thread::spawn(move || quote(stream, quoting, &shared));
        }
    });
    (format!("redis://:{PASSWORD}@{address}/0"), sent)
}

fn quote(stream: TcpStream, quoting: Quoting, sent: &Mutex<String>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    // The password comes in a command of its own, before all that hold a token.
    let mut heard = String::new();
    loop {
        let command = command(&mut stream)?;
        sent.lock().expect("no panic").push_str(&command.join(" "));
        // The last word first, because a client may show the first one of an error.
        let words = command
            .iter()
            .rev()
            .map(|word| word.replace(char::is_whitespace, "_"));
        heard = words.chain([heard]).collect::<Vec<_>>().join(" ");
        let accepted = !quoting.at_once && ["AUTH", "CLIENT", "SELECT"].contains(&&*command[0]);
        let answer = match accepted {
            true => "+OK\r\n".to_owned(),
            false => format!("{}{heard}\r\n", quoting.before),
        };
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

/// The words of a command.
fn command(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<String>> {
    let number = |stream: &mut BufReader<TcpStream>| -> std::io::Result<usize> {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim()[1..].parse().expect("a number"))
    };
    let count = number(stream)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number(stream)?;
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word)?;
        word.truncate(length);
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(words)
}

/// An error of a store with all that it holds.
fn text_of<T>(result: Result<T, StoreError>) -> String {
    let error = result.err().expect("refused");
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!("{error} {error:?}"));
        cause = error.source();
    }
    text
}

/// An app that shares its token through the store. WeChat quotes nothing here.
fn app(store: RedisStore) -> Cloud {
    let wechat = MockTransport::new(|request| {
        Ok(match request.uri().path() {
            "/cgi-bin/stable_token" => {
                json_reply(json!({"access_token": TOKEN, "expires_in": 7200}))
            }
            _ => media_reply("image/png", &b"\x89PNG"[..]),
        })
    });
    let builder = permitted().app_secret("wx1", SECRET).transport(wechat);
    let builder = builder.token_store(store);
    assert_clean(
        &canaries(),
        "the builder",
        format!("{builder:?} {builder:#?}"),
    );
    builder.build().expect("complete")
}

/// Everything that a store does, at a Redis that does nothing.
async fn search_refusals(captured: &Captured, path: &str, url: &str) {
    let store = || {
        let store = RedisStore::new(url).expect("a URL");
        store.timeout(Duration::from_secs(5))
    };
    let (asked, token) = (store(), SharedToken::new(TOKEN, Duration::from_secs(100)));
    let mut shown = format!("{asked:?} {asked:#?} {token:?}");
    shown.push_str(&text_of(asked.load("key").await));
    shown.push_str(&text_of(asked.save("key", &token, Some(SECRET)).await));
    shown.push_str(&text_of(
        asked.lock("key", TOKEN, Duration::from_secs(1)).await,
    ));
    shown.push_str(&text_of(asked.unlock("key", TOKEN).await));
    // No failure of the call, only a warning.
    let cloud = app(store());
    let media = get_temp_media(&cloud, GetTempMedia::new("M")).await;
    media.as_ref().expect("the media");
    shown.push_str(&format!("{media:?} {cloud:?} {cloud:#?}"));
    assert_clean(&canaries(), path, shown);
    let log = captured.take();
    assert_clean(&canaries(), &format!("the log of {path}"), &log);
    assert!(log.contains("Redis: "), "no warning of {path}: {log}");
}

#[tokio::test]
async fn no_redis_that_refuses_or_quotes_makes_the_sdk_show_a_secret() {
    let captured = Captured::start();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free.local_addr().expect("bound");
    drop(free);
    let other = RedisServer::start_with(Some("another"));
    for (path, url) in [
        ("nobody there", format!("redis://:{PASSWORD}@{nobody}/0")),
        (
            "no such host",
            format!("redis://u:{PASSWORD}@redis.invalid/0"),
        ),
        (
            "no such socket",
            format!("unix:///nowhere/at/all?pass={PASSWORD}"),
        ),
        ("another password", other.url().replace("another", PASSWORD)),
        (
            "no such user",
            other.url().replace(":another", &format!("u:{PASSWORD}")),
        ),
    ] {
        search_refusals(&captured, path, &url).await;
    }
    for (name, before) in ERRORS {
        for at_once in [true, false] {
            let (url, sent) = quoting(Quoting { at_once, before });
            search_refusals(&captured, &format!("{name}, at once: {at_once}"), &url).await;
            let sent = sent.lock().expect("no panic");
            assert!(sent.contains(PASSWORD), "{name}: {sent}");
            assert_eq!(sent.contains(TOKEN), !at_once, "{name}: {sent}");
        }
    }
}

#[test]
fn no_complaint_about_the_url_of_redis_quotes_it() {
    for url in [
        format!("redis://:{PASSWORD}@h:port"),
        format!("redis://:{PASSWORD}@h/database"),
        format!("redis://:{PASSWORD}@:6379"),
        format!("redis://:{PASSWORD}@h h/0"),
        format!("redis://{PASSWORD}%ff:{PASSWORD}%ff@h"),
        format!("http://:{PASSWORD}@h"),
        format!("rediss://:{PASSWORD}@h"),
        format!("valkeys://:{PASSWORD}@h"),
        format!("redis:{PASSWORD}"),
        PASSWORD.to_owned(),
    ] {
        let error = RedisStore::new(&url).expect_err(&url);
        assert_clean(&canaries(), "the SDK", shown::<()>(Err(error)));
        let folder = tempfile::tempdir().expect("a temp folder");
        let output = Command::new(env!("CARGO_BIN_EXE_caller"))
            .current_dir(&folder)
            .env("CLOUDCALL_REDIS_URL", &url)
            .env("WECHAT_APPID", "wx1")
            .env("WECHAT_SECRET", SECRET)
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("the process starts");
        assert!(!output.status.success(), "{url}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("CLOUDCALL_REDIS_URL"));
        assert_clean(&canaries(), "a process", output.stdout);
        assert_clean(&canaries(), "a process", output.stderr);
    }
}

#[tokio::test]
async fn redis_is_never_sent_the_secret_of_the_app() {
    let captured = Captured::start();
    let server = RedisServer::start_with(Some(PASSWORD));
    let monitor = Monitor::start(&server);
    let store = || RedisStore::new(&server.url()).expect("a URL");
    // A token, one that is forced, because the first is rejected, and that found by another handle.
    let forced = AtomicBool::new(false);
    let wechat = MockTransport::new(move |request| {
        let forces = String::from_utf8_lossy(request.body()).contains(r#""force_refresh":true"#);
        forced.fetch_or(forces, Ordering::Relaxed);
        let token = format!("{TOKEN}{}", forced.load(Ordering::Relaxed));
        Ok(match request.uri().path() {
            "/cgi-bin/stable_token" => {
                json_reply(json!({"access_token": token, "expires_in": 7200}))
            }
            _ if !forced.load(Ordering::Relaxed) => {
                json_reply(json!({"errcode": 40001, "errmsg": "invalid credential"}))
            }
            _ => media_reply("image/png", &b"\x89PNG"[..]),
        })
    });
    for _ in 0..2 {
        let cloud = Cloud::builder()
            .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
            .app_secret("wx1", SECRET)
            .token_store(store())
            .transport(wechat.clone())
            .build()
            .expect("complete");
        let media = get_temp_media(&cloud, GetTempMedia::new("M")).await;
        media.expect("the media");
    }
    let asked = wechat.requests();
    let asked = asked
        .iter()
        .filter(|it| it.uri().path() != "/cgi-bin/media/get");
    assert_eq!(asked.count(), 3, "and that which gave the same again");
    assert_clean(&canaries(), "the log", captured.take());

    // All of it: commands with their arguments, which are the keys and values, too.
    let sent = monitor.all(&server);
    for expected in ["\"EVAL\"", "cloudcall:wx1:token", "cloudcall:wx1:forced"] {
        assert!(sent.contains(expected), "{expected}: {sent}");
    }
    let [secret, token] = [SECRET, TOKEN].map(|text| Canary::new("sent", text));
    assert!(token.is_in(&sent), "nothing was searched: {sent}");
    assert_clean(&[secret], "what Redis was sent", sent);
}

/// A connection that Redis tells all it is sent.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn start(server: &RedisServer) -> Self {
        let url = server.url();
        let address = url.rsplit('@').next().and_then(|it| it.strip_suffix("/0"));
        let stream = TcpStream::connect(address.expect("a URL")).expect("it listens");
        let mut monitor = Self(BufReader::new(stream));
        for command in [format!("AUTH {PASSWORD}\r\n"), "MONITOR\r\n".to_owned()] {
            let sent = monitor.0.get_mut().write_all(command.as_bytes());
            sent.expect("it listens");
            assert_eq!(monitor.line(), "+OK\r\n");
        }
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("to read");
        assert_ne!(line, "", "it has ended");
        line
    }

    /// What has come until now.
    fn all(mut self, server: &RedisServer) -> String {
        const LAST: &str = "the last one";
        let mut look = server.look();
        let _: String = redis::cmd("ECHO").arg(LAST).query(&mut look).expect("told");
        let mut all = String::new();
        while !all.contains(LAST) {
            all.push_str(&self.line());
        }
        all
    }
}
