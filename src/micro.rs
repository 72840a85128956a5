//! What the micro-benchmarks of `benches/micro/` call; not part of the API.

use serde_json::Value;

use crate::openapi::case::{camel, convert, snake};

/// The JSON of a reply.
pub fn parse_reply(body: &[u8]) -> Option<Value> {
    crate::openapi::reply::parse(body)
}

/// Every key as a function sees it.
pub fn to_camel(value: Value) -> Value {
    convert(value, camel)
}

/// Every key as WeChat sees it.
pub fn to_snake(value: Value) -> Value {
    convert(value, snake)
}
