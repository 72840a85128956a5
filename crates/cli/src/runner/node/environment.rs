//! The environment that `wx-server-sdk` expects, and that leads it to the gateway.

use std::ffi::OsString;

use super::super::caller::Caller;

/// The environment id of a function that runs here. Not `local`, of which the SDK takes note: it
/// then knows no `DYNAMIC_CURRENT_ENV`.
const LOCAL: &str = "cloudcall-local";

/// What every version of the SDK needs, from 0.4.0 on.
///
/// `TENCENTCLOUD_RUNENV` as the local debugging of WeChat DevTools sets it makes the SDK speak
/// plain HTTP. Versions from 2.3.3 on go where `TCB_CONTEXT_CNFG` says; our preload script leads
/// the others to `CLOUDCALL_GATEWAY`. The keys only have to be there: the SDK signs with them, and
/// 4.0.2 ends the process without them.
pub(crate) fn sdk_environment(
    gateway: &str,
    token: &str,
    function: &str,
    caller: &Caller,
) -> Vec<(OsString, OsString)> {
    let mut keys = vec!["WX_API_TOKEN"];
    keys.extend(caller.variables().into_iter().map(|(name, _)| name));
    let context = serde_json::json!({"URL": format!("{gateway}/admin")}).to_string();
    let mut environment: Vec<(OsString, OsString)> = [
        ("TENCENTCLOUD_RUNENV", "WX_LOCAL_SCF"),
        ("TENCENTCLOUD_REGION", "ap-shanghai"),
        ("TENCENTCLOUD_SECRETID", "local"),
        ("TENCENTCLOUD_SECRETKEY", "local"),
        ("TENCENTCLOUD_SESSIONTOKEN", ""),
        ("TCB_ENV", LOCAL),
        ("SCF_NAMESPACE", LOCAL),
        ("TCB_SOURCE", "wx_client"),
        ("TCB_CONTEXT_CNFG", &context),
        ("CLOUDCALL_GATEWAY", gateway),
        ("SCF_FUNCTIONNAME", function),
        ("WX_CONTEXT_KEYS", &keys.join(",")),
        ("WX_API_TOKEN", token),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    environment.extend(caller.environment());
    environment
}
