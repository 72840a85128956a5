//! A command that did not succeed: what is printed, the hint, and the exit code.

use std::fmt::Display;

use cloudcall::transport::CassetteError;

use crate::check::CheckError;
use crate::env::{APP_ID, APP_SECRET, EnvError};
use crate::exit::Exit;
use crate::input::InputError;
use crate::printer::Printer;
use crate::runner::{BuildError, NodeError, PrepareError, ProjectError, UpstreamError};
use crate::target::TargetError;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
    /// The error as data, where the function or the call failed.
    json: Option<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hint: None,
            json: None,
        }
    }

    /// The function or the call failed; `json` is the error as data.
    pub(crate) fn failed(json: impl Into<String>, message: impl Display) -> Self {
        Self {
            json: Some(json.into()),
            ..Self::new(Exit::Failed, message)
        }
    }

    /// Wrong usage, or a project that cannot be run.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The tool failed.
    pub(crate) fn tool(message: impl Display) -> Self {
        Self::new(Exit::Tool, message)
    }

    /// There is nothing to say: a signal ended the tool, or a command that speaks for itself.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message, and what to do next.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }

    /// Says it, and gives the exit code.
    pub(crate) fn report(self, printer: Printer) -> Exit {
        if let Some(json) = &self.json
            && let Err(error) = printer.json(json)
        {
            printer.error(format_args!("stdout cannot be written: {error}"));
            return Exit::Tool;
        }
        if let Some(line) = self.message.lines().find(|line| !line.trim().is_empty()) {
            printer.error(line);
        }
        if let Some(hint) = &self.hint {
            printer.hint(hint);
        }
        self.exit
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        let hint = match &error {
            InputError::NotJson { flag, .. } => format!(
                "keep the quotes from the shell: {flag} '{{\"key\":\"value\"}}' \
                 (Windows cmd: {flag} \"{{\\\"key\\\":\\\"value\\\"}}\"), or put the JSON into a file: {flag} @FILE"
            ),
            InputError::NotUtf8 { .. } => {
                "save it as UTF-8 (PowerShell: Out-File -Encoding utf8)".into()
            }
            InputError::File { flag, .. } => {
                format!("give the path of a file after @, or the JSON itself: {flag} '{{}}'")
            }
            InputError::Stdin { flag, .. } => format!("give the JSON itself: {flag} '{{}}'"),
            InputError::TooLarge { .. } => {
                "the platform takes 6 MB at most: hand larger data over in storage".into()
            }
        };
        Self::usage(error).hint(hint)
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let hint = match &error {
            TargetError::Env(EnvError::Missing(_)) => format!(
                "set {APP_ID} and {APP_SECRET} in the environment or in .env, or leave out --live to use the emulator"
            ),
            TargetError::Env(EnvError::Malformed { .. }) => {
                "write NAME=VALUE, and put a value with spaces, quotes or # into single quotes"
                    .into()
            }
            TargetError::Env(EnvError::NotUtf8(name)) => format!("set {name} to UTF-8 text"),
            TargetError::Env(EnvError::Unreadable(_)) => {
                "make .env a readable UTF-8 text file".into()
            }
            TargetError::NotUrl(_) => "write it like https://host or http://127.0.0.1:8080".into(),
            TargetError::NoMedia(_) => "create the folder, or leave out --media".into(),
            TargetError::MediaElsewhere => "unset the variable, or leave out --media".into(),
            TargetError::FaultElsewhere => "unset the variable, or leave out --fault".into(),
            TargetError::Fault(error) => error.hint().into(),
        };
        Self::usage(error).hint(hint)
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        let hint = match &error {
            ProjectError::NoFolder(_) => {
                "go to the project's folder, or name the functions folder with --functions DIR"
                    .into()
            }
            ProjectError::NotAFolder { .. } => {
                "name a folder that holds functions, each in its own folder".into()
            }
            ProjectError::Unreadable { .. } => "check the folder's permissions".into(),
            ProjectError::ProjectFile(_) => "correct the file: it must be one JSON object".into(),
            ProjectError::Unknown {
                nearest: Some(nearest),
                ..
            } => format!("did you mean {nearest}?"),
            ProjectError::Unknown { folder, .. } => format!(
                "a function is a folder in {} that holds an index.js, a package.json or a Cargo.toml",
                folder.display()
            ),
        };
        Self::usage(error).hint(hint)
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        let hint = match &error {
            CheckError::Thread(_) => "try again when the machine is less busy",
            CheckError::Panicked => "name the functions one by one to find the one that causes it",
        };
        Self::tool(&error).hint(hint)
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Build(error) => error.into(),
            PrepareError::Node(error) => error.into(),
            PrepareError::CurrentFolder(_) => Self::tool(error).hint("go to a folder that exists"),
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match &error {
            NodeError::Missing => Self::usage(&error)
                .hint("install Node.js from https://nodejs.org, and open a new terminal"),
            NodeError::Sdk(cause) => Self::usage(&error).hint(cause.advice()),
            NodeError::Scripts(_) => {
                Self::tool(&error).hint("check that the temporary folder can be written")
            }
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match &error {
            BuildError::NoCargo(_) => Self::usage(&error)
                .hint("install Rust from https://rustup.rs, or set CARGO to the path of cargo"),
            BuildError::Failed(manifest) => Self::usage(&error).hint(format!(
                "correct it, and try: cargo build --manifest-path {}",
                manifest.display()
            )),
            BuildError::NoBinary(_) => {
                Self::usage(&error).hint("add a src/main.rs: a function is a program")
            }
            BuildError::SeveralBinaries { .. } => Self::usage(&error)
                .hint("name the function's binary `bootstrap`, as the platform expects it"),
            BuildError::Interrupted(_) => Self::silent(Exit::Interrupted(2)),
            BuildError::Spawn(_) => {
                Self::tool(&error).hint("check the variable CARGO, if it is set")
            }
            BuildError::Messages(_) => Self::tool(&error).hint("try again"),
        }
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        match &error {
            UpstreamError::Build(cloudcall_emulator::BuildError::MediaDir { source, .. }) => {
                Self::usage(format_args!("{error}: {source}"))
                    .hint("check the media folder's permissions, or name another with --media DIR")
            }
            UpstreamError::Server(_) => {
                Self::usage(error).hint("check --api-base, CLOUDCALL_API_BASE and the credentials")
            }
            UpstreamError::Cassette(cassette) => Self::usage(&error).hint(advice(cassette)),
            UpstreamError::Build(_) | UpstreamError::Listen(_) => {
                Self::tool(error).hint("try again; a firewall or sandbox may forbid loopback ports")
            }
        }
    }
}

/// What to do about a cassette.
fn advice(error: &CassetteError) -> &'static str {
    match error {
        CassetteError::Unreadable { .. } => {
            "check the path, or record the session first, with --record in the place of --replay"
        }
        CassetteError::TooNew { .. } => "update cloudcall, or record the session again",
        CassetteError::Malformed { .. } | CassetteError::Exchange { .. } => {
            "name a cassette; to record a damaged one again, delete it first"
        }
        CassetteError::MediaUnreadable { .. } | CassetteError::MediaAltered { .. } => {
            "restore the folder beside the cassette, or record the session again"
        }
        CassetteError::Name { .. } => "give it another name, such as session.json",
        _ => "check the folder: it must be there, and be writable",
    }
}
