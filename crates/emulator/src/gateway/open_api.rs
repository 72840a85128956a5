//! The action `wx.openApi`: a Cloud Call.

use std::time::Instant;

use axum::response::Response;
use bytes::Bytes;
use cloudcall::Error;
use cloudcall::openapi::wire::{self as sdk, Answer, Arguments, FilePart};
use prost::Message;
use serde_json::{Map, json};

use super::callers::Caller;
use super::parameters::noted_parameters;
use super::reply::{self, Refusal};
use super::wire::{CommApiData, CommOpenApiResp, KeyValuePair, MOST_PAIRS, OPEN_API, count_pairs};
use super::{Gateway, GatewayEvent};

/// The SDK's code for an error of the API's side.
const API_SYSTEM_ERROR: i32 = -604_103;

/// Makes the call as the function, through the same code as a function in Rust.
pub(super) async fn call(
    gateway: &Gateway,
    caller: &Caller,
    api: &str,
    data: Option<Bytes>,
    token: &str,
) -> Result<Response, Refusal> {
    if api.is_empty() {
        return Err(Refusal::invalid("missing apiName"));
    }
    let data = data.ok_or_else(|| Refusal::invalid("missing requestData in a multipart form"))?;
    let not_the_message =
        |_| Refusal::invalid("requestData is not the protobuf message CommApiData");
    if count_pairs(&data).map_err(not_the_message)? > MOST_PAIRS {
        return Err(Refusal::invalid(format!(
            "requestData has more than {MOST_PAIRS} parameters"
        )));
    }
    let data = CommApiData::decode(data).map_err(not_the_message)?;
    if data.api_type() != OPEN_API {
        return Err(Refusal::not_emulated(api));
    }
    let pairs = data.openapi_data.unwrap_or_default().pairs;
    let arguments = arguments(pairs)?;
    let calling = Calling {
        gateway,
        caller,
        api,
        arguments: &arguments,
        token,
        began: Instant::now(),
        is_over: false,
    };
    let result = sdk::call(&caller.cloud_now(), api, &arguments).await;
    calling.ends(result.as_ref());
    let reply = match result {
        Ok(answer) => CommOpenApiResp {
            resp_data: Some(answer.body),
            content_type: Some(answer.content_type),
            error_code: None,
        },
        Err(error) => {
            gateway.tell(&GatewayEvent::CallFailed {
                function: &caller.name,
                api,
                error: &error,
            });
            failed(api, &error)
        }
    };
    Ok(reply::call_response(&reply))
}

/// A call that is being made, and told of when it is over.
struct Calling<'a> {
    gateway: &'a Gateway,
    caller: &'a Caller,
    api: &'a str,
    arguments: &'a Arguments,
    token: &'a str,
    began: Instant,
    is_over: bool,
}

impl Calling<'_> {
    fn ends(mut self, result: Result<&Answer, &Error>) {
        self.is_over = true;
        self.tell(Some(result));
    }

    /// Without a result the function gave up.
    fn tell(&self, result: Option<Result<&Answer, &Error>>) {
        if self.gateway.0.observer.is_none() {
            return;
        }
        let (function, id, api) = (&*self.caller.name, self.caller.id, self.api);
        let parameters = &noted_parameters(self.arguments, &[self.token]);
        let duration = self.began.elapsed();
        self.gateway.tell(&match result {
            Some(result) => GatewayEvent::Called {
                function,
                id,
                api,
                parameters,
                result,
                duration,
            },
            None => GatewayEvent::GivenUp {
                function,
                id,
                api,
                parameters,
                duration,
            },
        });
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(None);
        }
    }
}

fn arguments(pairs: Vec<KeyValuePair>) -> Result<Arguments, Refusal> {
    let mut fields = Map::new();
    let mut files = Vec::new();
    for pair in pairs {
        let field = pair.key.unwrap_or_default();
        let value = pair.value.unwrap_or_default();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        match (given(pair.contenttype), given(pair.filename)) {
            (None, None) => {
                let value = serde_json::from_slice(&value).map_err(|_| {
                    Refusal::invalid(format!("the parameter {field} in requestData is not JSON"))
                })?;
                fields.insert(field, value);
            }
            (content_type, file_name) => files.push(FilePart {
                field,
                content_type: content_type.unwrap_or_else(|| "application/octet-stream".into()),
                file_name,
                bytes: value,
            }),
        }
    }
    Ok(Arguments { fields, files })
}

/// What the SDK is told of a call that failed on the way: WeChat's own refusal as WeChat would
/// have worded it, anything else by its bare code.
fn failed(api: &str, error: &Error) -> CommOpenApiResp {
    if error.is_wechat() {
        // The SDK puts this before WeChat's text again.
        let prefix = format!("openapi.{api}:fail ");
        let errmsg = error.err_msg();
        let errmsg = errmsg.strip_prefix(&prefix).unwrap_or(errmsg);
        let body = json!({"errcode": error.err_code(), "errmsg": errmsg});
        return CommOpenApiResp {
            resp_data: Some(body.to_string().into()),
            content_type: Some("application/json".into()),
            error_code: None,
        };
    }
    CommOpenApiResp {
        error_code: Some(i32::try_from(error.err_code()).unwrap_or(API_SYSTEM_ERROR)),
        ..CommOpenApiResp::default()
    }
}
