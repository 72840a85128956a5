//! The Cloud Calls in Rust sources: paths into `cloudcall::openapi`.
//!
//! Read by tokens and not by a syntax tree, so that calls inside macros such as `tokio::join!`
//! count like all others. Names are resolved through the `use` declarations of the blocks and
//! modules around them. Code under `#[cfg(test)]` does not run on the platform and is passed over.
//!
//! Not followed: the code of other packages, and renames that are not a `use`.

mod imports;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use self::imports::{Imports, Scope};
use super::sources::Source;
use super::uses::{Spot, Uses};
use cloudcall::openapi::names::TYPED;

/// Reads the sources of a package.
pub(super) fn read(sources: &[Source]) -> Uses {
    let mut uses = Uses::default();
    let mut streams: Vec<Option<TokenStream>> = Vec::new();
    for (source, file) in sources.iter().enumerate() {
        match file.text.text.parse::<TokenStream>() {
            Ok(stream) => streams.push(Some(stream)),
            Err(error) => {
                let start = error.span().start();
                let at = file.text.offset(start.line, start.column + 1);
                uses.errors
                    .push((Spot::new(source, at..at + 1), "Rust does not parse".into()));
                streams.push(None);
            }
        }
    }
    let tokens = |stream: &Option<TokenStream>| -> Vec<TokenTree> {
        stream.clone().into_iter().flatten().collect()
    };
    let is_root = |source: &&Source| matches!(&*source.name, "src/main.rs" | "src/lib.rs");
    let root = sources.iter().position(|source| is_root(&source));
    let root = root.map(|at| Scope::of(&tokens(&streams[at])));
    for (source, stream) in streams.iter().enumerate() {
        let mut reader = Reader {
            source,
            text: &sources[source].text,
            imports: Imports::new(root.clone().unwrap_or_default()),
            uses: &mut uses,
        };
        reader.block(&tokens(stream));
    }
    uses.sort();
    uses
}

struct Reader<'a> {
    source: usize,
    text: &'a super::text::Text,
    imports: Imports,
    uses: &'a mut Uses,
}

impl Reader<'_> {
    /// Tokens with declarations of their own.
    fn block(&mut self, tokens: &[TokenTree]) {
        self.imports.enter(Scope::of(tokens), false);
        self.tokens(tokens);
        self.imports.leave();
    }

    fn tokens(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(tokens, at),
                TokenTree::Punct(punct) if punct.as_char() == '.' => after_field(tokens, at),
                TokenTree::Punct(_) if is_path_separator(tokens, at) => self.path(tokens, at),
                TokenTree::Ident(word) => match word.to_string().as_str() {
                    "use" => end_of_statement(tokens, at),
                    "mod" => self.module(tokens, at),
                    // What is bound here is a variable, however it is called.
                    "let" | "mut" if is_binding(tokens, at + 1) => at + 2,
                    "fn" | "struct" | "enum" | "trait" | "type" | "macro_rules" => at + 2,
                    _ => self.path(tokens, at),
                },
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    if group.delimiter() == Delimiter::Brace {
                        self.block(&inner);
                    } else {
                        self.tokens(&inner);
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Passes over an attribute, and with `#[cfg(test)]` over what it stands before.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let inner = usize::from(is_punct(tokens.get(at + 1), '!'));
        let Some(TokenTree::Group(group)) = tokens.get(at + 1 + inner) else {
            return at + 1;
        };
        let after = at + 2 + inner;
        let text: String = group
            .stream()
            .into_iter()
            .map(|token| token.to_string())
            .collect();
        if text.replace(' ', "") == "cfg(test)" && inner == 0 {
            end_of_item(tokens, after)
        } else {
            after
        }
    }

    /// `mod name { … }`: a module does not see the names around it, unless it asks for them.
    fn module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(TokenTree::Group(group)) = tokens.get(at + 2) else {
            return at + 2;
        };
        let inner: Vec<_> = group.stream().into_iter().collect();
        self.imports.enter(Scope::of(&inner), true);
        self.tokens(&inner);
        self.imports.leave();
        at + 3
    }

    /// A path, and what it means.
    fn path(&mut self, tokens: &[TokenTree], start: usize) -> usize {
        let (segments, end) = path(tokens, start);
        // A macro's name is no function; `name:` is a field or a binding.
        let is_name = is_punct(tokens.get(end), '!')
            || (segments.len() == 1
                && is_punct(tokens.get(end), ':')
                && !is_path_separator(tokens, end));
        if segments.is_empty() || is_name {
            return end.max(start + 1);
        }
        let resolved = self.imports.resolve(&segments);
        if let [first, second, rest @ ..] = &resolved[..]
            && first == "cloudcall"
            && second == "openapi"
        {
            let span =
                tokens[start].span().byte_range().start..tokens[end - 1].span().byte_range().end;
            let spot = Spot::new(self.source, span);
            self.used(rest, tokens.get(end), spot);
        }
        end
    }

    /// Something in `cloudcall::openapi`.
    fn used(&mut self, path: &[String], next: Option<&TokenTree>, spot: Spot) {
        if path == ["call"] {
            return self.generic(next, spot);
        }
        let joined = path.join("::");
        if let Some((_, api)) = TYPED.iter().find(|(typed, _)| *typed == joined) {
            self.uses.calls.push(((*api).into(), spot));
            return;
        }
        let called = matches!(next, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        // `GetTempMedia::new` makes arguments, and calls nothing.
        let is_type = |name: &String| name.starts_with(|first: char| first.is_ascii_uppercase());
        if called && !path.iter().any(is_type) {
            self.uses.unclear.push((
                spot,
                format!("which API openapi::{joined} calls is not known to cloudcall check"),
            ));
        }
    }

    /// `openapi::call(&cloud, "name", …)`.
    fn generic(&mut self, next: Option<&TokenTree>, spot: Spot) {
        let unclear = |reason: &str| (spot.clone(), reason.to_owned());
        let Some(TokenTree::Group(group)) = next else {
            let handed_on = unclear("openapi::call is handed on here, and is not followed");
            self.uses.unclear.push(handed_on);
            return;
        };
        let inner: Vec<_> = group.stream().into_iter().collect();
        let mut arguments = inner.split(|token| is_punct(Some(token), ','));
        let name = arguments.nth(1).unwrap_or_default();
        let name: Vec<_> = name
            .iter()
            .skip_while(|token| is_punct(Some(token), '&'))
            .cloned()
            .collect();
        let (segments, end) = path(&name, 0);
        let (api, spot) = match &name[..] {
            [TokenTree::Literal(literal)] => (
                imports::text(&literal.to_string()),
                Spot::new(self.source, literal.span().byte_range()),
            ),
            _ if !segments.is_empty() && end == name.len() => {
                (self.imports.constant(&segments), spot.clone())
            }
            _ => (None, spot.clone()),
        };
        match api {
            Some(api) => self.uses.calls.push((api, spot)),
            None => {
                let source = &self.text.text;
                let shown = name
                    .first()
                    .zip(name.last())
                    .and_then(|(first, last)| {
                        source.get(first.span().byte_range().start..last.span().byte_range().end)
                    })
                    .unwrap_or_default();
                self.uses.unclear.push(unclear(&format!(
                    "the name of the API is not written here: {}",
                    crate::json::beginning(shown.as_bytes(), 60)
                )));
            }
        }
    }
}

/// The segments of a path, without type arguments, and where it ends.
fn path(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut at = start;
    if is_path_separator(tokens, at) {
        at += 2;
    }
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        segments.push(word.to_string());
        at += 1;
        if !is_path_separator(tokens, at) {
            break;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Punct(punct)) if punct.as_char() == '<' => {
                at = after_type_arguments(tokens, at + 2);
                if !is_path_separator(tokens, at) {
                    break;
                }
                at += 2;
            }
            _ => break,
        }
    }
    (segments, at)
}

fn after_type_arguments(tokens: &[TokenTree], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        if is_punct(Some(token), '<') {
            depth += 1;
        } else if is_punct(Some(token), '>') {
            depth -= 1;
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// A name on its own, as `let` binds it.
fn is_binding(tokens: &[TokenTree], at: usize) -> bool {
    let is_keyword = |word: &proc_macro2::Ident| word == "mut" || word == "ref";
    matches!(tokens.get(at), Some(TokenTree::Ident(word)) if !is_keyword(word))
        && !is_path_separator(tokens, at + 1)
}

/// After `.name`: a field or a method is no path.
fn after_field(tokens: &[TokenTree], at: usize) -> usize {
    match tokens.get(at + 1) {
        Some(TokenTree::Ident(_)) => at + 2,
        _ => at + 1,
    }
}

fn end_of_statement(tokens: &[TokenTree], at: usize) -> usize {
    let rest = tokens.iter().enumerate().skip(at);
    rest.into_iter()
        .find(|(_, token)| is_punct(Some(token), ';'))
        .map_or(tokens.len(), |(end, _)| end + 1)
}

/// After a `;` or a block, whichever comes first.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    let rest = tokens.iter().enumerate().skip(at);
    rest.into_iter()
        .find(|(_, token)| ends(token))
        .map_or(tokens.len(), |(end, _)| end + 1)
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
        && is_punct(tokens.get(at + 1), ':')
}

#[cfg(test)]
mod tests;
