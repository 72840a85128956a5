//! The arguments of a call: checked, and named as WeChat names them.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::case::{convert, rename, snake};
use super::catalog::{Api, Place};
use crate::buffer::Buffer;
use crate::error::Error;

/// Arguments as they go over the wire: names in snake_case, files apart.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// The values, by their names in snake_case; so are the names inside of objects.
    pub fields: Map<String, Value>,
    /// The files.
    pub files: Vec<FilePart>,
}

/// A file that is uploaded.
#[derive(Debug, Clone)]
pub struct FilePart {
    /// The name of the parameter, in snake_case.
    pub field: String,
    /// The MIME type.
    pub content_type: String,
    /// The name of the file, if it has one.
    pub file_name: Option<String>,
    /// What is in the file.
    pub bytes: Bytes,
}

/// A file as a Cloud Call gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    content_type: String,
    value: Buffer,
    file_name: Option<String>,
}

impl Arguments {
    /// Takes the JSON of a Cloud Call: an object with names in camelCase. `null` is no arguments,
    /// and a field that is `null` is not sent.
    pub(crate) fn from_json(api: &Api, json: Value) -> Result<Self, Error> {
        let fields = match json {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            other => {
                let detail = format!("the arguments must be an object, not {}", kind(&other));
                return Err(Error::argument(api.name, &detail));
            }
        };
        let mut arguments = Self::default();
        for (wire_name, value) in rename(fields, snake) {
            if value.is_null() {
                continue;
            }
            if api.place_of(&wire_name) == Place::File {
                let media: Media = serde_json::from_value(value).map_err(|error| {
                    let detail = format!(
                        "parameter {wire_name} must be {{contentType, value}} with the file's bytes in value: {error}"
                    );
                    Error::argument(api.name, &detail)
                })?;
                arguments.files.push(FilePart {
                    field: wire_name,
                    content_type: media.content_type,
                    file_name: media.file_name,
                    bytes: media.value.into_bytes(),
                });
            } else {
                arguments.fields.insert(wire_name, convert(value, snake));
            }
        }
        Ok(arguments)
    }

    /// Refuses what WeChat would refuse for certain: a required parameter that is missing or
    /// empty.
    pub(crate) fn check(&self, api: &Api) -> Result<(), Error> {
        for parameter in api.parameters {
            let name = parameter.name;
            let refuse = |what: &str| {
                Err(Error::argument(
                    api.name,
                    &format!("parameter {name} {what}"),
                ))
            };
            if parameter.place == Place::File {
                if !self
                    .files
                    .iter()
                    .any(|file| parameter.is_named(&file.field))
                {
                    return refuse("is missing");
                }
                continue;
            }
            let mut fields = self.fields.iter();
            let field = fields.find(|(wire_name, _)| parameter.is_named(wire_name));
            match field.map(|(_, value)| value) {
                None => return refuse("is missing"),
                Some(Value::String(text)) if text.is_empty() => return refuse("must not be empty"),
                Some(Value::String(_)) => {}
                Some(other) => return refuse(&format!("must be a string, not {}", kind(other))),
            }
        }
        Ok(())
    }
}

/// What a JSON value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(name: &str, json: Value) -> Result<Arguments, String> {
        let api = Api::find(name).expect("in the catalog");
        Arguments::from_json(api, json)
            .and_then(|arguments| arguments.check(api).map(|()| arguments))
            .map_err(|error| {
                assert!(error.is_invalid_argument());
                assert_eq!(error.err_code(), -601_002);
                error.err_msg().to_owned()
            })
    }

    #[test]
    fn wrong_arguments_are_named() {
        const GET: &str = "customerServiceMessage.getTempMedia";
        const UPLOAD: &str = "customerServiceMessage.uploadTempMedia";
        for (api, json, expected) in [
            (GET, json!({}), "parameter mediaId is missing"),
            (GET, json!(null), "parameter mediaId is missing"),
            (
                GET,
                json!({"mediaId": null}),
                "parameter mediaId is missing",
            ),
            (GET, json!({"mediaid": "x"}), "parameter mediaId is missing"),
            (
                GET,
                json!({"mediaId": ""}),
                "parameter mediaId must not be empty",
            ),
            (
                GET,
                json!({"mediaId": 7}),
                "parameter mediaId must be a string, not a number",
            ),
            (
                GET,
                json!(["x"]),
                "the arguments must be an object, not an array",
            ),
            (
                UPLOAD,
                json!({"type": "image"}),
                "parameter media is missing",
            ),
            (
                UPLOAD,
                json!({"type": "image", "media": {"value": ""}}),
                "parameter media must be {contentType, value} with the file's bytes in value: missing field `contentType`",
            ),
        ] {
            assert_eq!(
                checked(api, json).expect_err(expected),
                format!("openapi.{api}:fail -601002 system args error. {expected}")
            );
        }
    }

    #[test]
    fn of_two_names_that_become_one_the_converted_one_wins() {
        for json in [
            json!({"mediaId": "A", "media_id": "B"}),
            json!({"media_id": "B", "mediaId": "A"}),
        ] {
            let sent = checked("customerServiceMessage.getTempMedia", json).expect("complete");
            assert_eq!(Value::Object(sent.fields), json!({"media_id": "A"}));
        }
    }

    #[test]
    fn names_go_to_snake_case_at_every_depth_and_files_stay_whole() {
        let sent = checked(
            "customerServiceMessage.send",
            json!({"touser": "O", "msgtype": "image", "image": {"mediaId": "M"}, "none": null}),
        )
        .expect("complete");
        assert_eq!(
            Value::Object(sent.fields),
            json!({"touser": "O", "msgtype": "image", "image": {"media_id": "M"}})
        );

        let uploaded = checked(
            "customerServiceMessage.uploadTempMedia",
            json!({"type": "image", "media": {"contentType": "image/png", "value": {"type": "Buffer", "data": [1, 2]}}}),
        )
        .expect("complete");
        let [file] = &uploaded.files[..] else {
            panic!("one file")
        };
        assert_eq!(
            (file.field.as_str(), &file.bytes[..]),
            ("media", &[1, 2][..])
        );
        assert_eq!(file.content_type, "image/png");
    }
}
