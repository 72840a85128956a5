//! Builds a Rust function with cargo, and finds its executable.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::output::Lines;
use super::process::Spawner;
use crate::printer::Printer;

/// The name of a custom runtime's executable on the platform.
const BOOTSTRAP: &str = "bootstrap";

#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("cargo ({}) was not found", .0.display())]
    NoCargo(PathBuf),
    #[error("cargo does not start: {0}")]
    Spawn(std::io::Error),
    #[error("cargo's messages cannot be read: {0}")]
    Messages(std::io::Error),
    #[error("{} does not build: see cargo's messages above", .0.display())]
    Failed(PathBuf),
    #[error("the build of {} was interrupted", .0.display())]
    Interrupted(PathBuf),
    #[error("{} has no binary", .0.display())]
    NoBinary(PathBuf),
    #[error("{} has several binaries ({}), and none is named {BOOTSTRAP} or like the package", .manifest.display(), .names.join(", "))]
    SeveralBinaries {
        manifest: PathBuf,
        names: Vec<String>,
    },
}

/// A package that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) executable: PathBuf,
}

/// Builds the package of a function and tells what came of it. What cargo says on the way goes to
/// stderr by itself, with its colours and its progress; as lines of ours where those are JSON.
pub(crate) async fn build(
    cargo: &OsStr,
    (function, manifest): (&str, &Path),
    environment: &[(OsString, OsString)],
    spawner: &Spawner,
    printer: Printer,
) -> Result<Built, BuildError> {
    let function = function.to_owned();
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--message-format=json-render-diagnostics",
            "--manifest-path",
        ])
        .arg(manifest)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if printer.logs_as_json() {
        command.stderr(Stdio::piped());
    }
    let mut process = spawner.spawn(command).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::NoCargo(cargo.into()),
        _ => BuildError::Spawn(error),
    })?;

    let mut talk = Lines::default();
    if let Some(stderr) = process.stderr.take() {
        talk.read(stderr, move |line| printer.build_line(&function, &line));
    }
    let mut binaries = Vec::new();
    if let Some(stdout) = process.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.map_err(BuildError::Messages)? {
            if let Some(artifact) = Artifact::in_message(&line) {
                binaries.extend(artifact.binary());
            }
        }
    }

    let status = process.ended().await.0;
    // An error refers to what it said.
    talk.end().await;
    if status.is_some_and(|status| status.success()) {
        let of_package = |binary: &Binary| same_file(&binary.manifest, manifest);
        let binaries = binaries.into_iter().filter(of_package).collect();
        choose(manifest, binaries).map(|executable| Built { executable })
    } else if status.is_some_and(was_interrupted) {
        Err(BuildError::Interrupted(manifest.into()))
    } else {
        Err(BuildError::Failed(manifest.into()))
    }
}

#[cfg(unix)]
fn was_interrupted(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(2)
}

#[cfg(windows)]
fn was_interrupted(status: std::process::ExitStatus) -> bool {
    // STATUS_CONTROL_C_EXIT
    status.code() == Some(0xC000_013A_u32.cast_signed())
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// An executable that cargo reports.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    name: String,
    package: String,
    manifest: PathBuf,
    executable: PathBuf,
}

/// What cargo reports of a target that it has built, or found built.
#[derive(Deserialize)]
struct Artifact {
    reason: String,
    package_id: String,
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Artifact {
    /// What a line of cargo's messages reports, if it does.
    fn in_message(line: &str) -> Option<Self> {
        let artifact: Self = serde_json::from_str(line).ok()?;
        (artifact.reason == "compiler-artifact").then_some(artifact)
    }

    fn is(&self, kind: &str) -> bool {
        self.target.kind.iter().any(|it| it == kind)
    }

    /// The executable, if it is one of a binary.
    fn binary(self) -> Option<Binary> {
        self.is("bin").then_some(())?;
        Some(Binary {
            name: self.target.name,
            package: package_name(&self.package_id).to_owned(),
            manifest: self.manifest_path,
            executable: self.executable?,
        })
    }
}

/// The name in a package id: `path+file:///a/folder#name@1.0.0`, or without the name where the
/// folder has it: `path+file:///a/name#1.0.0`.
fn package_name(id: &str) -> &str {
    let (url, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => url.rsplit('/').next().unwrap_or_default(),
    }
}

fn choose(manifest: &Path, binaries: Vec<Binary>) -> Result<PathBuf, BuildError> {
    if let [only] = binaries.as_slice() {
        return Ok(only.executable.clone());
    }
    let named = |name: &dyn Fn(&Binary) -> bool| binaries.iter().find(|binary| name(binary));
    let chosen = named(&|binary| binary.name == BOOTSTRAP)
        .or_else(|| named(&|binary| binary.name == binary.package));
    match chosen {
        Some(binary) => Ok(binary.executable.clone()),
        None if binaries.is_empty() => Err(BuildError::NoBinary(manifest.into())),
        None => Err(BuildError::SeveralBinaries {
            manifest: manifest.into(),
            names: binaries.into_iter().map(|binary| binary.name).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, kind: &str, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///p/f#0.1.0","manifest_path":"/p/f/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"{name}","src_path":"/p/f/src/main.rs"}},"filenames":[],"executable":{executable},"fresh":true}}"#
        )
    }

    fn binary(line: &str) -> Option<Binary> {
        Artifact::in_message(line).and_then(Artifact::binary)
    }

    fn chosen(names: &[&str]) -> Result<PathBuf, String> {
        let named = |name: &&str| binary(&message(name, "bin", &format!("\"/t/{name}\"")));
        let binaries = names
            .iter()
            .map(|name| named(name).expect("a binary"))
            .collect();
        choose(Path::new("Cargo.toml"), binaries).map_err(|error| error.to_string())
    }

    #[test]
    fn only_executables_of_binaries_count() {
        assert!(binary(&message("f", "bin", "\"/t/f\"")).is_some());
        assert!(binary(&message("f", "example", "\"/t/f\"")).is_none());
        assert!(binary(&message("f", "lib", "null")).is_none());
        assert!(binary(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(binary("not JSON").is_none());
    }

    #[test]
    fn the_platforms_name_comes_before_the_packages() {
        assert_eq!(chosen(&["x"]), Ok("/t/x".into()));
        assert_eq!(chosen(&["x", "f"]), Ok("/t/f".into()));
        assert_eq!(chosen(&["x", "f", "bootstrap"]), Ok("/t/bootstrap".into()));
        assert_eq!(chosen(&[]), Err("Cargo.toml has no binary".into()));
        assert_eq!(
            chosen(&["x", "y"]),
            Err("Cargo.toml has several binaries (x, y), and none is named bootstrap or like the package".into())
        );
    }

    #[test]
    fn a_package_id_names_the_package_or_its_folder_does() {
        assert_eq!(package_name("path+file:///p/folder#name@0.1.0"), "name");
        assert_eq!(package_name("path+file:///p/name#0.1.0"), "name");
    }
}
