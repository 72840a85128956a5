//! One file, parsed, with its names resolved.

use std::ops::Range;

use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_semantic::{Semantic, SemanticBuilder};
use oxc_span::SourceType;

/// What came of a file.
pub(super) struct Parsed<'a> {
    pub(super) semantic: Semantic<'a>,
    /// The first thing that does not parse.
    pub(super) error: Option<(Range<usize>, String)>,
}

/// Parses a text; its name says in which language it is.
pub(super) fn parse<'a>(allocator: &'a Allocator, name: &str, text: &'a str) -> Parsed<'a> {
    let extension = name.rsplit('.').next().unwrap_or_default();
    let kind = match extension {
        "js" | "jsx" => SourceType::unambiguous().with_jsx(true),
        "cjs" => SourceType::cjs(),
        "mjs" => SourceType::mjs(),
        other => SourceType::from_extension(other).unwrap_or_default(),
    };
    let options = ParseOptions {
        // Node wraps what is no ES module into a function.
        allow_return_outside_function: !matches!(extension, "mjs" | "mts"),
        ..ParseOptions::default()
    };
    let ParserReturn {
        program, errors, ..
    } = Parser::new(allocator, text, kind)
        .with_options(options)
        .parse();
    let error = errors.first().map(|error| {
        let label = error.labels.as_ref().and_then(|labels| labels.first());
        let (start, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
        (start..start + length, error.message.to_string())
    });
    let program = allocator.alloc(program);
    Parsed {
        semantic: SemanticBuilder::new().build(program).semantic,
        error,
    }
}
