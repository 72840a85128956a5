//! Reads a `config.json` leniently, and remembers every leniency with its line.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::{Range, Ranged as _};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;

use crate::openapi::names;

/// The largest `config.json` that is read, in bytes. Real ones are a few hundred bytes.
const LARGEST: u64 = 1 << 20;

/// A `config.json` that could not be read; says which, where and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    place: Place,
    message: String,
}

impl ConfigError {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }

    /// The file.
    pub(super) fn place(&self) -> impl fmt::Display {
        self.place.file().display()
    }

    /// Line and column, both counted from 1, the column in characters; nothing where the file as
    /// a whole cannot be read.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.position
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<ConfigError> for crate::Error {
    fn from(error: ConfigError) -> Self {
        Self::settings(error.to_string())
    }
}

/// A remark on a `config.json` that was read leniently. Displayed as `FILE:LINE:COLUMN: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    kind: WarningKind,
    place: Place,
    message: String,
}

/// What a [`Warning`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// Only a lenient reader takes the file: it has a comment, a trailing comma, a byte order
    /// mark, or something else that JSON has not.
    Lenient,
    /// A key is there twice, and the last one counts.
    DuplicateKey,
    /// `permissions` holds no `openapi`.
    NoList,
    /// An entry of `openapi` that is not a text.
    NotAName,
    /// An entry with `openapi.` or `cloud.` in front, or spaces around.
    Prefix,
    /// An entry that WeChat does not document.
    UnknownApi,
}

impl Warning {
    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.place.position.map_or(1, |(line, _)| line)
    }

    /// The column, counted from 1, in characters.
    pub fn column(&self) -> usize {
        self.place.position.map_or(1, |(_, column)| column)
    }

    /// What it is about.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// What is remarked, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: Option<PathBuf>,
    position: Option<(usize, usize)>,
}

impl Place {
    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("config.json"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file().display())?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        Ok(())
    }
}

/// What a `config.json` declares.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) apis: BTreeSet<String>,
    pub(super) warnings: Vec<Warning>,
}

/// The text of the file.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let place = || Place {
        file: Some(path.to_owned()),
        position: None,
    };
    let fail = |message: String| ConfigError::new(place(), message);
    let cannot_read = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => fail("the file does not exist".into()),
        std::io::ErrorKind::IsADirectory => fail("this is a directory, not a file".into()),
        _ => fail(format!("cannot be read: {error}")),
    };

    // Asked before opening, because Windows refuses to open a directory with "access denied".
    if std::fs::metadata(path).map_err(cannot_read)?.is_dir() {
        return Err(fail("this is a directory, not a file".into()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(cannot_read)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot_read)?;
    if bytes.len() as u64 > LARGEST {
        return Err(fail(format!("larger than {LARGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        fail(format!(
            "not UTF-8 (in line {line}): save the file as UTF-8"
        ))
    })
}

/// The declarations in the text of a `config.json`.
pub(super) fn parse(text: &str, file: Option<&Path>) -> Result<Declared, ConfigError> {
    let (body, has_bom) = match text.strip_prefix('\u{feff}') {
        Some(body) => (body, true),
        None => (text, false),
    };
    let mut reader = Reader {
        text: body,
        file,
        declared: Declared::default(),
    };
    if has_bom {
        reader.warn(
            WarningKind::Lenient,
            0,
            "starts with a byte order mark: save the file as UTF-8 without BOM",
        );
    }
    reader.warn_of_leniency();
    reader.read()?;
    reader
        .declared
        .warnings
        .sort_by_key(|warning| warning.place.position);
    Ok(reader.declared)
}

struct Reader<'a> {
    text: &'a str,
    file: Option<&'a Path>,
    declared: Declared,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), ConfigError> {
        let text = self.text;
        let parsed = parse_to_ast(text, &CollectOptions::default(), &lenient(true, true))
            .map_err(|error| self.error(error.range().start, error.kind().to_string()))?;
        let root = match parsed.value {
            Some(Value::Object(root)) => root,
            Some(other) => return Err(self.unexpected(&other, "config.json must hold an object")),
            None => return Err(self.error(0, "the file is empty: it must hold an object")),
        };
        let Some(permissions) = self.last(&root, "permissions") else {
            return Ok(());
        };
        let Value::Object(permissions) = &permissions.value else {
            return Err(self.unexpected(&permissions.value, "permissions must be an object"));
        };
        let Some(openapi) = self.last(permissions, "openapi") else {
            self.warn_of_missing_list(permissions);
            return Ok(());
        };
        let Value::Array(openapi) = &openapi.value else {
            return Err(self.unexpected(
                &openapi.value,
                "permissions.openapi must be a list of API names",
            ));
        };
        for entry in &openapi.elements {
            self.entry(entry);
        }
        Ok(())
    }

    /// The property of this name: the last one, as for every reader of JSON.
    fn last<'o, 't>(&mut self, object: &'o Object<'t>, name: &str) -> Option<&'o ObjectProp<'t>> {
        let mut named = object
            .properties
            .iter()
            .filter(|property| property.name.as_str() == name);
        let mut last = named.next()?;
        for later in named {
            self.warn(
                WarningKind::DuplicateKey,
                later.range().start,
                format!("{name:?} is there twice: only this one counts"),
            );
            last = later;
        }
        Some(last)
    }

    fn entry(&mut self, entry: &Value<'_>) {
        let at = entry.range().start;
        let Value::StringLit(name) = entry else {
            self.warn(
                WarningKind::NotAName,
                at,
                format!(
                    "this entry is {} and permits nothing: an API name is a string",
                    kind(entry)
                ),
            );
            return;
        };
        let name = name.value.as_ref();
        let plain = name.trim();
        let plain = plain.strip_prefix("cloud.").unwrap_or(plain);
        let plain = plain.strip_prefix("openapi.").unwrap_or(plain);
        if plain != name {
            let message = format!("{name:?} permits nothing: write {plain:?}");
            self.warn(WarningKind::Prefix, at, message);
        } else if !names::is_known(name) {
            let advice = match names::nearest(name) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "names are \"category.method\"".into(),
            };
            let message = format!("{name:?} is not a known API: {advice}");
            self.warn(WarningKind::UnknownApi, at, message);
        }
        self.declared.apis.insert(name.to_owned());
    }

    fn warn_of_missing_list(&mut self, permissions: &Object<'_>) {
        let misplaced = permissions
            .properties
            .iter()
            .find(|property| names::is_known(property.name.as_str()));
        let advice = match misplaced {
            Some(property) => format!("write {{ \"openapi\": [{:?}] }}", property.name.as_str()),
            None => "add \"openapi\": [] with the names of the APIs that are called".into(),
        };
        self.warn(
            WarningKind::NoList,
            permissions.range().start,
            format!("permissions has no \"openapi\" and permits nothing: {advice}"),
        );
    }

    /// Says what a strict reader would refuse.
    fn warn_of_leniency(&mut self) {
        let Err(strict) = serde_json::from_str::<IgnoredAny>(self.text) else {
            return;
        };
        let refused_without = |comments, commas| {
            parse_to_ast(
                self.text,
                &CollectOptions::default(),
                &lenient(comments, commas),
            )
            .err()
            .map(|error| error.range().start)
        };
        let (comment, comma) = (refused_without(false, true), refused_without(true, false));
        if let Some(at) = comment {
            self.warn(
                WarningKind::Lenient,
                at,
                "a comment: JSON has none, and a strict reader refuses the file",
            );
        }
        if let Some(at) = comma {
            self.warn(
                WarningKind::Lenient,
                at,
                "a trailing comma: a strict reader refuses the file",
            );
        }
        if comment.is_none() && comma.is_none() {
            let place = Place {
                file: self.file.map(Into::into),
                position: Some((strict.line(), strict.column())),
            };
            self.declared.warnings.push(Warning {
                kind: WarningKind::Lenient,
                place,
                message: format!("a strict reader refuses the file: {strict}"),
            });
        }
    }

    fn unexpected(&self, value: &Value<'_>, message: &str) -> ConfigError {
        let range: Range = value.range();
        self.error(range.start, format!("{message}, not {}", kind(value)))
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ConfigError {
        ConfigError::new(self.place(at), message)
    }

    fn warn(&mut self, kind: WarningKind, at: usize, message: impl Into<String>) {
        let place = self.place(at);
        self.declared.warnings.push(Warning {
            kind,
            place,
            message: message.into(),
        });
    }

    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before[line_start..].chars().count();
        Place {
            file: self.file.map(Into::into),
            position: Some((line, column)),
        }
    }
}

fn lenient(comments: bool, trailing_commas: bool) -> ParseOptions {
    ParseOptions {
        allow_comments: comments,
        allow_trailing_commas: trailing_commas,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

#[cfg(test)]
mod tests;
