//! `wx-server-sdk` in a Node process, set up as in a function.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Failure;
use crate::process::{MEASURED, Spent, pinned, root};
use crate::server::Access;

/// Calls after which Node has compiled what it will.
const FIRST: usize = 1_600;

/// A process that makes calls when it is told to: the same one for all rounds, so that its start and
/// its compiler count in none.
pub(crate) struct WxServerSdk {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
    at_once: usize,
}

impl WxServerSdk {
    /// Makes its first calls, which do not count, for media of a size, and so many at once.
    pub(crate) fn start(access: &Access, size: usize, at_once: usize) -> Result<Self, Failure> {
        let mut command = pinned(MEASURED, "node");
        command
            .arg(root().join("benches/node/client.cjs"))
            .args([size, at_once].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = as_a_function(&mut command, access).spawn()?;
        let (asked, told) = (child.stdin.take(), child.stdout.take());
        let mut node = Self {
            child,
            asked: asked.ok_or("no stdin")?,
            told: BufReader::new(told.ok_or("no stdout")?),
            at_once,
        };
        node.call(FIRST)?;
        Ok(node)
    }

    /// Makes so many calls, in whole turns of those at once.
    pub(crate) fn call(&mut self, calls: usize) -> Result<Spent, Failure> {
        writeln!(self.asked, "{}", calls / self.at_once)?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        if line.is_empty() {
            return Err("node ended: see stderr".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for WxServerSdk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets what `wx-server-sdk` finds in a function's environment. The tool's own preload script keeps
/// its look for Tencent's cloud on this machine, for either server.
pub(crate) fn as_a_function<'a>(command: &'a mut Command, access: &Access) -> &'a mut Command {
    let preload = root().join("crates/cli/src/runner/node/preload.cjs");
    command.envs([
        ("NODE_OPTIONS", format!("--require={}", preload.display())),
        ("CLOUDCALL_GATEWAY", access.url.clone()),
        (
            "TCB_CONTEXT_CNFG",
            format!(r#"{{"URL":"{}/admin"}}"#, access.url),
        ),
        ("WX_API_TOKEN", access.token.clone()),
    ]);
    command.envs([
        ("TENCENTCLOUD_RUNENV", "WX_LOCAL_SCF"),
        ("TENCENTCLOUD_REGION", "ap-shanghai"),
        ("TENCENTCLOUD_SECRETID", "local"),
        ("TENCENTCLOUD_SECRETKEY", "local"),
        ("TENCENTCLOUD_SESSIONTOKEN", ""),
        ("TCB_ENV", "cloudcall-local"),
        ("SCF_NAMESPACE", "cloudcall-local"),
        ("TCB_SOURCE", "wx_client"),
        ("SCF_FUNCTIONNAME", "bench"),
        ("WX_CONTEXT_KEYS", "WX_API_TOKEN"),
    ])
}
