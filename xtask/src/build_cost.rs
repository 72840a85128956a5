//! What a newcomer waits for: the first command in a fresh clone, beside the build of a program
//! that does nothing but GET with reqwest.
//!
//! Both begin with nothing but the crates' sources, take the same versions, features and TLS, and
//! run one after the other. CPU seconds say more than wall time where other programs run too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use crate::steps::{Failure, cargo, command, root, run};

const FIRST: &[&str] = &[
    "run",
    "--quiet",
    "--",
    "invoke",
    "get-temp-media",
    "--event",
    r#"{"mediaId":"sample"}"#,
];

const MANIFEST: &str = r#"
[package]
name = "bare"
version = "0.0.0"
edition = "2024"

[dependencies]
reqwest = { version = "0.13", default-features = false, features = ["rustls-no-provider", "system-proxy"] }
rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }
tokio = { version = "1", features = ["full"] }

[workspace]
"#;

const PROGRAM: &str = r#"
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reply = reqwest::get("https://api.weixin.qq.com/").await?;
    println!("{} bytes", reply.bytes().await?.len());
    Ok(())
}
"#;

/// Wall and CPU seconds of a command and all that it started.
struct Cost {
    wall: f64,
    cpu: f64,
}

/// Prints both, and their ratio. What is not committed is not measured.
pub(crate) fn table() -> Result<(), Failure> {
    let folder = Temporary::new()?;
    let clone = folder.0.join("cloudcall");
    let mut git = command("git", &["clone", "--quiet"]);
    git.args([root(), &clone]);
    run(git)?;
    let bare = folder.0.join("bare");
    let written = fs::create_dir_all(bare.join("src"))
        .and_then(|()| fs::write(bare.join("Cargo.toml"), MANIFEST))
        .and_then(|()| fs::write(bare.join("src/main.rs"), PROGRAM))
        .and_then(|()| fs::copy(clone.join("Cargo.lock"), bare.join("Cargo.lock")));
    written.map_err(|error| format!("{}: {error}", bare.display()))?;
    for package in [&clone, &bare] {
        run(in_package(package, &["fetch", "--quiet"]))?;
    }

    let bare = cost(&in_package(&bare, &["build", "--quiet", "--offline"]))?;
    let mut first = in_package(&clone, FIRST);
    first.env("CARGO_NET_OFFLINE", "true");
    let first = cost(&first)?;
    println!("                                wall s   CPU s");
    for (name, cost) in [
        ("the first command, fresh clone", &first),
        ("cargo build, bare reqwest", &bare),
    ] {
        println!("{name:<30}  {:>6.1}  {:>6.1}", cost.wall, cost.cpu);
    }
    println!(
        "{:<30}  {:>6.2}  {:>6.2}",
        "ratio",
        first.wall / bare.wall,
        first.cpu / bare.cpu
    );
    Ok(())
}

/// cargo in another package, with a target folder of its own.
fn in_package(folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = cargo(arguments);
    cargo.current_dir(folder).env_remove("CARGO_TARGET_DIR");
    cargo
}

/// Runs the command through a shell, whose `times` says what its children took. What the command
/// prints goes to our standard error.
fn cost(command: &Command) -> Result<Cost, Failure> {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@" >&2; status=$?; times; exit $status"#, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(Stdio::null()).stderr(Stdio::inherit());
    let line = format!("{command:?}").replace('"', "");
    let started = Instant::now();
    let output = shell
        .output()
        .map_err(|error| format!("sh could not be started: {error}"))?;
    let wall = started.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("{line} ({})", output.status));
    }
    let times = String::from_utf8_lossy(&output.stdout);
    let cpu = of_children(&times).ok_or_else(|| format!("not the shell's times: {times}"))?;
    Ok(Cost { wall, cpu })
}

/// The seconds of the children, in what `times` prints: a line of the shell's own user and system
/// time, and one of its children's.
fn of_children(times: &str) -> Option<f64> {
    let seconds = |time: &str| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(60.0 * minutes.parse::<f64>().ok()? + seconds.parse::<f64>().ok()?)
    };
    let (user, system) = times.lines().nth(1)?.split_once(' ')?;
    Some(seconds(user)? + seconds(system.trim())?)
}

/// A folder that is removed in the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self, Failure> {
        let name = format!("cloudcall-build-cost-{}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_children_are_the_second_line() {
        let times = "0m0.001s 0m0.002s\n1m30.500s 0m2.25s\n";
        assert_eq!(of_children(times), Some(92.75));
        assert_eq!(of_children("0m0.001s 0m0.002s\n"), None);
    }
}
