//! What serves functions over HTTP: `dev`, the frameworks, and programs that do no more than that.
//! All add two numbers.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;
use crate::process::{BOTH, MEASURED, OTHER, Rate, Spent, built, outcome, pinned, role, root};
use crate::server::{Server, free_address};

/// The part of a core from which a load may have been what was slow.
const BUSY: f64 = 0.8;

/// What a function is written in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Language {
    Rust,
    Node,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Node => "Node",
        })
    }
}

/// Which cores the servers have, and which the load.
#[derive(Clone, Copy)]
pub(crate) enum Cores {
    /// One each.
    Apart,
    /// All have both.
    Shared,
}

impl Cores {
    fn of_servers(self) -> &'static str {
        self.of_both().0
    }

    fn of_load(self) -> &'static str {
        self.of_both().1
    }

    fn of_both(self) -> (&'static str, &'static str) {
        match self {
            Self::Apart => (MEASURED, OTHER),
            Self::Shared => (BOTH, BOTH),
        }
    }
}

/// Servers, and the functions in them.
pub(crate) struct Peer {
    cores: Cores,
    servers: Vec<Server>,
    /// Of all functions.
    urls: Vec<String>,
}

impl Peer {
    fn of(cores: Cores, servers: Vec<Server>) -> Self {
        let urls = servers.iter().map(|it| it.access.url.clone()).collect();
        Self {
            cores,
            servers,
            urls,
        }
    }

    /// How many functions there are.
    pub(crate) fn functions(&self) -> usize {
        self.urls.len()
    }

    /// What they do with events that go to all functions in turn.
    pub(crate) fn rate(&self, connections: usize, requests: usize) -> Result<Rate, Failure> {
        let cpu_ns = || -> Result<f64, _> { self.servers.iter().map(Server::cpu_ns).sum() };
        let before = cpu_ns()?;
        let [connections, requests] = [connections, requests].map(|number| number.to_string());
        let mut load = role(self.cores.of_load(), &["post", &connections, &requests])?;
        let spent: Spent = outcome(load.args(&self.urls))?;
        let busy = spent.cpu_ns / spent.wall_ns;
        if busy > BUSY {
            return Err(format!("the load was busy for {:.0} % of the time", busy * 100.0).into());
        }
        Ok(Rate::new(&spent, cpu_ns()? - before))
    }

    /// The memory that all hold, in bytes.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        self.servers.iter().map(Server::memory).sum()
    }
}

/// `dev` with so many copies of a function. Those in Rust are built for a release, as they are
/// deployed.
pub(crate) fn dev(cores: Cores, language: Language, count: usize) -> Result<Peer, Failure> {
    let folder = tempfile::tempdir()?;
    let functions = folder.path().join("functions");
    let source = root().join("benches/functions");
    let (source, files) = match language {
        Language::Rust => (source.join("echo-rust"), ["Cargo.toml", "src/main.rs"]),
        Language::Node => (source.join("echo-node"), ["package.json", "index.js"]),
    };
    for name in names(count) {
        for file in files {
            let copy = functions.join(&name).join(file);
            fs::create_dir_all(copy.parent().ok_or("no folder")?)?;
            fs::copy(source.join(file), copy)?;
        }
    }
    let mut dev = pinned(cores.of_servers(), built("cloudcall")?);
    if language == Language::Rust {
        dev.env("CARGO", stand_in_for_cargo(folder.path())?);
    }
    start(dev, cores, &functions, Some(folder), names(count))
}

/// `dev` as it builds a function in Rust by itself: without optimisations.
pub(crate) fn dev_that_builds() -> Result<Peer, Failure> {
    let functions = root().join("benches/functions").canonicalize()?;
    let dev = pinned(MEASURED, built("cloudcall")?);
    start(
        dev,
        Cores::Apart,
        &functions,
        None,
        ["echo-rust".to_owned()],
    )
}

fn start(
    mut dev: Command,
    cores: Cores,
    functions: &Path,
    folder: Option<TempDir>,
    names: impl IntoIterator<Item = String>,
) -> Result<Peer, Failure> {
    dev.args(["dev", "--port", "0", "--functions"])
        .arg(functions)
        .current_dir(root());
    let server = Server::that_names_its_url(&mut dev, folder)?;
    let url = format!("{}/functions/", server.access.url);
    Ok(Peer {
        cores,
        urls: names
            .into_iter()
            .map(|name| format!("{url}{name}"))
            .collect(),
        servers: vec![server],
    })
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("f{number}"))
}

/// A program that says, in cargo's words, that whatever it is to build is the function that has been
/// built already: a hundred copies would be a hundred builds.
fn stand_in_for_cargo(folder: &Path) -> Result<PathBuf, Failure> {
    let program = folder.join("cargo");
    let function = built("echo-rust")?;
    // The tool calls `cargo build --message-format=… --manifest-path …`.
    let script = format!(
        r#"#!/bin/sh
[ "$1" = build ] || exit 1
echo '{{"reason":"compiler-artifact","package_id":"path+file:///echo-rust#0.1.0","manifest_path":"'"$4"'",
"target":{{"kind":["bin"],"name":"echo-rust"}},"executable":"{}"}}' | tr -d '\n'
"#,
        function.display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// `@google-cloud/functions-framework`.
pub(crate) fn google(cores: Cores) -> Result<Peer, Failure> {
    framework(
        cores,
        "functions-framework",
        "node/google.cjs",
        &["--target=main"],
    )
}

/// `@cloudbase/functions-framework`.
pub(crate) fn cloudbase(cores: Cores) -> Result<Peer, Failure> {
    framework(cores, "tcb-ff", "functions/echo-node", &[])
}

/// A framework as its command starts it, in a folder of its own, where it may keep logs.
fn framework(cores: Cores, command: &str, source: &str, options: &[&str]) -> Result<Peer, Failure> {
    let benches = root().join("benches").canonicalize()?;
    let address = free_address()?;
    let mut node = pinned(cores.of_servers(), "node");
    node.arg(benches.join("node/node_modules/.bin").join(command))
        .arg(format!("--source={}", benches.join(source).display()))
        .arg(format!("--port={}", address.port()))
        .args(options)
        .env("NODE_ENV", "production");
    let server = Server::that_listens(&mut node, address, tempfile::tempdir()?)?;
    Ok(Peer::of(cores, vec![server]))
}

/// A process for each function, which is its own HTTP server: no `dev` in between.
pub(crate) fn plain(language: Language, count: usize) -> Result<Peer, Failure> {
    let one = |_| match language {
        Language::Rust => Server::that_tells(&mut role(MEASURED, &["server", "echo", "0", "0"])?),
        Language::Node => {
            let program = root().join("benches/node/plain.cjs");
            Server::that_tells(pinned(MEASURED, "node").arg(program))
        }
    };
    Ok(Peer::of(
        Cores::Apart,
        (0..count).map(one).collect::<Result<_, _>>()?,
    ))
}
