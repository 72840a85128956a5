//! What the micro-benchmarks of `benches/micro/` call: the protobuf of a Cloud Call.

use bytes::Bytes;
use prost::Message as _;

use super::wire::{CommApiData, CommOpenApiResp, KeyValuePair, OPEN_API, OpenApiData, count_pairs};

/// A call with these parameters, as `wx-server-sdk` sends it.
pub fn call(parameters: impl Iterator<Item = (String, String)>) -> Vec<u8> {
    let pairs = parameters.map(|(key, json)| KeyValuePair {
        key: Some(key),
        value: Some(json.into()),
        contenttype: None,
        filename: None,
    });
    CommApiData {
        api_type: Some(OPEN_API),
        openapi_data: Some(OpenApiData {
            pairs: pairs.collect(),
        }),
    }
    .encode_to_vec()
}

/// Reads a call as the gateway does, and gives how many parameters it has.
pub fn read_call(data: Bytes) -> Option<usize> {
    count_pairs(&data).ok()?;
    let call = CommApiData::decode(data).ok()?;
    Some(call.openapi_data?.pairs.len())
}

/// The reply to a call, around what WeChat answered.
pub fn write_reply(body: Bytes) -> Vec<u8> {
    CommOpenApiResp {
        resp_data: Some(body),
        content_type: Some("application/json".to_owned()),
        error_code: None,
    }
    .encode_to_vec()
}
