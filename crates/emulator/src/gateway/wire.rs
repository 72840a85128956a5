//! The protobuf messages of a Cloud Call, as `wx-server-sdk` declares them in `openapi.proto`.

use bytes::Bytes;
use prost::Message;

/// A [`CommApiData::api_type`]: a Cloud Call. The others carry what `cloud.getOpenData()` and its
/// like ask for.
pub(super) const OPEN_API: i32 = 0;

/// What the function calls: the part `requestData`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CommApiData {
    #[prost(int32, optional, tag = "1")]
    pub(super) api_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(super) openapi_data: Option<OpenApiData>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OpenApiData {
    #[prost(message, repeated, tag = "1")]
    pub(super) pairs: Vec<KeyValuePair>,
}

/// One parameter: JSON text, or the bytes of a file if `contenttype` or `filename` is there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValuePair {
    #[prost(string, optional, tag = "1")]
    pub(super) key: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(super) value: Option<Bytes>,
    #[prost(string, optional, tag = "3")]
    pub(super) contenttype: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) filename: Option<String>,
}

/// What the call gave.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CommOpenApiResp {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) resp_data: Option<Bytes>,
    #[prost(string, optional, tag = "2")]
    pub(super) content_type: Option<String>,
    /// One of the SDK's own codes, when the call did not come about.
    #[prost(int32, optional, tag = "3")]
    pub(super) error_code: Option<i32>,
}
