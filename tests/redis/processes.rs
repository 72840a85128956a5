//! Processes of one app that share its token through Redis.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tokio::net::TcpListener;

use super::{Bed, MEDIA, SECRET};

/// A process that calls when it is told to.
struct Caller {
    child: Child,
    outcomes: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    fn start(api_base: &str, redis_url: &str, config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_caller"))
            .env("CLOUDCALL_CONFIG", config)
            .env("CLOUDCALL_API_BASE", api_base)
            .env("CLOUDCALL_REDIS_URL", redis_url)
            .env("WECHAT_APPID", "wx1")
            .env("WECHAT_SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let outcomes = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, outcomes }
    }

    /// Tells it to make that many calls at once.
    fn tell(&mut self, calls: usize) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{calls}").expect("it listens");
    }

    /// Waits for its calls to end.
    fn outcome(&mut self) -> String {
        self.outcomes.next().expect("a line").expect("to read")
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_ask_for_one_token_a_period() {
    let bed = Bed::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = bed.emulator.start(listener).expect("started");
    let folder = tempfile::tempdir().expect("a temp folder");
    let config = folder.path().join("config.json");
    let permissions = r#"{"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#;
    std::fs::write(&config, permissions).expect("written");

    let start = || Caller::start(&server.url(), &bed.redis.url(), &config);
    let mut callers = [start(), start()];
    for period in 1..=5 {
        for _ in 0..2 {
            callers.iter_mut().for_each(|caller| caller.tell(20));
            for caller in &mut callers {
                assert_eq!(caller.outcome(), "20 answered");
            }
        }
        assert_eq!(bed.token_requests(), period);
        // One that starts later finds the token.
        let mut late = start();
        late.tell(1);
        assert_eq!(late.outcome(), "1 answered");
        assert_eq!(bed.token_requests(), period);
        bed.end_tokens();
    }
    let accepted = bed.emulator.journal().entries();
    let accepted = accepted
        .iter()
        .filter(|entry| entry.path == MEDIA && entry.errcode == 0);
    assert_eq!(accepted.count(), 5 * 81);
    server.close().await;
}

#[test]
fn a_url_that_is_none_is_an_error_that_does_not_show_it() {
    let folder = tempfile::tempdir().expect("a temp folder");
    let output = Command::new(env!("CARGO_BIN_EXE_caller"))
        .current_dir(&folder)
        .env("CLOUDCALL_REDIS_URL", "redis://:canary@127.0.0.1:port")
        .output()
        .expect("the process starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("CLOUDCALL_REDIS_URL is not a Redis URL") && !said.contains("canary"),
        "{said}"
    );
}
