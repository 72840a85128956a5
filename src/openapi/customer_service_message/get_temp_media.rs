//! `customerServiceMessage.getTempMedia`: downloads temporary media.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::arguments::Arguments;
use super::super::{Content, Reply, call_with, find};
use crate::buffer::Buffer;
use crate::cloud::Cloud;
use crate::error::Error;

/// The name of the call.
pub(super) const API: &str = "customerServiceMessage.getTempMedia";

/// Arguments of [`get_temp_media`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GetTempMedia {
    /// The id of the media, as the message event of the user's image gives it.
    pub media_id: String,
}

impl GetTempMedia {
    /// The media of this id.
    pub fn new(media_id: impl Into<String>) -> Self {
        Self {
            media_id: media_id.into(),
        }
    }

    pub(super) fn into_arguments(self) -> Arguments {
        Arguments {
            fields: Map::from_iter([("media_id".to_owned(), self.media_id.into())]),
            files: Vec::new(),
        }
    }
}

/// Media that a user sent, or that was uploaded with `uploadTempMedia`.
///
/// As JSON: `{"errCode": 0, "errMsg": …, "contentType": …, "buffer": …}`, the buffer as base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TempMedia {
    /// Always 0.
    pub err_code: i64,
    /// `openapi.customerServiceMessage.getTempMedia:ok`.
    pub err_msg: String,
    /// The MIME type, such as `image/jpeg`, as WeChat labels it.
    pub content_type: String,
    /// The bytes.
    pub buffer: Buffer,
}

/// Downloads temporary media: `GET /cgi-bin/media/get`.
///
/// A Mini Program can download images only. Media can be downloaded for 3 days after they were
/// sent.
///
/// # Errors
///
/// - 40007 ([`is_wechat`](Error::is_wechat)): no media of this id, or no longer.
/// - -601002 ([`is_invalid_argument`](Error::is_invalid_argument)): the media id is empty.
/// - -604103: WeChat answered with JSON and not with media; [`Error::reply`] has it. That is how
///   it answers for a video, with `{"videoUrl": …}`.
/// - Those of every call, in the table at [`Error`].
///
/// ```no_run
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let cloud = cloudcall::Cloud::init()?;
/// let media = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
/// std::fs::write("image.jpg", &media.buffer)?;
/// # Ok(())
/// # }
/// ```
pub async fn get_temp_media(cloud: &Cloud, arguments: GetTempMedia) -> Result<TempMedia, Error> {
    call_with(cloud, find(API)?, &arguments.into_arguments(), media).await
}

/// Takes the media out of the reply.
pub(crate) fn media(reply: Reply) -> Result<TempMedia, Error> {
    let (err_msg, content_type, buffer) = reply.into_media().map_err(not_media)?;
    Ok(TempMedia {
        err_code: 0,
        err_msg,
        content_type,
        buffer,
    })
}

/// The error for a reply that is JSON.
pub(super) fn not_media(reply: Reply) -> Error {
    let json = match reply.into_content() {
        Content::Json(fields) => Value::Object(fields),
        Content::Media { .. } => Value::Null,
    };
    Error::unexpected_reply(&format!("the reply is not media but JSON: {json}")).with_reply(json)
}
