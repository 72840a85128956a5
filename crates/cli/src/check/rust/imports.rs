//! The names of a Rust file: what `use` declarations and constants make of them.

use std::collections::HashMap;

use proc_macro2::{Delimiter, TokenTree};

use super::{is_path_separator, is_punct};

/// How often a name may lead to another: a circle must end.
const DEEPEST: usize = 16;

/// The declarations of one block or module.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// A name, and the path it stands for; empty for what is defined here.
    names: HashMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    constants: HashMap<String, String>,
    /// A module: it does not see what is around it.
    is_module: bool,
}

impl Scope {
    /// The declarations among these tokens.
    pub(super) fn of(tokens: &[TokenTree]) -> Self {
        let mut scope = Self::default();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Ident(word) = token else {
                continue;
            };
            let name = || match tokens.get(at + 1) {
                Some(TokenTree::Ident(name)) => Some(name.to_string()),
                _ => None,
            };
            match word.to_string().as_str() {
                "use" => {
                    scope.tree(&tokens[at + 1..], &[]);
                }
                "fn" | "struct" | "enum" | "mod" | "trait" | "type" => {
                    if let Some(name) = name() {
                        scope.names.entry(name).or_default();
                    }
                }
                "const" | "static" => {
                    if let Some(name) = name()
                        && let Some(value) = constant(&tokens[at + 2..])
                    {
                        scope.constants.insert(name, value);
                    }
                }
                _ => {}
            }
        }
        scope
    }

    /// One tree of a `use`; gives how many tokens it has.
    fn tree(&mut self, tokens: &[TokenTree], before: &[String]) -> usize {
        let mut path = before.to_vec();
        let mut at = 0;
        loop {
            if is_path_separator(tokens, at) {
                at += 2;
            }
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) if word == "as" => {
                    if let Some(TokenTree::Ident(alias)) = tokens.get(at + 1) {
                        self.name(alias.to_string(), path);
                    }
                    return at + 2;
                }
                Some(TokenTree::Ident(word)) => {
                    path.push(word.to_string());
                    at += 1;
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                    self.globs.push(path);
                    return at + 1;
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for part in inner.split(|token| is_punct(Some(token), ',')) {
                        if !part.is_empty() {
                            self.tree(part, &path);
                        }
                    }
                    return at + 1;
                }
                _ => {
                    if let Some(last) = path.last().cloned() {
                        self.name(last, path);
                    }
                    return at;
                }
            }
        }
    }

    fn name(&mut self, name: String, mut path: Vec<String>) {
        let mut name = name;
        // `use a::b::{self}`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
            if name == "self" {
                name = path.last().cloned().unwrap_or_default();
            }
        }
        self.names.insert(name, path);
    }
}

/// `: &str = "text";`, the text.
fn constant(tokens: &[TokenTree]) -> Option<String> {
    let end = tokens.iter().position(|token| is_punct(Some(token), ';'))?;
    match &tokens[..end] {
        [.., equals, TokenTree::Literal(literal)] if is_punct(Some(equals), '=') => {
            text(&literal.to_string())
        }
        _ => None,
    }
}

/// The text of a string literal without escapes, raw or not.
pub(super) fn text(literal: &str) -> Option<String> {
    let plain = literal.strip_prefix('r').map(|raw| raw.trim_matches('#'));
    let text = plain.unwrap_or(literal);
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| text.to_owned())
}

/// The scopes around a place, the innermost last.
#[derive(Debug)]
pub(super) struct Imports {
    /// What `crate::` leads to: the top of `main.rs` or `lib.rs`.
    root: Scope,
    scopes: Vec<Scope>,
}

impl Imports {
    pub(super) fn new(root: Scope) -> Self {
        let scopes = Vec::new();
        Self { root, scopes }
    }

    pub(super) fn enter(&mut self, scope: Scope, is_module: bool) {
        self.scopes.push(Scope { is_module, ..scope });
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The path in full, as far as it can be told.
    pub(super) fn resolve(&self, path: &[String]) -> Vec<String> {
        self.resolve_in(self.scopes.len(), path, DEEPEST)
    }

    /// The text of a constant of this package.
    pub(super) fn constant(&self, path: &[String]) -> Option<String> {
        match path {
            [name] => {
                let own = self.visible(self.scopes.len());
                let constant = |scope: &Scope| scope.constants.get(name).cloned();
                own.rev().find_map(constant).or_else(|| {
                    let full = self.resolve(path);
                    (full.len() > 1).then(|| self.constant(&full))?
                })
            }
            [first, name] if first == "crate" => self.root.constants.get(name).cloned(),
            _ => None,
        }
    }

    /// The scopes that are seen from below `depth`.
    fn visible(&self, depth: usize) -> impl DoubleEndedIterator<Item = &Scope> {
        let scopes = &self.scopes[..depth];
        let module = scopes.iter().rposition(|scope| scope.is_module);
        scopes[module.unwrap_or(0)..].iter()
    }

    fn resolve_in(&self, depth: usize, path: &[String], left: usize) -> Vec<String> {
        let (Some((first, rest)), true) = (path.split_first(), left > 0) else {
            return path.to_vec();
        };
        match first.as_str() {
            "cloudcall" => return path.to_vec(),
            "self" => return self.resolve_in(depth, rest, left - 1),
            "super" => {
                let scopes = &self.scopes[..depth];
                let module = scopes.iter().rposition(|scope| scope.is_module);
                return match module {
                    Some(module) => self.resolve_in(module, rest, left - 1),
                    // The module is a file, and the one above is another.
                    None => path.to_vec(),
                };
            }
            "crate" => {
                let Some((name, below)) = rest.split_first() else {
                    return path.to_vec();
                };
                let full = self.root.names.get(name).filter(|path| !path.is_empty());
                let Some(full) = full else {
                    return path.to_vec();
                };
                let joined = [full, below].concat();
                return self.resolve_in(0, &joined, left - 1);
            }
            _ => {}
        }
        for scope in self.visible(depth).rev() {
            match scope.names.get(first) {
                Some(full) if full.is_empty() => return path.to_vec(),
                // `use serde;` leads nowhere else.
                Some(full) if full.len() == 1 && full[0] == *first => return path.to_vec(),
                Some(full) => {
                    let joined = [full, rest].concat();
                    return self.resolve_in(depth, &joined, left - 1);
                }
                None => {}
            }
        }
        self.visible(depth)
            .rev()
            .flat_map(|scope| &scope.globs)
            .map(|glob| self.resolve_in(depth, &[glob, path].concat(), left - 1))
            .find(|full| is_known(full))
            .unwrap_or_else(|| path.to_vec())
    }
}

/// Whether a path that may come from a glob is one of `cloudcall`'s.
fn is_known(path: &[String]) -> bool {
    match path {
        [krate, openapi, rest @ ..] if krate == "cloudcall" && openapi == "openapi" => {
            let joined = rest.join("::");
            joined.is_empty()
                || joined == "call"
                || cloudcall::openapi::names::TYPED
                    .iter()
                    .any(|(typed, _)| *typed == joined || typed.starts_with(&format!("{joined}::")))
        }
        _ => false,
    }
}
