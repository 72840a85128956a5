//! `--fix`: adds what `permissions.openapi` lacks to the text of a `config.json`, and changes
//! nothing else in it.
//!
//! The text is edited, not written anew: comments, order, indentation and line ends stay.

mod layout;

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

use cloudcall::Permissions;
use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, parse_to_ast};

use self::layout::Layout;
use super::config::last;
use crate::runner::jsonc;

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FixError {
    #[error("{0}")]
    Unreadable(#[from] cloudcall::ConfigError),
    #[error("the permissions cannot be added without changing more than them")]
    Refused,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Adds the APIs to the file, or makes the file. Those that are there already are left alone.
pub(super) fn file(path: &Path, apis: &[String]) -> Result<(), FixError> {
    // A link stays one: what it leads to is changed.
    let path = match path.canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = add("{}\n", apis)?;
            // Made by somebody else meanwhile, it is not to be replaced.
            let mut file = std::fs::File::create_new(path)?;
            return Ok(file.write_all(text.as_bytes())?);
        }
        Err(error) => return Err(error.into()),
    };
    let before = std::fs::read_to_string(&path)?;
    let after = add(&before, apis)?;
    if after == before {
        return Ok(());
    }
    let permissions = std::fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        // In its folder it could be replaced all the same, but it is not to be changed.
        return Err(
            io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only").into(),
        );
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(after.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The text with the APIs added to `permissions.openapi`.
pub(super) fn add(text: &str, apis: &[String]) -> Result<String, FixError> {
    let before = declared(text)?;
    let mut missing: Vec<&str> = Vec::new();
    for api in apis {
        if !before.contains(api) && !missing.contains(&api.as_str()) {
            missing.push(api);
        }
    }
    if missing.is_empty() {
        return Ok(text.into());
    }
    let bom = text.len() - crate::json::without_bom(text).len();
    let (bom, body) = text.split_at(bom);
    let added = format!("{bom}{}", insert(body, &missing).ok_or(FixError::Refused)?);

    // Nothing is written that does not read as it should.
    let mut wanted = before;
    wanted.extend(missing.into_iter().map(Into::into));
    match declared(&added) {
        Ok(after) if after == wanted => Ok(added),
        _ => Err(FixError::Refused),
    }
}

fn declared(text: &str) -> Result<BTreeSet<String>, FixError> {
    let permissions = Permissions::from_json(text)?;
    Ok(permissions.apis().map(Into::into).collect())
}

/// Puts the names where they belong, with as much around them as is missing.
fn insert(text: &str, names: &[&str]) -> Option<String> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &jsonc::LENIENT).ok()?;
    let Some(Value::Object(root)) = &parsed.value else {
        return None;
    };
    let layout = Layout::of(text, root);
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    match last(root, "permissions") {
        None => {
            let list = layout.list(&quoted, 2);
            let value = layout.object("openapi", &list, 1);
            layout.insert(root, &[format!("\"permissions\": {value}")], true)
        }
        Some(Value::Object(permissions)) => match last(permissions, "openapi") {
            None => {
                let list = layout.list(&quoted, 2);
                layout.insert(permissions, &[format!("\"openapi\": {list}")], true)
            }
            Some(Value::Array(list)) => layout.insert(list, &quoted, false),
            Some(_) => None,
        },
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
