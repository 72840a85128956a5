//! A Redis server of a test: in a folder of its own, on a port that is free, killed with the test.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct RedisServer {
    folder: TempDir,
    password: Option<&'static str>,
    port: u16,
    running: Option<(Child, BufReader<ChildStdout>)>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    pub(crate) fn start_with(password: Option<&'static str>) -> Self {
        let mut server = Self {
            folder: tempfile::tempdir().expect("a temp folder"),
            password,
            port: 0,
            running: None,
        };
        // Another process may take a free port before Redis does, so there are several tries.
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            server.port = listener.local_addr().expect("bound").port();
            drop(listener);
            if server.try_to_run() {
                return server;
            }
        }
        panic!("redis-server does not start: run it in a terminal to see why");
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            child.kill().expect("killed");
            child.wait().expect("its end");
        }
    }

    /// Starts it again where it was, without its data.
    pub(crate) fn restart(&mut self) {
        self.kill();
        for _ in 0..20 {
            if self.try_to_run() {
                return;
            }
        }
        panic!("redis-server does not start again on port {}", self.port);
    }

    /// Sends a signal such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let (child, _) = self.running.as_ref().expect("it runs");
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    pub(crate) fn url(&self) -> String {
        let password = self
            .password
            .map(|it| format!(":{it}@"))
            .unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}/0", self.port)
    }

    /// A connection to look into it with.
    pub(crate) fn look(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("a URL");
        client.get_connection().expect("it answers")
    }

    /// Starts it, and tells whether it took the port.
    fn try_to_run(&mut self) -> bool {
        let mut child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "notice"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(self.password.iter().flat_map(|it| ["--requirepass", it]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "these tests need redis-server: apt-get install redis-server, \
                 dnf install redis, or brew install redis",
            );
        let mut log = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while log.read_line(&mut line).expect("to read") > 0 {
            if line.contains("Ready to accept connections") {
                self.running = Some((child, log));
                return true;
            }
            line.clear();
        }
        child.wait().expect("its end");
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
