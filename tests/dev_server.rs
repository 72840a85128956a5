//! A `cloudcall dev` that runs beside a test, and requests to it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tool::{GUARD, cloudcall};

/// The server. It is killed when this is dropped.
pub(crate) struct Dev {
    child: Child,
    /// Such as `127.0.0.1:40123`.
    pub(crate) address: String,
    lines: Mutex<mpsc::Receiver<String>>,
    /// What it has said until now, as far as a test waited for it.
    said: Vec<String>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Dev {
    /// Starts it in a folder, on a port of its own, and waits until it serves.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_on_any(folder, &[&["--port", "0"], arguments].concat())
    }

    /// The same, on the port of the arguments or the usual one.
    pub(crate) fn start_on_any(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(cloudcall(folder).arg("dev").args(arguments))
    }

    /// The same by a command.
    pub(crate) fn start_with(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("piped");
        let (told, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // The test may be over.
                let _ = told.send(line);
            }
        });
        let mut dev = Self {
            child,
            address: String::new(),
            lines: Mutex::new(lines),
            said: Vec::new(),
        };
        let line = dev.says("http://127.0.0.1:");
        let (_, address) = line.split_once("http://").expect("it was looked for");
        let is_of_address = |char: &char| char.is_ascii_digit() || matches!(char, '.' | ':');
        dev.address = address.chars().take_while(is_of_address).collect();
        dev
    }

    /// Waits for a line that holds this; gives it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> String {
        let lines = self.lines.get_mut();
        let lines = lines.unwrap_or_else(PoisonError::into_inner);
        loop {
            match lines.recv_timeout(GUARD) {
                Ok(line) => {
                    let is_it = line.contains(text);
                    self.said.push(line.clone());
                    if is_it {
                        return line;
                    }
                }
                Err(error) => panic!("{error}: no {text:?} in\n{}", self.said.join("\n")),
            }
        }
    }

    /// Whether a line before the one that was waited for holds this.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }

    /// Invokes a function.
    pub(crate) fn invoke(&self, function: &str, event: &str) -> Reply {
        self.invoke_as(function, event, &[])
    }

    /// Invokes a function with headers.
    pub(crate) fn invoke_as(&self, function: &str, event: &str, headers: &[(&str, &str)]) -> Reply {
        let path = format!("/functions/{function}");
        send(&self.address, "POST", &path, headers, event.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        send(&self.address, "GET", path, &[], b"")
    }

    /// How a function is, of `GET /functions`.
    #[track_caller]
    pub(crate) fn look(&self, function: &str) -> Value {
        let all = self.get("/functions").json();
        let mut functions = all["functions"].as_array().expect("a list").iter();
        let found = functions.find(|it| it["name"] == function);
        found.expect("the function").clone()
    }

    /// Asks until the answer is this one.
    #[track_caller]
    pub(crate) fn comes_to<T: PartialEq + std::fmt::Debug>(
        &self,
        expected: &T,
        ask: impl Fn(&Self) -> T,
    ) {
        let begun = Instant::now();
        loop {
            let answer = ask(self);
            if answer == *expected {
                return;
            }
            assert!(begun.elapsed() < GUARD, "{answer:?} for {expected:?}");
            thread::yield_now();
        }
    }

    /// Sends a signal, and waits for the end.
    #[cfg(unix)]
    pub(crate) fn signal(mut self, signal: &str) -> ExitStatus {
        self.send(signal);
        self.ended()
    }

    /// The same, and gives what it said on its way.
    #[cfg(unix)]
    pub(crate) fn last_words(mut self, signal: &str) -> String {
        self.send(signal);
        let lines = self.lines.get_mut();
        let lines = lines.unwrap_or_else(PoisonError::into_inner);
        let mut words = String::new();
        loop {
            match lines.recv_timeout(GUARD) {
                Ok(line) => words.push_str(&(line + "\n")),
                Err(mpsc::RecvTimeoutError::Disconnected) => return words,
                Err(error) => panic!("{error}: it does not end, after\n{words}"),
            }
        }
    }

    #[cfg(unix)]
    fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill").success());
    }

    #[cfg(unix)]
    fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("to wait") {
                return status;
            }
            assert!(begun.elapsed() < GUARD, "it does not end");
            // It says nothing more; its output ends with it.
            let lines = self.lines.get_mut().expect("no panic");
            let _ = lines.recv_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let lines = self.lines.get_mut();
            let lines = lines.unwrap_or_else(PoisonError::into_inner);
            let rest: Vec<_> = lines.try_iter().collect();
            eprintln!("{}\n{}", self.said.join("\n"), rest.join("\n"));
        }
    }
}

/// One request, on a connection of its own.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(GUARD)).expect("a time limit");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).expect("to send");
    // A server that has answered already need not read the rest.
    let _ = stream.write_all(body);
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Reply {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A project with these files.
pub(crate) fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a temp folder");
    for (file, text) in files {
        write(project.path(), file, text);
    }
    project
}

/// Writes a file, as an editor does: at once.
pub(crate) fn write(project: &Path, file: &str, text: &str) {
    let path = project.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
    let new = path.with_extension("tmp");
    fs::write(&new, text).expect("written");
    fs::rename(new, path).expect("in its place");
}
