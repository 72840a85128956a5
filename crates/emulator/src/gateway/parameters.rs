//! The parameters of a Cloud Call, as a journal may hold them.

use std::borrow::Cow;

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

/// A call's parameters as a journal may hold them: small, without what is named as a secret, and
/// with `***` in the place of these secrets wherever they stand.
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
/// let noted = cloudcall_emulator::noted_parameters(&arguments, &["T"]);
/// assert_eq!(noted, json!({"media_id": "M"}));
/// ```
pub fn noted_parameters(arguments: &Arguments, secrets: &[&str]) -> Value {
    let mut noting = Noting {
        left: MOST_VALUES,
        secrets,
    };
    let mut noted = noting.object(&arguments.fields, 0);
    for file in &arguments.files {
        if !noting.take() {
            break;
        }
        let mut about = Map::new();
        let content_type = noting.short(&file.content_type);
        about.insert("contentType".into(), content_type.into());
        if let Some(name) = &file.file_name {
            about.insert("fileName".into(), noting.short(name).into());
        }
        about.insert("size".into(), json!(file.bytes.len()));
        noted.insert(noting.short(&file.field), about.into());
    }
    Value::Object(noted)
}

struct Noting<'a> {
    /// How many values may follow.
    left: usize,
    secrets: &'a [&'a str],
}

impl Noting<'_> {
    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> Map<String, Value> {
        let mut noted = Map::new();
        for (name, field) in fields.iter().filter(|(name, _)| !is_secret(name)) {
            if !self.take() {
                noted.insert("…".into(), "…".into());
                break;
            }
            noted.insert(self.short(name), self.value(field, depth + 1));
        }
        noted
    }

    fn value(&mut self, value: &Value, depth: usize) -> Value {
        match value {
            Value::String(text) => self.short(text).into(),
            Value::Object(_) | Value::Array(_) if depth >= DEEPEST => "…".into(),
            Value::Object(fields) => self.object(fields, depth).into(),
            Value::Array(items) => {
                let mut noted = Vec::new();
                for item in items {
                    if !self.take() {
                        noted.push("…".into());
                        break;
                    }
                    noted.push(self.value(item, depth + 1));
                }
                noted.into()
            }
            other => other.clone(),
        }
    }

    fn take(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }

    fn short(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret) {
                text = text.replace(secret, "***").into();
            }
        }
        match clipped(&text) {
            whole if whole.len() == text.len() => text.into_owned(),
            part => format!("{part}…"),
        }
    }
}

fn is_secret(name: &str) -> bool {
    // The longest of them, spelt with underscores, is shorter.
    name.len() <= 32 && {
        let plain = name.replace('_', "").to_ascii_lowercase();
        SECRETS.contains(&&*plain)
    }
}

#[cfg(test)]
mod tests {
    use cloudcall::openapi::wire::FilePart;

    use super::*;

    fn noted(fields: Value, files: Vec<FilePart>) -> Value {
        let fields = fields.as_object().expect("an object").clone();
        noted_parameters(&Arguments { fields, files }, &["T0KEN"])
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
            "text": ["a T0KEN", "T0KEN"],
            "access_token": "SECRET",
            "in": {"accessToken": "SECRET", "appSecret": "SECRET", "secret": "SECRET"},
        });
        assert_eq!(
            noted(fields, vec![file]),
            json!({
                "type": "image",
                "text": ["a ***", "***"],
                "in": {},
                "media": {"contentType": "image/png", "fileName": "a.png", "size": 6},
            })
        );
    }
}
