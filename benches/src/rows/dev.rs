//! `cloudcall dev` with warm workers, against the frameworks that serve a Node function.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{ROUNDS, in_turn};
use crate::Failure;
use crate::process::{
    MEASURED, OTHER, Spent, cloudcall, cpu_ns_of_all, memory_of_all, outcome, pinned, role, root,
};
use crate::table::{Pair, Row, Target, Unit};

const NODE: &str = "/functions/echo-node";
const RUST: &str = "/functions/echo-rust";
const GOOGLE: &str = "@google-cloud/functions-framework";
const CLOUDBASE: &str = "@cloudbase/functions-framework";

/// Requests of one round, and of the first, which does not count: each worker compiles the code for
/// itself.
const REQUESTS: usize = 1_600;
const FIRST: usize = 16_000;

pub(super) fn rows(row: &mut dyn FnMut(Row, Result<Vec<Pair>, Failure>)) {
    for (path, what, against, peer, least) in [
        (RUST, "Rust", GOOGLE, google as fn() -> _, 3.0),
        (NODE, "Node", GOOGLE, google, 1.0),
        (NODE, "Node", CLOUDBASE, cloudbase, 1.0),
    ] {
        for connections in [1, 8] {
            row(
                Row {
                    what: format!(
                        "dev: warm invocations of a {what} function in a core-second, {connections} at once"
                    ),
                    against,
                    target: Target::AtLeast(least),
                    unit: Unit::PerSecond,
                },
                warm(path, peer, connections),
            );
        }
    }
    row(
        Row {
            what: "dev: idle memory, 10 functions, no worker".to_owned(),
            against: "one process of @google-cloud/functions-framework",
            target: Target::AtMost(0.2),
            unit: Unit::Mebibytes,
        },
        idle(),
    );
    for (count, what) in [
        (10, "10 functions"),
        (100, "100 functions, 10 of them called"),
    ] {
        row(
            Row {
                what: format!("dev: warm invocations in a core-second, {what}"),
                against: "1 function",
                target: Target::AtLeast(0.9),
                unit: Unit::PerSecond,
            },
            many(count),
        );
    }
}

fn warm(
    path: &str,
    peer: fn() -> Result<Peer, Failure>,
    connections: usize,
) -> Result<Vec<Pair>, Failure> {
    let dev = dev(&root().join("benches/functions"))?;
    let peer = peer()?;
    dev.load(&[path], connections, FIRST)?;
    peer.load(&["/"], connections, FIRST)?;
    in_turn(
        ROUNDS,
        || dev.in_a_core_second(&[path], connections),
        || peer.in_a_core_second(&["/"], connections),
    )
}

fn idle() -> Result<Vec<Pair>, Failure> {
    (0..3)
        .map(|_| {
            let (_folder, dev) = copies(10)?;
            let google = google()?;
            let held = |peer: &Peer| memory_of_all(peer.child.id());
            Ok((held(&dev)?, held(&google)?))
        })
        .collect()
}

fn many(count: usize) -> Result<Vec<Pair>, Failure> {
    let (_folder, many) = copies(count)?;
    let (_other, one) = copies(1)?;
    let paths: Vec<_> = (0..count.min(10))
        .map(|number| format!("/functions/f{number}"))
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    many.load(&paths, 1, FIRST)?;
    one.load(&["/functions/f0"], 1, FIRST)?;
    in_turn(
        ROUNDS,
        || many.in_a_core_second(&paths, 1),
        || one.in_a_core_second(&["/functions/f0"], 1),
    )
}

/// `dev` over so many copies of the function in Node.
fn copies(count: usize) -> Result<(TempDir, Peer), Failure> {
    let folder = tempfile::tempdir()?;
    let function = root().join("benches/functions/echo-node");
    for number in 0..count {
        let copy = folder.path().join(format!("f{number}"));
        fs::create_dir(&copy)?;
        for file in ["index.js", "package.json"] {
            fs::copy(function.join(file), copy.join(file))?;
        }
    }
    let dev = dev(folder.path())?;
    Ok((folder, dev))
}

/// A server with all that it starts, on the core that is measured.
struct Peer {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Peer {
    /// How many events it answers in a second of CPU time, of its workers too.
    fn in_a_core_second(&self, paths: &[&str], connections: usize) -> Result<f64, Failure> {
        let before = cpu_ns_of_all(self.child.id())?;
        let load = self.load(paths, connections, REQUESTS)?;
        Ok(1e9 * load.calls / (cpu_ns_of_all(self.child.id())? - before))
    }

    fn load(&self, paths: &[&str], connections: usize, requests: usize) -> Result<Spent, Failure> {
        let [connections, requests] = [connections, requests].map(|number| number.to_string());
        let mut load = role(OTHER, &["post", &self.url, &connections, &requests])?;
        outcome(load.args(paths))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn dev(functions: &Path) -> Result<Peer, Failure> {
    let mut command = pinned(MEASURED, cloudcall()?);
    command
        .args(["dev", "--port", "0", "--functions"])
        .arg(functions.canonicalize()?);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // As `cargo xtask bench` has built it: optimised, as it is deployed.
    let target = std::env::current_exe()?;
    let target = target.ancestors().nth(2).ok_or("no target folder")?;
    command
        .current_dir(root())
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "3")
        .env("CARGO_TARGET_DIR", target.join("benches"));
    let mut child = command.spawn()?;
    let mut stderr = BufReader::new(child.stderr.take().ok_or("no stderr")?);
    let mut said = String::new();
    let url = loop {
        let start = said.len();
        if stderr.read_line(&mut said)? == 0 {
            return Err(
                format!("`cloudcall dev` ended: {}", said.trim().replace('\n', " ")).into(),
            );
        }
        let line = &said[start..];
        if let Some((_, rest)) = line.split_once("http://127.0.0.1:") {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break format!("http://127.0.0.1:{port}");
        }
    };
    // A line for each invocation, which somebody has to read.
    thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Ok(Peer {
        child,
        url,
        _folder: tempfile::tempdir()?,
    })
}

fn google() -> Result<Peer, Failure> {
    framework(|command, port| {
        let source = root().join("benches/node/google.cjs");
        command
            .arg(bin("functions-framework"))
            .args(["--target=main", &format!("--source={}", source.display())])
            .arg(format!("--port={port}"));
    })
}

fn cloudbase() -> Result<Peer, Failure> {
    framework(|command, port| {
        let source = root().join("benches/functions/echo-node");
        command.arg(bin("tcb-ff")).args([
            format!("--source={}", source.display()),
            format!("--port={port}"),
        ]);
    })
}

fn bin(name: &str) -> std::path::PathBuf {
    root().join("benches/node/node_modules/.bin").join(name)
}

/// A Node program that is told its port, in a folder of its own, where it may keep logs.
fn framework(arguments: impl FnOnce(&mut Command, u16)) -> Result<Peer, Failure> {
    let folder = tempfile::tempdir()?;
    // Port 0 is not told. Whoever takes this one in between makes the row fail.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = pinned(MEASURED, "node");
    arguments(&mut command, address.port());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .current_dir(folder.path())
        .env("NODE_ENV", "production");
    let mut peer = Peer {
        child: command.spawn()?,
        url: format!("http://{address}"),
        _folder: folder,
    };
    let started = Instant::now();
    // It does not say when it listens.
    while TcpStream::connect(address).is_err() {
        if let Some(status) = peer.child.try_wait()? {
            return Err(format!("a framework does not start ({status})").into());
        }
        if started.elapsed() > Duration::from_secs(20) {
            return Err("a framework does not listen".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(peer)
}
