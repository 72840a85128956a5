//! What the SDK sends: a form or JSON, of which few fields matter.

use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::{CONTENT_TYPE, HeaderMap};
use multer::{Constraints, Multipart, SizeLimit};
use serde::Deserialize;
use serde_json::Value;

use super::reply::Refusal;

/// The largest request, in bytes.
const LARGEST: usize = 32 << 20;

/// The longest text in a form, in bytes.
const LONGEST_TEXT: u64 = 64 << 10;

/// How many parts a form may have. The SDK sends about ten.
const MOST_PARTS: usize = 64;

/// A request. There is no `Debug`, for it holds the function's token.
#[derive(Default)]
pub(super) struct GatewayRequest {
    /// What is asked for, such as `wx.openApi`.
    pub(super) action: String,
    /// Tells which function is calling.
    pub(super) token: String,
    /// The Cloud Call, such as `customerServiceMessage.getTempMedia`.
    pub(super) api: String,
    /// The arguments of the Cloud Call, in protobuf. Only a form has them.
    pub(super) call: Option<Bytes>,
    /// The function to be called.
    pub(super) function: String,
    /// The event for it, as JSON; empty for none.
    pub(super) event: String,
}

/// The fields of a JSON body. A field that is no text counts as missing: other actions than ours
/// may give the same names to other things.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Json {
    action: Value,
    #[serde(rename = "wxCloudApiToken")]
    token: Value,
    #[serde(rename = "apiName")]
    api: Value,
    function_name: Value,
    request_data: Value,
}

impl GatewayRequest {
    /// Reads a body to its end.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: &mut BodyDataStream,
    ) -> Result<Self, Refusal> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            return Self::from_form(boundary, body).await;
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Self::from_json(body).await;
        }
        Err(Refusal::invalid(
            "the body is neither multipart/form-data with a boundary nor application/json",
        ))
    }

    async fn from_form(boundary: String, body: &mut BodyDataStream) -> Result<Self, Refusal> {
        let mut limits = SizeLimit::new().whole_stream(LARGEST as u64);
        for name in ["action", "apiName", "wxCloudApiToken", "function_name"] {
            limits = limits.for_field(name, LONGEST_TEXT);
        }
        let constraints = Constraints::new().size_limit(limits);
        let mut form = Multipart::with_constraints(body, boundary, constraints);

        let mut request = Self::default();
        let mut seen = Vec::new();
        let mut parts = 0;
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            parts += 1;
            if parts > MOST_PARTS {
                return Err(too_many_parts());
            }
            let name = field.name().unwrap_or_default().to_owned();
            let target = match &*name {
                "action" => &mut request.action,
                "wxCloudApiToken" => &mut request.token,
                "apiName" => &mut request.api,
                "function_name" => &mut request.function,
                "request_data" => &mut request.event,
                "requestData" => &mut String::new(),
                _ => continue,
            };
            // Which of two tokens counts must not be a matter of who reads them.
            if seen.contains(&name) {
                return Err(Refusal::invalid(format!("the part {name} is there twice")));
            }
            let bytes = field.bytes().await.map_err(unreadable)?;
            if name == "requestData" {
                request.call = Some(bytes);
            } else {
                *target = String::from_utf8_lossy(&bytes).into();
            }
            seen.push(name);
        }
        Ok(request)
    }

    async fn from_json(body: &mut BodyDataStream) -> Result<Self, Refusal> {
        let mut text = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|_| incomplete())? {
            if text.len() + chunk.len() > LARGEST {
                return Err(too_large());
            }
            text.extend_from_slice(&chunk);
        }
        let json: Json = serde_json::from_slice(&text)
            .map_err(|_| Refusal::invalid("the body is not a JSON object"))?;
        Ok(Self {
            action: into_text(json.action),
            token: into_text(json.token),
            api: into_text(json.api),
            call: None,
            function: into_text(json.function_name),
            event: into_text(json.request_data),
        })
    }
}

fn into_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        _ => String::new(),
    }
}

fn unreadable(error: multer::Error) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(),
        multer::Error::FieldSizeExceeded { field_name, .. } => Refusal::invalid(format!(
            "the part {} is larger than 64 KiB",
            field_name.unwrap_or_default()
        )),
        multer::Error::StreamReadFailed(_) => incomplete(),
        _ => Refusal::invalid("the multipart form is malformed or incomplete"),
    }
}

fn too_many_parts() -> Refusal {
    Refusal::invalid(format!("the form has more than {MOST_PARTS} parts"))
}

fn too_large() -> Refusal {
    Refusal::invalid("the body is larger than 32 MiB")
}

fn incomplete() -> Refusal {
    Refusal::invalid("the body broke off")
}
