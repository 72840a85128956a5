//! The `cloudcall` binary, built once, and run in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is a folder of the workspace")
}

/// A run of the binary, without any variable of the user's that it or a function looks at.
pub(crate) fn cloudcall(folder: &Path) -> Command {
    const OURS: [&str; 6] = [
        "CLOUDCALL_",
        "WECHAT_",
        "WX_",
        "TCB_",
        "TENCENTCLOUD_",
        "SCF_",
    ];

    let mut command = Command::new(binary());
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        let of_a_proxy = text.ends_with("_PROXY");
        if of_a_proxy || text == "NODE_OPTIONS" || OURS.iter().any(|ours| text.starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().expect("the binary starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--package=cloudcall-cli", "--message-format=json"])
            .current_dir(root())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "the binary cannot be built");
        stdout(&output)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("the package has a binary")
    })
}
