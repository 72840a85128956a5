//! The recorded exchange that is most like a request which is in no cassette.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::format::{Body, Exchange, Request, Texts};

/// How many differences are told.
const TOLD: usize = 3;

/// How much of a value is told, in characters.
const LONGEST: usize = 60;

/// What is wrong, with the nearest exchange and what is different in it.
pub(super) fn message(cassette: &Path, asked: &Request, recorded: &[Exchange]) -> String {
    let cassette = cassette.display();
    let Request { method, path, .. } = asked;
    let missing = format!("the cassette {cassette} has no answer to this {method} {path}");
    let nearest = recorded
        .iter()
        .map(|exchange| Comparison::of(asked, &exchange.request))
        .min_by(|one, other| one.distance.total_cmp(&other.distance));
    match nearest {
        None => format!("{missing}: nothing was recorded in it"),
        Some(nearest) => format!("{missing}; in the nearest one, {}", nearest.told()),
    }
}

struct Comparison {
    distance: f64,
    differences: Vec<String>,
}

impl Comparison {
    fn of(asked: &Request, recorded: &Request) -> Self {
        let mut found = Self {
            distance: 0.0,
            differences: Vec::new(),
        };
        // Another path is another API, however much the parameters are alike.
        for (name, weight, asked, recorded) in [
            ("the path", 1000.0, &asked.path, &recorded.path),
            ("the method", 100.0, &asked.method, &recorded.method),
        ] {
            if asked != recorded {
                found.add(
                    weight,
                    format!("{name} is {recorded}, not {asked}"),
                    unlike(asked, recorded),
                );
            }
        }
        found.compare(&leaves(asked), &leaves(recorded));
        found
    }

    fn compare(&mut self, asked: &BTreeMap<String, String>, recorded: &BTreeMap<String, String>) {
        for (name, value) in asked {
            match recorded.get(name) {
                Some(other) if other == value => {}
                Some(other) => self.add(
                    1.0,
                    format!("{name} is {}, not {}", clipped(other), clipped(value)),
                    unlike(value, other),
                ),
                None => self.add(
                    1.5,
                    format!("there is no {name}, here {}", clipped(value)),
                    0.0,
                ),
            }
        }
        for (name, value) in recorded {
            if !asked.contains_key(name) {
                self.add(1.5, format!("there is {name} too, {}", clipped(value)), 0.0);
            }
        }
    }

    fn add(&mut self, weight: f64, difference: String, unlike: f64) {
        self.distance += weight * (1.0 + unlike);
        self.differences.push(difference);
    }

    fn told(&self) -> String {
        let told = self.differences.iter().take(TOLD);
        let told = told.map(String::as_str).collect::<Vec<_>>().join("; ");
        match self.differences.len().saturating_sub(TOLD) {
            0 => told,
            more => format!("{told}; and {more} more"),
        }
    }
}

/// From 0 for the same to 1 for nothing in common.
fn unlike(one: &str, other: &str) -> f64 {
    1.0 - strsim::normalized_levenshtein(&clipped(one), &clipped(other))
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// All values of a request, by where they stand.
fn leaves(request: &Request) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    for (name, texts) in &request.query {
        let value = match texts {
            Texts::One(text) => format!("{text:?}"),
            Texts::Several(texts) => format!("{texts:?}"),
        };
        leaves.insert(name.clone(), value);
    }
    if let Some(body) = &request.body {
        add_body("the body", body, &mut leaves);
    }
    leaves
}

fn add_body(name: &str, body: &Body, leaves: &mut BTreeMap<String, String>) {
    match body {
        Body::Json(json) => add_json(String::new(), json, leaves),
        Body::Text(text) => {
            leaves.insert(name.into(), format!("{text:?}"));
        }
        Body::File(file) => {
            let value = format!("{} ({} bytes)", file.name, file.size);
            leaves.insert(name.into(), value);
        }
        Body::Form(parts) => {
            for part in parts {
                match &part.body {
                    Some(body) => add_body(&part.name, body, leaves),
                    None => {
                        leaves.insert(part.name.clone(), "empty".into());
                    }
                }
            }
        }
    }
}

fn add_json(name: String, json: &Value, leaves: &mut BTreeMap<String, String>) {
    match json {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                let name = match name.as_str() {
                    "" => field.clone(),
                    _ => format!("{name}.{field}"),
                };
                add_json(name, value, leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                add_json(format!("{name}[{index}]"), item, leaves);
            }
        }
        leaf => {
            leaves.insert(name, leaf.to_string());
        }
    }
}
