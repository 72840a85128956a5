//! The environment of a function, read in one place.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::secret::Secret;

/// What the environment says. An empty variable counts as unset.
#[derive(Debug, Default)]
pub(crate) struct Env {
    pub(crate) config: Option<PathBuf>,
    pub(crate) api_base: Option<String>,
    pub(crate) app_id: Option<String>,
    pub(crate) app_secret: Option<Secret>,
    /// May hold a password.
    pub(crate) redis_url: Option<Secret>,
    /// Host and port of the runtime API, set by whoever runs the function.
    #[cfg(feature = "runtime")]
    pub(crate) runtime_api: Option<String>,
}

impl Env {
    pub(crate) fn read() -> Self {
        Self::from(|name| std::env::var_os(name))
    }

    /// Reads from any source, so that tests need not change the process's environment.
    pub(crate) fn from(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let os = |name| variable(name).filter(|value| !value.is_empty());
        // What is no Unicode is no address, and WeChat will say that it is no credential either.
        let variable = |name| os(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            config: os("CLOUDCALL_CONFIG").map(Into::into),
            api_base: variable("CLOUDCALL_API_BASE"),
            app_id: variable("WECHAT_APPID"),
            app_secret: variable("WECHAT_SECRET").map(Into::into),
            redis_url: variable("CLOUDCALL_REDIS_URL").map(Into::into),
            #[cfg(feature = "runtime")]
            runtime_api: variable("SCF_RUNTIME_API")
                .zip(variable("SCF_RUNTIME_API_PORT"))
                .map(|(host, port)| format!("{host}:{port}")),
        }
    }
}
