//! The `wx-server-sdk` that a function uses: is it installed, and does it know Cloud Calls?

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The name of the package.
pub(crate) const SDK: &str = "wx-server-sdk";

/// The first version with Cloud Calls, as WeChat documents it.
const FIRST: (u64, u64) = (0, 4);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SdkError {
    #[error("{SDK} is not installed in {}", .0.display())]
    NotInstalled(PathBuf),
    #[error("{SDK} {version} in {} has no Cloud Calls: they need 0.4.0", .folder.display())]
    TooOld { version: String, folder: PathBuf },
}

impl SdkError {
    /// What to run.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::NotInstalled(folder) => format!("run `npm install` in {}", folder.display()),
            Self::TooOld { folder, .. } => {
                format!("run `npm install {SDK}@latest` in {}", folder.display())
            }
        }
    }
}

/// Checks the SDK of a function. One that neither lists nor has it does not use it, whatever lies
/// in a folder above.
pub(super) fn check(folder: &Path) -> Result<(), SdkError> {
    let found = if is_listed(folder) {
        let found = installed(folder);
        Some(found.ok_or_else(|| SdkError::NotInstalled(folder.into()))?)
    } else {
        version_in(folder).map(|version| (version, folder.into()))
    };
    match found {
        Some((version, folder)) if SdkVersion::parse(&version).is_too_old() => {
            Err(SdkError::TooOld { version, folder })
        }
        _ => Ok(()),
    }
}

/// A version of the SDK, as `package.json` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SdkVersion(String);

impl SdkVersion {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.into())
    }

    /// The version that Node would load for a function, if it is installed.
    pub(crate) fn installed(folder: &Path) -> Option<Self> {
        installed(folder).map(|(version, _)| Self(version))
    }

    /// Whether it knows no Cloud Calls. One that cannot be read is taken for a new one.
    pub(crate) fn is_too_old(&self) -> bool {
        let mut numbers = self.0.split('.').map(|number| number.parse::<u64>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => (major, minor) < FIRST,
            _ => false,
        }
    }
}

impl fmt::Display for SdkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version that Node would load, and the folder in whose `node_modules` it is: the nearest,
/// going up.
fn installed(folder: &Path) -> Option<(String, PathBuf)> {
    if let Some(version) = version_in(folder) {
        return Some((version, folder.into()));
    }
    // Node goes up from where a link leads.
    let folder = folder.canonicalize().ok()?;
    folder
        .ancestors()
        .find_map(|folder| Some((version_in(folder)?, folder.into())))
}

fn version_in(folder: &Path) -> Option<String> {
    let package = read(&folder.join("node_modules").join(SDK).join("package.json"))?;
    Some(package.get("version")?.as_str()?.to_owned())
}

fn is_listed(folder: &Path) -> bool {
    read(&folder.join("package.json")).is_some_and(|package| {
        package
            .get("dependencies")
            .is_some_and(|dependencies| dependencies.get(SDK).is_some())
    })
}

fn read(file: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(file).ok()?;
    serde_json::from_str(crate::json::without_bom(&text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The function functions/f; the SDK is in `place` of the project.
    fn function(listed: bool, installed: Option<&str>, place: &str) -> tempfile::TempDir {
        let project = tempfile::tempdir().expect("a temp folder");
        let folder = project.path().join("functions/f");
        std::fs::create_dir_all(&folder).expect("the function");
        let package = if listed {
            r#"{"dependencies":{"wx-server-sdk":"*"}}"#
        } else {
            "{}"
        };
        std::fs::write(folder.join("package.json"), package).expect("package.json");
        if let Some(version) = installed {
            let sdk = project.path().join(place).join("node_modules").join(SDK);
            std::fs::create_dir_all(&sdk).expect("the SDK");
            let package = format!(r#"{{"version":"{version}"}}"#);
            std::fs::write(sdk.join("package.json"), package).expect("its package.json");
        }
        project
    }

    #[test]
    fn what_is_missing_or_too_old_is_said() {
        let (own, above) = ("functions/f", "");
        for (listed, installed, place, expected) in [
            (true, Some("0.4.0"), above, None),
            (true, Some("4.0.2"), own, None),
            (false, Some("0.10.0"), own, None),
            (false, None, own, None),
            // It belongs to others, and nothing says that this function uses it.
            (false, Some("0.3.9"), above, None),
            (true, None, own, Some("run `npm install` in ")),
            (
                true,
                Some("0.3.9"),
                above,
                Some("run `npm install wx-server-sdk@latest` in "),
            ),
            (
                false,
                Some("0.0.1-beta"),
                own,
                Some("run `npm install wx-server-sdk@latest` in "),
            ),
        ] {
            let project = function(listed, installed, place);
            let checked = check(&project.path().join("functions/f"));
            let advice = checked.err().map(|error| error.advice());
            match (expected, &advice) {
                (None, None) => {}
                (Some(expected), Some(advice)) => assert!(advice.starts_with(expected), "{advice}"),
                _ => panic!("{listed} {installed:?} {place:?}: {advice:?}"),
            }
        }
    }

    #[test]
    fn the_folder_is_the_one_where_it_was_found() {
        let project = function(true, Some("0.3.9"), "");
        let Err(SdkError::TooOld { folder, .. }) = check(&project.path().join("functions/f"))
        else {
            panic!("it is too old");
        };
        assert_eq!(folder, project.path().canonicalize().expect("there"));
    }
}
