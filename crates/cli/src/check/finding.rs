//! What `check` has to say: each finding has a rule, a place and, where there is one, a remedy.

use std::path::PathBuf;

use super::text::Position;

/// How bad it is. Only errors decide the exit code, unless warnings are denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What is checked. The names are stable: people filter by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    UndeclaredApi,
    UnknownApi,
    UnusedPermission,
    ApiPrefix,
    NotAName,
    NoOpenapiList,
    InvalidConfig,
    LenientJson,
    DuplicateKey,
    InvalidTrigger,
    TooManyTriggers,
    TriggerType,
    TriggerName,
    InvalidCron,
    SdkNotListed,
    SdkTooOld,
    InvalidPackage,
    SyntaxError,
    UnreadableSource,
    NotUtf8,
    NotCheckable,
}

impl Rule {
    /// The name in kebab-case.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::UndeclaredApi => "undeclared-api",
            Self::UnknownApi => "unknown-api",
            Self::UnusedPermission => "unused-permission",
            Self::ApiPrefix => "api-prefix",
            Self::NotAName => "not-a-name",
            Self::NoOpenapiList => "no-openapi-list",
            Self::InvalidConfig => "invalid-config",
            Self::LenientJson => "lenient-json",
            Self::DuplicateKey => "duplicate-key",
            Self::InvalidTrigger => "invalid-trigger",
            Self::TooManyTriggers => "too-many-triggers",
            Self::TriggerType => "trigger-type",
            Self::TriggerName => "trigger-name",
            Self::InvalidCron => "invalid-cron",
            Self::SdkNotListed => "sdk-not-listed",
            Self::SdkTooOld => "sdk-too-old",
            Self::InvalidPackage => "invalid-package",
            Self::SyntaxError => "syntax-error",
            Self::UnreadableSource => "unreadable-source",
            Self::NotUtf8 => "not-utf-8",
            Self::NotCheckable => "not-checkable",
        }
    }

    fn level(self) -> Level {
        match self {
            Self::UnusedPermission
            | Self::NoOpenapiList
            | Self::LenientJson
            | Self::DuplicateKey
            | Self::NotUtf8
            | Self::NotCheckable => Level::Warning,
            _ => Level::Error,
        }
    }
}

/// One finding.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) level: Level,
    /// The function's name.
    pub(crate) function: String,
    pub(crate) file: PathBuf,
    /// Nothing where the file as a whole is meant.
    pub(crate) position: Option<Position>,
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// The entry that `permissions.openapi` lacks.
    pub(crate) entry: Option<String>,
}

impl Finding {
    pub(super) fn new(rule: Rule, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            rule,
            level: rule.level(),
            function: String::new(),
            file: file.into(),
            position: None,
            message: message.into(),
            help: None,
            entry: None,
        }
    }

    #[must_use]
    pub(super) fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(super) fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    #[must_use]
    pub(super) fn entry(mut self, api: impl Into<String>) -> Self {
        self.entry = Some(api.into());
        self
    }
}
