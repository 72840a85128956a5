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
        let mut build = Command::new(cargo);
        // What cargo set for this test would make build scripts run again, here and outside.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        let output = build
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

/// A run as a person sees it: exit code, stdout and stderr, without what differs from run to run.
pub(crate) fn seen(command: &mut Command) -> String {
    let output = output(command);
    let talk: String = stderr(&output)
        .lines()
        .filter(|line| !is_of_cargo(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let code = output
        .status
        .code()
        .map_or("none".into(), |code| code.to_string());
    format!(
        "exit code: {code}\n--- stdout\n{}--- stderr\n{talk}",
        stdout(&output)
    )
}

/// Progress of a build.
fn is_of_cargo(line: &str) -> bool {
    const VERBS: [&str; 5] = ["Blocking", "Building", "Compiling", "Finished", "Locking"];
    let word = line.trim_start().split(' ').next().unwrap_or_default();
    line.starts_with(' ') && VERBS.contains(&word)
}

/// Compares with the committed snapshot. The hint and rid of WeChat differ from call to call.
macro_rules! assert_seen {
    ($name:literal, $command:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(r"hint: \[[\w-]+\]", "hint: [HINT]");
        settings.add_filter(r"rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}", "rid: RID");
        let seen = $crate::tool::seen($command);
        settings.bind(|| insta::assert_snapshot!($name, seen));
    }};
}
pub(crate) use assert_seen;
