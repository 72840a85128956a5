//! What a function may call: `permissions.openapi` of its `config.json`.

mod config_file;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use config_file::Declared;
pub use config_file::{ConfigError, Warning, WarningKind};

/// The Cloud Calls that a function may make.
///
/// On the platform each function's own `config.json` lists them:
///
/// ```json
/// { "permissions": { "openapi": ["customerServiceMessage.getTempMedia"] } }
/// ```
///
/// A name that is not listed exactly is denied with -604101, as the platform does. There is no
/// wildcard and nothing is inherited from other functions.
///
/// Real files are sloppy, so reading them is lenient: a byte order mark, comments and trailing
/// commas are accepted, unknown keys are fine, and everything worth a remark is kept as a
/// [`Warning`].
///
/// ```
/// use cloudcall::Permissions;
///
/// let permissions = Permissions::from_json(
///     r#"{ "permissions": { "openapi": ["customerServiceMessage.getTempMedia",] } } // sloppy"#,
/// )?;
/// assert!(permissions.allows("customerServiceMessage.getTempMedia"));
/// assert!(!permissions.allows("customerServiceMessage.send"));
/// assert_eq!(permissions.warnings().len(), 2);
/// # Ok::<_, cloudcall::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Permissions(Arc<Inner>);

struct Inner {
    allowed: BTreeSet<String>,
    warnings: Vec<Warning>,
    origin: Origin,
}

/// Where the list came from: a denial says what to change there.
enum Origin {
    Code,
    Text,
    File(PathBuf),
    Unreadable(ConfigError),
}

impl Permissions {
    /// Reads a function's `config.json`.
    ///
    /// # Errors
    ///
    /// The file is missing, unreadable, a directory, larger than 1 MiB, not UTF-8, not JSON even
    /// when read leniently, or not an object with a list of names; the error names file, line and
    /// column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = config_file::read(path)?;
        let declared = config_file::parse(&text, Some(path))?;
        Ok(Self::new(declared, Origin::File(path.to_owned())))
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    ///
    /// As for [`from_file`](Self::from_file), for what can be wrong with a text.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let declared = config_file::parse(text, None)?;
        Ok(Self::new(declared, Origin::Text))
    }

    /// Permits the given APIs, without a file.
    pub fn allow<I>(apis: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let declared = Declared {
            apis: apis.into_iter().map(Into::into).collect(),
            warnings: Vec::new(),
        };
        Self::new(declared, Origin::Code)
    }

    /// Like [`from_file`](Self::from_file), but a file that cannot be read permits nothing: the
    /// first Cloud Call is then denied with an error that says what is wrong with the file.
    pub fn load(path: impl AsRef<Path>) -> Self {
        Self::from_file(path)
            .unwrap_or_else(|error| Self::new(Declared::default(), Origin::Unreadable(error)))
    }

    fn new(declared: Declared, origin: Origin) -> Self {
        Self(Arc::new(Inner {
            allowed: declared.apis,
            warnings: declared.warnings,
            origin,
        }))
    }

    /// Whether the API, such as `customerServiceMessage.getTempMedia`, may be called.
    pub fn allows(&self, api: &str) -> bool {
        self.0.allowed.contains(api)
    }

    /// The permitted APIs, sorted.
    pub fn apis(&self) -> impl Iterator<Item = &str> {
        self.0.allowed.iter().map(String::as_str)
    }

    /// What is worth a remark in the file, in the order of its lines.
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    /// The file could not be read; nothing is permitted.
    pub fn problem(&self) -> Option<&ConfigError> {
        match &self.0.origin {
            Origin::Unreadable(error) => Some(error),
            Origin::Code | Origin::Text | Origin::File(_) => None,
        }
    }

    pub(crate) fn check(&self, api: &str) -> Result<(), Error> {
        if self.allows(api) {
            return Ok(());
        }
        let (detail, hint) = match &self.0.origin {
            Origin::Code => (
                format!("{api} is not permitted"),
                format!("add {api:?} to Permissions::allow([…])"),
            ),
            Origin::Text => (
                format!("{api} is not declared"),
                add_line("config.json", api),
            ),
            Origin::File(path) => (
                format!("{api} is not declared"),
                add_line(path.display(), api),
            ),
            Origin::Unreadable(error) => (
                error.to_string(),
                format!(
                    r#"{} must hold {{ "permissions": {{ "openapi": [{api:?}] }} }}"#,
                    error.place()
                ),
            ),
        };
        Err(Error::permission_denied(&format!("{detail}: {hint}")).with_hint(hint))
    }
}

fn add_line(file: impl fmt::Display, api: &str) -> String {
    format!("add {api:?} to permissions.openapi in {file}")
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Permissions");
        shown.field("apis", &self.0.allowed);
        if let Some(problem) = self.problem() {
            shown.field("problem", &problem.to_string());
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "customerServiceMessage.getTempMedia";

    #[test]
    fn only_exact_names_are_permitted() {
        let permissions = Permissions::from_json(
            r#"{"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#,
        )
        .expect("plain");
        assert!(permissions.allows(GET));
        for other in [
            "",
            "*",
            "customerServiceMessage",
            "customerServiceMessage.*",
            "customerServiceMessage.gettempmedia",
            "customerServiceMessage.getTempMedia ",
            "openapi.customerServiceMessage.getTempMedia",
        ] {
            assert!(!permissions.allows(other), "{other:?}");
        }
    }

    #[test]
    fn a_denial_says_what_to_add_and_where() {
        let folder = tempfile::tempdir().expect("temp folder");
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"permissions":{"openapi":[]}}"#).expect("write");
        let error = Permissions::from_file(&path)
            .expect("valid")
            .check(GET)
            .expect_err("not listed");
        assert_eq!(error.err_code(), -604_101);
        for text in [error.err_msg(), error.hint().expect("a hint")] {
            assert!(text.contains(&path.display().to_string()), "{text}");
            assert!(
                text.contains("add \"customerServiceMessage.getTempMedia\""),
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_permits_nothing_and_says_so() {
        let folder = tempfile::tempdir().expect("temp folder");
        let missing = folder.path().join("config.json");
        let permissions = Permissions::load(&missing);
        assert!(permissions.problem().is_some());
        let error = permissions.check(GET).expect_err("closed");
        assert_eq!(error.err_code(), -604_101);
        assert!(error.err_msg().contains("does not exist"), "{error}");
        assert!(
            error.hint().expect("a hint").ends_with(
                r#"{ "permissions": { "openapi": ["customerServiceMessage.getTempMedia"] } }"#
            ),
            "{error:?}"
        );
    }
}
