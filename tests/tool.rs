//! The `cloudcall` binary, built once, and run in an environment of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// Longer than anything takes here, the build of a function included. A test that waits for
/// longer fails instead of hanging.
pub(crate) const GUARD: Duration = Duration::from_secs(180);

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is a folder of the workspace")
}

/// A path below the root of the workspace, as an argument of a run elsewhere.
pub(crate) fn in_root(path: &str) -> String {
    root().join(path).to_str().expect("UTF-8").to_owned()
}

/// A run of the binary, with nothing of the user's environment but what finds programs and builds.
pub(crate) fn cloudcall(folder: &Path) -> Command {
    in_its_environment(Command::new(binary()), folder)
}

/// A run of another program, in the same environment.
pub(crate) fn in_its_environment(mut command: Command, folder: &Path) -> Command {
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())));
    in_our_target_folder(&mut command);
    command
}

/// Whether a variable is one that programs are found, or functions built with.
fn is_kept(name: &str) -> bool {
    const NAMES: [&str; 33] = [
        "AR",
        "APPDATA",
        "CFLAGS",
        "COMSPEC",
        "DEVELOPER_DIR",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "HOME",
        "INCLUDE",
        "LD_LIBRARY_PATH",
        "LIB",
        "LIBPATH",
        "LIBRARY_PATH",
        "LOCALAPPDATA",
        "LOGNAME",
        "MACOSX_DEPLOYMENT_TARGET",
        "PATH",
        "PATHEXT",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "PROGRAMFILES(X86)",
        "RUSTFLAGS",
        "SDKROOT",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "USER",
        "USERPROFILE",
        "VCINSTALLDIR",
        "VSINSTALLDIR",
        "WINDIR",
        "XDG_CACHE_HOME",
    ];
    const PREFIXES: [&str; 8] = [
        "CARGO", "CC", "CXX", "HOST_", "NIX_", "RUSTC", "RUSTUP_", "TARGET_",
    ];
    // How cargo talks, and what it says of this test, which would make build scripts run again.
    const OTHERS: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_TERM_"];

    let name = name.to_uppercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    NAMES.contains(&name.as_str()) || (starts(&PREFIXES) && !starts(&OTHERS))
}

/// Makes cargo build where this test was built, wherever that is.
fn in_our_target_folder(command: &mut Command) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    command.env("CARGO_TARGET_DIR", target.expect("it is below the target"));
}

/// Runs to the end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(command.spawn().expect("the binary starts"))
}

/// What a process has written into its pipes, and how it ended.
pub(crate) fn ended(mut child: Child) -> Output {
    let stdout = child.stdout.take().map(all_of);
    let stderr = child.stderr.take().map(all_of);
    let mut whole = |stream: Option<mpsc::Receiver<Vec<u8>>>| match stream {
        None => Vec::new(),
        Some(stream) => stream.recv_timeout(GUARD).unwrap_or_else(|_| {
            // It may have ended meanwhile, and its output be held by what it left behind.
            let _ = child.kill();
            panic!("no end of the process, or of its output, in {GUARD:?}")
        }),
    };
    let (stdout, stderr) = (whole(stdout), whole(stderr));
    let status = child.wait().expect("the end");
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Reads a stream to its end in the background, so that no pipe fills up.
fn all_of(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (whole, wanted) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("to read");
        // Nobody wants it any more where the wait was given up.
        let _ = whole.send(bytes);
    });
    wanted
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        build(&["--package=cloudcall-cli"])
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("the package has a binary")
    })
}

/// Builds packages of the workspace; gives cargo's messages.
pub(crate) fn build(packages: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // What cargo set for this test would make build scripts run again, here and outside.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    in_our_target_folder(&mut build);
    let output = build
        .args(["build", "--message-format=json"])
        .args(packages)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{packages:?} cannot be built");
    stdout(&output)
}
