//! JSON as people write it by hand: with comments, trailing commas or a byte order mark.

use jsonc_parser::errors::ParseError;
use jsonc_parser::{JsonValue, ParseOptions, parse_to_value};

/// What the SDK reads in a `config.json`.
pub(crate) const LENIENT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads what the SDK reads in a `config.json`; nothing when the text is empty.
pub(crate) fn parse(text: &str) -> Result<Option<JsonValue<'_>>, ParseError> {
    parse_to_value(crate::json::without_bom(text), &LENIENT)
}
