//! The parameters of a Cloud Call, as a journal may hold them.

use cloudcall::openapi::wire::Arguments;
use serde_json::{Map, Value, json};

use crate::journal::clipped;

/// How many values are noted of one call.
const MOST_VALUES: usize = 128;

/// How deep values are noted.
const DEEPEST: usize = 8;

/// Parameters that are secrets, in lower case and without `_`.
const SECRETS: [&str; 5] = [
    "accesstoken",
    "secret",
    "appsecret",
    "wxcloudapitoken",
    "wxapitoken",
];

/// A call's parameters as a journal may hold them: small, and without what is named as a secret.
///
/// A text has 256 characters at most, and `…` behind them if it had more; there are 128 values at
/// most, 8 deep. A file is `{"contentType":"image/png","fileName":"a.png","size":1024}`, without
/// the name if it has none; its size is in bytes.
///
/// ```
/// use cloudcall::openapi::wire::Arguments;
/// use serde_json::json;
///
/// let fields = json!({"media_id": "M", "access_token": "T"});
/// let fields = fields.as_object().cloned().unwrap_or_default();
/// let arguments = Arguments { fields, files: Vec::new() };
/// let noted = cloudcall_emulator::noted_parameters(&arguments);
/// assert_eq!(noted, json!({"media_id": "M"}));
/// ```
pub fn noted_parameters(arguments: &Arguments) -> Value {
    let mut left = MOST_VALUES;
    let mut noted = object(&arguments.fields, 0, &mut left);
    for file in &arguments.files {
        if !take(&mut left) {
            break;
        }
        let mut about = Map::new();
        about.insert("contentType".into(), text(&file.content_type));
        if let Some(name) = &file.file_name {
            about.insert("fileName".into(), text(name));
        }
        about.insert("size".into(), json!(file.bytes.len()));
        noted.insert(short(&file.field), about.into());
    }
    Value::Object(noted)
}

fn object(fields: &Map<String, Value>, depth: usize, left: &mut usize) -> Map<String, Value> {
    let mut noted = Map::new();
    for (name, field) in fields.iter().filter(|(name, _)| !is_secret(name)) {
        if !take(left) {
            noted.insert("…".into(), "…".into());
            break;
        }
        noted.insert(short(name), value(field, depth + 1, left));
    }
    noted
}

fn value(value: &Value, depth: usize, left: &mut usize) -> Value {
    match value {
        Value::String(long) => text(long),
        Value::Object(_) | Value::Array(_) if depth >= DEEPEST => "…".into(),
        Value::Object(fields) => object(fields, depth, left).into(),
        Value::Array(items) => {
            let mut noted = Vec::new();
            for item in items {
                if !take(left) {
                    noted.push("…".into());
                    break;
                }
                noted.push(self::value(item, depth + 1, left));
            }
            noted.into()
        }
        other => other.clone(),
    }
}

fn take(left: &mut usize) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

fn is_secret(name: &str) -> bool {
    // The longest of them, spelt with underscores, is shorter.
    name.len() <= 32 && {
        let plain = name.replace('_', "").to_ascii_lowercase();
        SECRETS.contains(&&*plain)
    }
}

fn text(long: &str) -> Value {
    short(long).into()
}

fn short(long: &str) -> String {
    match clipped(long) {
        whole if whole.len() == long.len() => long.to_owned(),
        part => format!("{part}…"),
    }
}

#[cfg(test)]
mod tests {
    use cloudcall::openapi::wire::FilePart;

    use super::*;

    fn noted(fields: Value, files: Vec<FilePart>) -> Value {
        let fields = fields.as_object().expect("an object").clone();
        noted_parameters(&Arguments { fields, files })
    }

    #[test]
    fn what_is_long_is_clipped() {
        let long = "中".repeat(257);
        let clipped = format!("{}…", "中".repeat(256));
        assert_eq!(noted(json!({"a": long}), vec![]), json!({"a": clipped}));

        let wide = noted(json!({"a": vec![0; 5000], "b": 1}), vec![]);
        assert_eq!(wide["a"].as_array().map(Vec::len), Some(MOST_VALUES));
        assert_eq!(wide["a"][MOST_VALUES - 1], "…");
        assert_eq!(wide["…"], "…");

        let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
        let depth = noted(deep, vec![]).to_string().matches('{').count();
        assert_eq!(depth, DEEPEST);
    }

    #[test]
    fn no_secret_and_no_file_is_noted() {
        let file = FilePart {
            field: "media".into(),
            content_type: "image/png".into(),
            file_name: Some("a.png".into()),
            bytes: "SECRET".into(),
        };
        let fields = json!({
            "type": "image",
            "access_token": "SECRET",
            "in": {"accessToken": "SECRET", "appSecret": "SECRET", "secret": "SECRET"},
        });
        assert_eq!(
            noted(fields, vec![file]),
            json!({
                "type": "image",
                "in": {},
                "media": {"contentType": "image/png", "fileName": "a.png", "size": 6},
            })
        );
    }
}
