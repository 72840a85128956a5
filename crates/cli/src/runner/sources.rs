//! What a function in Rust is built from, as far as it is on this machine and may be edited. Cargo
//! knows it before the build, and also where that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::process::Spawner;

/// Files and folders of sources; none where cargo does not tell, which it does not before it has
/// downloaded what the function needs.
pub(super) async fn sources(
    cargo: &OsStr,
    manifest: &Path,
    environment: &[(OsString, OsString)],
    spawner: &Spawner,
) -> Option<BTreeSet<PathBuf>> {
    let mut command = Command::new(cargo);
    command
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--manifest-path",
        ])
        .arg(manifest)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What is wrong is told by the build.
        .stderr(Stdio::null());
    let mut process = spawner.spawn(command).ok()?;
    let mut told = Vec::new();
    let mut stdout = process.stdout.take()?;
    stdout.read_to_end(&mut told).await.ok()?;
    let status = process.ended().await.0?;
    let metadata: Metadata = serde_json::from_slice(&told).ok()?;
    status.success().then(|| metadata.sources())
}

/// What of cargo's metadata matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    /// None of a package on this machine.
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
    root: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Metadata {
    fn sources(&self) -> BTreeSet<PathBuf> {
        let nodes = self.resolve.nodes.iter();
        let nodes: BTreeMap<_, _> = nodes.map(|it| (&it.id, &it.dependencies)).collect();
        let packages: BTreeMap<_, _> = self.packages.iter().map(|it| (&it.id, it)).collect();
        // Of a workspace, what the function has nothing to do with does not count.
        let mut needed: BTreeSet<_> = self.resolve.root.iter().collect();
        let mut next: Vec<_> = needed.iter().copied().collect();
        let mut sources = self.settings();
        while let Some(id) = next.pop() {
            if let Some(package) = packages.get(id).filter(|it| it.source.is_none()) {
                sources.extend(package.sources());
                let more = nodes.get(id).into_iter().copied().flatten();
                next.extend(more.filter(|it| needed.insert(it)));
            }
        }
        sources
    }

    /// What holds for the whole workspace, whether or not it is there.
    fn settings(&self) -> BTreeSet<PathBuf> {
        let names = [
            "Cargo.toml",
            "Cargo.lock",
            ".cargo/config.toml",
            "rust-toolchain.toml",
        ];
        names.map(|name| self.workspace_root.join(name)).into()
    }
}

impl Package {
    /// Its manifest, and the folders of its code. What is not built with a function does not count.
    fn sources(&self) -> impl Iterator<Item = PathBuf> {
        let is_one_of = |it: &Target, kinds: &[&str]| {
            let mut of_it = it.kind.iter();
            of_it.any(|kind| kinds.contains(&kind.as_str()))
        };
        let built = self.targets.iter();
        let built = built.filter(move |it| !is_one_of(it, &["test", "bench", "example"]));
        let sources = built.map(move |it| {
            // A build script lies in the package's folder, of which the rest is no source.
            let is_script = is_one_of(it, &["custom-build"]);
            match it.src_path.parent().filter(|_| !is_script) {
                Some(folder) => folder.to_owned(),
                None => it.src_path.clone(),
            }
        });
        sources.chain([self.manifest_path.clone()])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(name: &str, source: Value) -> Value {
        let target = |kind: &str, file: &str| json!({"kind": [kind], "src_path": format!("/w/{name}/{file}")});
        json!({
            "id": name,
            "source": source,
            "manifest_path": format!("/w/{name}/Cargo.toml"),
            "targets": [
                target("bin", "src/main.rs"),
                target("custom-build", "build.rs"),
                target("test", "tests/all.rs"),
            ],
        })
    }

    #[test]
    fn sources_are_those_of_the_packages_on_this_machine_that_are_needed() {
        let registry = json!("registry+https://r/index");
        let metadata = json!({
            "packages": [
                package("f", Value::Null),
                package("part", Value::Null),
                package("other", Value::Null),
                package("serde", registry),
            ],
            "resolve": {
                "root": "f",
                "nodes": [
                    {"id": "f", "dependencies": ["serde", "part"]},
                    {"id": "part", "dependencies": ["f"]},
                    {"id": "other", "dependencies": []},
                    {"id": "serde", "dependencies": []},
                ],
            },
            "workspace_root": "/w",
        });
        let metadata: Metadata = serde_json::from_value(metadata).expect("what cargo tells");
        let expected = [
            "/w/.cargo/config.toml",
            "/w/Cargo.lock",
            "/w/Cargo.toml",
            "/w/f/Cargo.toml",
            "/w/f/build.rs",
            "/w/f/src",
            "/w/part/Cargo.toml",
            "/w/part/build.rs",
            "/w/part/src",
            "/w/rust-toolchain.toml",
        ];
        assert_eq!(metadata.sources(), expected.map(PathBuf::from).into());
    }
}
