//! The one place that reads the environment; everyone else is given the values.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::credentials::{Credentials, Secret};
use crate::runner::without_preloads;

pub(crate) const API_BASE: &str = "CLOUDCALL_API_BASE";
pub(crate) const APP_ID: &str = "WECHAT_APPID";
pub(crate) const APP_SECRET: &str = "WECHAT_SECRET";
pub(crate) const CONFIG: &str = "CLOUDCALL_CONFIG";
pub(crate) const NODE_OPTIONS: &str = "NODE_OPTIONS";
const REDIS_URL: &str = "CLOUDCALL_REDIS_URL";

/// Where secrets may be kept, next to the project.
const DOTENV: &str = ".env";

/// Variables that `cargo run` sets for its child. Passed on to a nested cargo, they would make it
/// rebuild in turns with the one outside, and a function would take the tool's for its own.
const OF_CARGO_RUN: &[&str] = &[
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];
const OF_CARGO_RUN_PREFIXES: &[&str] = &["CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_PKG_"];

/// Variables that decide what a function reaches, and as whom: it gets those that the tool chose,
/// or none. By their whole names, because `WECHAT_PAY_KEY` and the like are the user's own.
const RESERVED: &[&str] = &[
    APP_ID,
    APP_SECRET,
    "TCB_CONTEXT_CNFG",
    "TCB_CONTEXT_KEYS",
    "TCB_ENV",
    "TCB_SOURCE",
    "TENCENTCLOUD_REGION",
    "TENCENTCLOUD_RUNENV",
    "TENCENTCLOUD_SECRETID",
    "TENCENTCLOUD_SECRETKEY",
    "TENCENTCLOUD_SESSIONTOKEN",
    "WX_API_TOKEN",
    "WX_APPID",
    "WX_CLIENTIP",
    "WX_CONTEXT_KEYS",
    "WX_OPENID",
    "WX_UNIONID",
];
const RESERVED_PREFIXES: &[&str] = &["CLOUDCALL_", "SCF_"];

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum EnvError {
    #[error("the environment variable {0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("{} missing: neither in the environment nor in {DOTENV}", are(.0))]
    Missing(Vec<&'static str>),
    #[error("{DOTENV}:{line}: this line is not NAME=VALUE")]
    Malformed { line: usize },
    #[error("{DOTENV} cannot be read: {0}")]
    Unreadable(String),
}

fn are(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(" and "))
}

/// The environment, as it was when the tool started.
pub(crate) struct Env {
    variables: Vec<(OsString, OsString)>,
}

impl Env {
    pub(crate) fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().map(without_our_scripts).collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let variables = pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: variables.collect(),
        }
    }

    /// A variable's text. One that is set to nothing counts as not set.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, EnvError> {
        match self.os(name) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).ok_or(EnvError::NotUtf8(name)),
        }
    }

    /// A variable that need not be text, such as a path.
    pub(crate) fn os(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(found, value)| same_name(found, name) && !value.is_empty())
            .map(|(_, value)| value.as_os_str())
    }

    /// The cargo to build functions with: under `cargo run`, the one outside.
    pub(crate) fn cargo(&self) -> &OsStr {
        self.os("CARGO").unwrap_or(OsStr::new("cargo"))
    }

    /// What a child process is given, before that which the tool adds.
    pub(crate) fn for_children(&self) -> Vec<(OsString, OsString)> {
        let passed_on = |(name, _): &&(OsString, OsString)| {
            let starts_with = |prefixes: &[&str]| prefixes.iter().any(|it| has_prefix(name, it));
            !OF_CARGO_RUN.iter().any(|it| same_name(name, it))
                && !starts_with(OF_CARGO_RUN_PREFIXES)
                && !is_reserved(name)
        };
        self.variables.iter().filter(passed_on).cloned().collect()
    }

    /// The store of shared access tokens: for functions that reach WeChat itself.
    pub(crate) fn redis_url(&self) -> Option<(OsString, OsString)> {
        let url = self.os(REDIS_URL)?;
        Some((REDIS_URL.into(), url.to_owned()))
    }

    /// The app id and secret, from the environment or else from the `.env` in `folder`.
    pub(crate) fn credentials(&self, folder: &Path) -> Result<Credentials, EnvError> {
        let in_file = read_dotenv(&folder.join(DOTENV))?;
        let find = |name: &'static str| -> Result<Option<String>, EnvError> {
            let in_file = || in_file.iter().rfind(|(found, _)| found == name);
            Ok(match self.text(name)? {
                Some(value) => Some(value.to_owned()),
                None => in_file().map(|(_, value)| value.clone()),
            })
        };
        match (find(APP_ID)?, find(APP_SECRET)?) {
            (Some(app_id), Some(secret)) => Ok(Credentials {
                app_id,
                secret: Secret::new(secret),
            }),
            (app_id, secret) => {
                let names = [(APP_ID, app_id.is_none()), (APP_SECRET, secret.is_none())];
                Err(EnvError::Missing(
                    names
                        .iter()
                        .filter(|(_, missing)| *missing)
                        .map(|(name, _)| *name)
                        .collect(),
                ))
            }
        }
    }
}

/// The pairs of a `.env` that have a value; none when there is no such file.
fn read_dotenv(path: &Path) -> Result<Vec<(String, String)>, EnvError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(EnvError::Unreadable(error.to_string())),
    };
    let text = crate::json::without_bom(&text);
    let mut pairs = Vec::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        match pair {
            Ok((_, value)) if value.is_empty() => {}
            Ok(pair) => pairs.push(pair),
            // The line is only counted: it may hold the secret, and so may the error's own text.
            Err(dotenvy::Error::LineParse(content, _)) => {
                let before = text.find(&content).map_or("", |at| &text[..at]);
                let line = 1 + before.matches('\n').count();
                return Err(EnvError::Malformed { line });
            }
            Err(_) => return Err(EnvError::Unreadable("not a list of NAME=VALUE".into())),
        }
    }
    Ok(pairs)
}

/// Whether only the tool says what a function has under this name.
pub(crate) fn is_reserved(name: &OsStr) -> bool {
    RESERVED.iter().any(|it| same_name(name, it))
        || RESERVED_PREFIXES.iter().any(|it| has_prefix(name, it))
}

/// Windows does not tell `Path` and `PATH` apart.
fn same_name(found: &OsStr, name: &str) -> bool {
    if cfg!(windows) {
        found.eq_ignore_ascii_case(name)
    } else {
        found == name
    }
}

fn has_prefix(found: &OsStr, prefix: &str) -> bool {
    let start = found.as_encoded_bytes().get(..prefix.len());
    start.is_some_and(|start| {
        if cfg!(windows) {
            start.eq_ignore_ascii_case(prefix.as_bytes())
        } else {
            start == prefix.as_bytes()
        }
    })
}

/// The variable, without the scripts that a shell has of `cloudcall env`: the tool adds its own where
/// they are wanted.
fn without_our_scripts((name, value): (OsString, OsString)) -> (OsString, OsString) {
    let is_of_node = same_name(&name, NODE_OPTIONS);
    match value.to_str().filter(|_| is_of_node) {
        Some(options) => (name, without_preloads(options).into()),
        None => (name, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(dotenv: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join(DOTENV), dotenv).expect("write");
        folder
    }

    #[test]
    fn children_get_neither_cargos_variables_nor_the_users_credentials() {
        let passed: Vec<_> = Env::of(&[
            ("PATH", "/bin"),
            ("CARGO_PKG_NAME", "x"),
            ("CARGO_MANIFEST_DIR", "x"),
            ("CARGO_BIN_EXE_cloudcall", "x"),
            ("OUT_DIR", "x"),
            ("CARGO_HOME", "/cargo"),
            ("WECHAT_SECRET", "x"),
            ("CLOUDCALL_REDIS_URL", "x"),
            ("SCF_RUNTIME_API", "x"),
            ("TCB_ENV", "x"),
            ("TENCENTCLOUD_SECRETKEY", "x"),
            ("WX_OPENID", "x"),
            ("WECHAT_PAY_KEY", "y"),
            ("WX_MINE", "y"),
        ])
        .for_children();
        let names: Vec<_> = passed
            .iter()
            .filter_map(|(name, _)| name.to_str())
            .collect();
        assert_eq!(names, ["PATH", "CARGO_HOME", "WECHAT_PAY_KEY", "WX_MINE"]);
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let folder = folder_with("\u{feff}# ours\nWECHAT_APPID=file\nexport WECHAT_SECRET='s p'\n");
        let credentials = Env::of(&[("WECHAT_APPID", "wx1"), ("WECHAT_SECRET", "")])
            .credentials(folder.path())
            .expect("both are there");
        assert_eq!(credentials.app_id, "wx1");
        assert_eq!(credentials.secret.expose(), "s p");
    }

    #[test]
    fn missing_names_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = |pairs: &[(&str, &str)]| {
            let error = Env::of(pairs)
                .credentials(folder.path())
                .expect_err("missing");
            error.to_string()
        };
        assert_eq!(
            missing(&[]),
            "WECHAT_APPID and WECHAT_SECRET are missing: neither in the environment nor in .env"
        );
        assert_eq!(
            missing(&[("WECHAT_APPID", "wx1")]),
            "WECHAT_SECRET is missing: neither in the environment nor in .env"
        );
    }

    #[test]
    fn a_malformed_line_is_named_but_not_shown() {
        let folder = folder_with("A=1\n\nWECHAT_SECRET s3cret\n");
        let error = Env::of(&[]).credentials(folder.path()).expect_err("line 3");
        assert_eq!(error, EnvError::Malformed { line: 3 });
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
