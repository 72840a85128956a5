//! A function's `config.json`: what it declares, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use cloudcall::openapi::names;
use cloudcall::{ConfigError, Permissions, Warning, WarningKind};
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::{CollectOptions, parse_to_ast};

use super::finding::{Finding, Level, Rule};
use super::text::{Position, Text};
use super::{sources, triggers};
use crate::runner::jsonc;

const BROKEN: &str = "until it can be read, it permits nothing, and sets no limits and no trigger";

/// What there is of a `config.json`.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) state: State,
    /// What is wrong with the file itself.
    pub(super) findings: Vec<Finding>,
}

/// Whether it can be relied on.
#[derive(Debug)]
pub(super) enum State {
    Missing,
    /// It cannot be read; nothing is known of what it should permit.
    Broken,
    Read {
        declared: BTreeSet<String>,
        /// The entries that are names WeChat documents, and where.
        entries: Vec<(String, Position)>,
    },
}

impl Config {
    /// Reads the file.
    pub(super) fn read(path: PathBuf) -> Self {
        let mut config = Self {
            path,
            state: State::Missing,
            findings: Vec::new(),
        };
        if std::fs::symlink_metadata(&config.path).is_ok() {
            config.state = config.read_state();
        }
        config
    }

    fn read_state(&mut self) -> State {
        let path = self.path.clone();
        if sources::is_special(&path) {
            let message = "config.json: this is not a file that can be read";
            let finding = Finding::new(Rule::InvalidConfig, &path, message).help(BROKEN);
            self.findings.push(finding);
            return State::Broken;
        }
        let read = Permissions::from_file(&path);
        // Read again for its lines; where that fails, the error has no line.
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = Text::new(&String::from_utf8_lossy(&bytes));
        let permissions = match read {
            Ok(permissions) => permissions,
            Err(error) => {
                self.findings.push(invalid(&path, &error, &text));
                return State::Broken;
            }
        };
        for warning in permissions.warnings() {
            self.findings.extend(remark(&path, warning, &text));
        }
        let mut entries = Vec::new();
        if let Ok(parsed) = parse_to_ast(&text.text, &CollectOptions::default(), &jsonc::LENIENT)
            && let Some(Value::Object(root)) = &parsed.value
        {
            entries = list(root)
                .into_iter()
                .map(|(name, range)| (name, text.position(range)))
                .collect();
            duplicates(&path, root, &text, &mut self.findings);
            triggers::check(&path, root, &text, &mut self.findings);
        }
        State::Read {
            declared: permissions.apis().map(Into::into).collect(),
            entries,
        }
    }
}

fn invalid(path: &Path, error: &ConfigError, text: &Text) -> Finding {
    let message = error.message();
    let finding =
        Finding::new(Rule::InvalidConfig, path, format!("config.json: {message}")).help(BROKEN);
    match error.position() {
        Some((line, column)) => {
            let at = text.offset(line, column);
            finding.at(text.position(token(&text.text, at)))
        }
        None => finding,
    }
}

/// What the SDK remarks on, as a finding. Keys that are there twice are found with all others.
fn remark(path: &Path, warning: &Warning, text: &Text) -> Option<Finding> {
    let at = text.offset(warning.line(), warning.column());
    let range = token(&text.text, at);
    let rule = match warning.kind() {
        WarningKind::DuplicateKey => return None,
        WarningKind::NoList => Rule::NoOpenapiList,
        WarningKind::NotAName => Rule::NotAName,
        WarningKind::Prefix => Rule::ApiPrefix,
        WarningKind::UnknownApi => Rule::UnknownApi,
        _ => Rule::LenientJson,
    };
    let finding = Finding::new(rule, path, warning.message()).at(text.position(range.clone()));
    let name = text.text[range].trim_matches('"').to_owned();
    // Without a near one it may be an API that is newer than the list.
    if rule == Rule::UnknownApi && names::nearest(&name).is_none() {
        return Some(finding.level(Level::Warning));
    }
    Some(finding)
}

/// The token that starts here: a text with its quotes, a comment, a word or number, or one
/// character.
fn token(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let length = if rest.starts_with('"') {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        end.map_or(rest.len(), |(end, _)| end + 1)
    } else if rest.starts_with("/*") {
        rest.find("*/").map_or(rest.len(), |end| end + 2)
    } else if rest.starts_with("//") {
        rest.find(['\r', '\n']).unwrap_or(rest.len())
    } else {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let word = end.unwrap_or(rest.len());
        word.max(rest.chars().next().map_or(0, char::len_utf8))
    };
    at..at + length
}

/// The entries of `permissions.openapi` that are documented names, each once.
fn list(root: &Object<'_>) -> Vec<(String, Range<usize>)> {
    let Some(Value::Object(permissions)) = last(root, "permissions") else {
        return Vec::new();
    };
    let Some(Value::Array(entries)) = last(permissions, "openapi") else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in &entries.elements {
        if let Value::StringLit(name) = entry
            && names::is_known(&name.value)
            && seen.insert(name.value.to_string())
        {
            found.push((name.value.to_string(), bytes(entry)));
        }
    }
    found
}

/// The value of the last property of this name, as every reader of JSON takes it.
pub(super) fn last<'o, 't>(object: &'o Object<'t>, name: &str) -> Option<&'o Value<'t>> {
    let mut properties = object.properties.iter().rev();
    properties
        .find(|property| property.name.as_str() == name)
        .map(|property| &property.value)
}

/// Where it is, in bytes.
pub(super) fn bytes(value: &impl jsonc_parser::common::Ranged) -> Range<usize> {
    let range = value.range();
    range.start..range.end
}

/// Keys that are twice in one object, in the whole file.
fn duplicates(path: &Path, object: &Object<'_>, text: &Text, findings: &mut Vec<Finding>) {
    let mut first = BTreeMap::new();
    for property in &object.properties {
        let name = property.name.as_str();
        let range = bytes(&property.name);
        let position = text.position(range);
        if let Some(line) = first.insert(name, position.line) {
            let message = format!(
                "the key {name:?} is there twice: only this one counts, and not that in line {line}"
            );
            findings.push(Finding::new(Rule::DuplicateKey, path, message).at(position));
        }
        inner_duplicates(path, &property.value, text, findings);
    }
}

fn inner_duplicates(path: &Path, value: &Value<'_>, text: &Text, findings: &mut Vec<Finding>) {
    match value {
        Value::Object(object) => duplicates(path, object, text, findings),
        Value::Array(array) => {
            for element in &array.elements {
                inner_duplicates(path, element, text, findings);
            }
        }
        _ => {}
    }
}
