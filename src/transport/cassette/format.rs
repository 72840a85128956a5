//! What a cassette holds, as its JSON says it; [the module](super) explains it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::CassetteError;

/// The version of the format.
const VERSION: u64 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "read before, and known here")]
    cloudcall_cassette: u64,
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) response: Response,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) query: BTreeMap<String, Texts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
}

/// The values of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
pub(super) enum Texts {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Body {
    Json(Value),
    Text(String),
    File(File),
    Form(Vec<Part>),
}

/// A file in the folder beside the cassette.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) size: u64,
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Part {
    pub(super) name: String,
    /// This and the type do not count: each SDK makes up its own, `wx-server-sdk` even where the
    /// caller gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
}

impl Request {
    /// The same text for requests that get the same answer, and the order of exchanges.
    pub(super) fn key(&self) -> String {
        let mut query = serde_json::json!(self.query);
        query.sort_all_objects();
        let mut body = serde_json::json!(self.body.as_ref().map(Body::that_counts));
        body.sort_all_objects();
        format!("{}\n{}\n{query}\n{body}", self.path, self.method)
    }
}

impl Body {
    fn that_counts(&self) -> Self {
        match self {
            Self::Form(parts) => Self::Form(
                parts
                    .iter()
                    .map(|part| Part {
                        file_name: None,
                        content_type: None,
                        ..part.clone()
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<&File> {
        match self {
            Self::Json(_) | Self::Text(_) => Vec::new(),
            Self::File(file) => vec![file],
            Self::Form(parts) => parts
                .iter()
                .filter_map(|part| part.body.as_ref())
                .flat_map(Self::files)
                .collect(),
        }
    }
}

impl Exchange {
    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        let bodies = [&self.request.body, &self.response.body];
        bodies.into_iter().flatten().flat_map(Body::files)
    }
}

impl Exchange {
    /// Its text in a cassette.
    pub(super) fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self)
            .expect("texts, numbers and JSON, by names that are texts");
        // No text in JSON holds a line break.
        text.replace('\n', "\n    ")
    }
}

/// The whole text of a cassette, with exchanges of these texts. They are made only once, because a
/// cassette is written after each exchange.
pub(super) fn write<'a>(exchanges: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = format!("{{\n  \"cloudcallCassette\": {VERSION},\n  \"exchanges\": [");
    let mut separator = "\n    ";
    for exchange in exchanges {
        text.push_str(separator);
        text.push_str(exchange);
        separator = ",\n    ";
    }
    text.push_str("\n  ]\n}\n");
    text
}

/// The exchanges in the text of a cassette. `path` is where it is from.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Exchange>, CassetteError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        cloudcall_cassette: u64,
    }

    let malformed = |error: serde_json::Error| {
        let message = error.to_string();
        // It ends in the place, which is told before.
        let message = message.split(" at line ").next().unwrap_or_default();
        CassetteError::Malformed {
            path: path.into(),
            line: error.line(),
            column: error.column(),
            message: message.into(),
        }
    };
    // Editors of Windows like to add a mark at the start.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // First, because all the rest may be different in another version.
    let Head { cloudcall_cassette } = serde_json::from_str(text).map_err(malformed)?;
    if cloudcall_cassette > VERSION {
        return Err(CassetteError::TooNew {
            path: path.into(),
            found: cloudcall_cassette,
            supported: VERSION,
        });
    }
    let document: Document = serde_json::from_str(text).map_err(malformed)?;
    Ok(document.exchanges)
}
