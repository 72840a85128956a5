//! `wx-server-sdk` in a Node process, set up as in a function.

use std::process::Command;

use serde_json::json;

use crate::Failure;
use crate::client::Client;
use crate::process::{MEASURED, Spent, pinned, root};
use crate::server::Access;

/// Calls after which Node has compiled what it will: after half as many, a call still takes a
/// quarter more.
const FIRST: usize = 4_000;

/// A process that makes calls through the gateway it is told.
pub(crate) struct WxServerSdk {
    client: Client,
    at_once: usize,
}

impl WxServerSdk {
    /// For media of a size, and so many calls at once. The first calls, which do not count, are
    /// shared out among these gateways.
    pub(crate) fn start(
        gateways: &[&Access],
        size: usize,
        at_once: usize,
    ) -> Result<Self, Failure> {
        let mut command = pinned(MEASURED, "node");
        command
            .arg(root().join("benches/node/client.cjs"))
            .args([size, at_once].map(|number| number.to_string()));
        let first = gateways.first().ok_or("no gateway")?;
        let mut node = Self {
            client: Client::start(as_a_function(&mut command, first))?,
            at_once,
        };
        for gateway in gateways {
            node.call(gateway, FIRST / gateways.len())?;
        }
        Ok(node)
    }

    /// Makes so many calls, in whole turns of those at once.
    pub(crate) fn call(&mut self, gateway: &Access, calls: usize) -> Result<Spent, Failure> {
        self.client.call(json!({
            "times": calls / self.at_once,
            "url": gateway.url,
            "token": gateway.token,
        }))
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
