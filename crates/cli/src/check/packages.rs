//! The `package.json` of a function that requires `wx-server-sdk`: does it list the SDK, and one
//! that knows Cloud Calls?

use std::path::Path;

use serde_json::Value;

use super::finding::{Finding, Rule};
use super::text::{Position, Text};
use crate::runner::{SDK, SdkVersion};

/// Checks the package of a Node function. `required` is where it requires the SDK; `calls` says
/// whether it makes Cloud Calls.
pub(super) fn check(
    folder: &Path,
    required: (&Path, &Position),
    calls: bool,
    findings: &mut Vec<Finding>,
) {
    let file = folder.join("package.json");
    let (path, position) = required;
    let not_listed = |message: String, help: String| {
        let finding = Finding::new(Rule::SdkNotListed, path, message);
        finding.at(position.clone()).help(help)
    };
    let install = format!("run `npm install --save {SDK}` in {}", folder.display());
    if super::sources::is_special(&file) {
        findings.push(invalid(&file, "this is not a file that can be read".into()));
        return;
    }
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("{SDK} is required, but there is no {}", file.display());
            findings.push(not_listed(message, install));
            return;
        }
        Err(error) => {
            findings.push(invalid(&file, format!("cannot be read: {error}")));
            return;
        }
    };
    let text = Text::new(&String::from_utf8_lossy(&bytes));
    let package: Value = match serde_json::from_str(&text.text) {
        Ok(package) => package,
        Err(error) => {
            let at = text.offset(error.line(), error.column());
            findings.push(invalid(&file, error.to_string()).at(text.position(at..at)));
            return;
        }
    };
    let listed = |list: &str| package.get(list).and_then(|list| list.get(SDK));
    // Those that are optional are installed as well.
    let wanted = listed("dependencies").or_else(|| listed("optionalDependencies"));
    let Some(wanted) = wanted else {
        let (message, help) = if listed("devDependencies").is_some() {
            (
                format!(
                    "{SDK} is required, but {} lists it for development only",
                    file.display()
                ),
                "move it from devDependencies to dependencies: the platform installs only those"
                    .into(),
            )
        } else {
            (
                format!("{SDK} is required, but {} does not list it", file.display()),
                install,
            )
        };
        findings.push(not_listed(message, help));
        return;
    };
    let old = match SdkVersion::installed(folder) {
        Some(installed) => installed
            .is_too_old()
            .then(|| format!("{SDK} {installed} is installed in {}", folder.display())),
        None => wanted
            .as_str()
            .filter(|range| allows_only_old(range))
            .map(|range| format!("{SDK} {range:?} has no Cloud Calls")),
    };
    if let Some(old) = old
        && calls
    {
        let quoted = format!("{SDK:?}");
        let at = text.text.rfind(&quoted).unwrap_or(0);
        findings.push(
            Finding::new(Rule::SdkTooOld, &file, format!("{old}: they need 0.4.0"))
                .at(text.position(at..at + quoted.len()))
                .help(format!(
                    "run `npm install --save {SDK}@latest` in {}",
                    folder.display()
                )),
        );
    }
}

fn invalid(file: &Path, reason: String) -> Finding {
    Finding::new(
        Rule::InvalidPackage,
        file,
        format!("package.json: {reason}"),
    )
}

/// Whether no version with Cloud Calls is in a range of npm's. One that is not understood allows
/// all.
fn allows_only_old(range: &str) -> bool {
    range.split("||").all(|alternative| {
        let alternative = alternative.trim();
        // Below 1.0 a caret holds the minor version, as a tilde does.
        let version = alternative.trim_start_matches(['^', '~', '=', 'v', ' ']);
        let plain = version
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || ".-+".contains(letter));
        plain && SdkVersion::parse(version).is_too_old()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_allow_only_old_versions_are_known() {
        for range in [
            "0.3.1",
            "^0.3.0",
            "~0.0.5",
            "v0.1.2",
            "=0.2.0",
            "0.1.0 || 0.2.0",
            "0.3.x",
        ] {
            assert!(allows_only_old(range), "{range}");
        }
        for range in [
            "0.4.0",
            "^2.6.3",
            "~2.4.0",
            "latest",
            "*",
            "",
            "x",
            "0",
            "0.x",
            "^0",
            ">=0.1.0",
            "0.3.0 || 2.0.0",
            "<0.3.0 || 1",
            "file:../sdk",
        ] {
            assert!(!allows_only_old(range), "{range}");
        }
    }

    /// The rules of the findings for a function that requires the SDK on its first line.
    fn rules(package: Option<&str>, calls: bool) -> Vec<&'static str> {
        let folder = tempfile::tempdir().expect("a temp folder");
        if let Some(package) = package {
            std::fs::write(folder.path().join("package.json"), package).expect("written");
        }
        let position = Text::new("require").position(0..7);
        let mut findings = Vec::new();
        check(
            folder.path(),
            (Path::new("index.js"), &position),
            calls,
            &mut findings,
        );
        findings.iter().map(|finding| finding.rule.id()).collect()
    }

    #[test]
    fn the_sdk_must_be_listed_and_new_enough_for_calls() {
        let listed =
            |version: &str| format!(r#"{{"dependencies":{{"wx-server-sdk":"{version}"}}}}"#);
        assert_eq!(rules(Some(&listed("~2.6.3")), true), [""; 0]);
        assert_eq!(rules(Some(&listed("0.2.0")), true), ["sdk-too-old"]);
        assert_eq!(rules(Some(&listed("0.2.0")), false), [""; 0]);
        assert_eq!(rules(None, true), ["sdk-not-listed"]);
        let optional = listed("~2.6.3").replace("dependencies", "optionalDependencies");
        assert_eq!(rules(Some(&optional), true), [""; 0]);
        assert_eq!(rules(Some("{}"), false), ["sdk-not-listed"]);
        assert_eq!(
            rules(Some(r#"{"devDependencies":{"wx-server-sdk":"2"}}"#), true),
            ["sdk-not-listed"]
        );
        assert_eq!(rules(Some("{"), true), ["invalid-package"]);
    }
}
