//! Processes that serve until they are dropped, in whichever way they say that they are ready.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::process::{Rate, Spent};
use crate::{Failure, usage};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a server is, and what a function is known by there; that is empty where nobody asks.
#[derive(Deserialize)]
pub(crate) struct Access {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) token: String,
}

/// A server with all that it starts.
pub(crate) struct Server {
    child: Child,
    pub(crate) access: Access,
    /// What it reads and writes; removed after its end.
    _folder: Option<TempDir>,
}

impl Server {
    /// One that writes its access as JSON, in the first line on stdout, and ends with its stdin.
    pub(crate) fn that_tells(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self::spawn(command, String::new(), None)?;
        let mut line = String::new();
        BufReader::new(server.child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("{command:?} ended before it was ready").into());
        }
        server.access = serde_json::from_str(&line)?;
        Ok(server)
    }

    /// One that names its URL on stderr, where it goes on to write.
    pub(crate) fn that_names_its_url(
        command: &mut Command,
        folder: Option<TempDir>,
    ) -> Result<Self, Failure> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut server = Self::spawn(command, String::new(), folder)?;
        let mut stderr = BufReader::new(server.child.stderr.take().ok_or("no stderr")?);
        let mut said = String::new();
        server.access.url = loop {
            let start = said.len();
            if stderr.read_line(&mut said)? == 0 {
                let said = said.trim().replace('\n', " ");
                return Err(format!("{command:?} ended: {said}").into());
            }
            if let Some((_, rest)) = said[start..].split_once("http://127.0.0.1:") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                break format!("http://127.0.0.1:{port}");
            }
        };
        // Somebody has to read it.
        thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Ok(server)
    }

    /// One that is told where to listen, and does not say when it does.
    pub(crate) fn that_listens(
        command: &mut Command,
        address: SocketAddr,
        folder: TempDir,
    ) -> Result<Self, Failure> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(folder.path());
        let mut server = Self::spawn(command, format!("http://{address}"), Some(folder))?;
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} is not there or does not start: {status}").into());
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("{command:?} does not listen").into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    fn spawn(command: &mut Command, url: String, folder: Option<TempDir>) -> Result<Self, Failure> {
        Ok(Self {
            child: command.spawn()?,
            access: Access {
                url,
                token: String::new(),
            },
            _folder: folder,
        })
    }

    /// What it does with this load, in a second and in a second of its CPU time.
    pub(crate) fn rate(
        &self,
        load: impl FnOnce() -> Result<Spent, Failure>,
    ) -> Result<Rate, Failure> {
        let before = self.cpu_ns()?;
        let spent = load()?;
        Ok(Rate::new(&spent, self.cpu_ns()? - before))
    }

    /// Its CPU time so far, in ns.
    pub(crate) fn cpu_ns(&self) -> Result<f64, Failure> {
        usage::cpu_ns(self.child.id())
    }

    /// The memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        usage::memory(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address for a server that takes no port 0, or does not tell which it was given. Whoever takes
/// the port in between makes the row fail.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
