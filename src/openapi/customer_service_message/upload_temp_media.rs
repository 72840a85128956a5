//! `customerServiceMessage.uploadTempMedia`: uploads temporary media.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::super::arguments::{Arguments, FilePart};
use super::super::{call_with, find};
use super::read;
use crate::buffer::Buffer;
use crate::cloud::Cloud;
use crate::error::Error;

/// Arguments of [`upload_temp_media`].
///
/// As JSON it is what `wx-server-sdk` takes: `{"type": "image", "media": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadTempMedia {
    /// `image`: a Mini Program can upload nothing else.
    #[serde(rename = "type")]
    pub media_type: String,
    /// What is uploaded.
    pub media: MediaFile,
}

/// A file that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaFile {
    /// The MIME type, such as `image/png`.
    pub content_type: String,
    /// What is in the file.
    pub value: Buffer,
    /// The name of the file; it has no effect but for its extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

impl UploadTempMedia {
    /// An image of this MIME type: bmp, png, jpeg or gif.
    pub fn image(content_type: impl Into<String>, bytes: impl Into<Buffer>) -> Self {
        Self {
            media_type: "image".to_owned(),
            media: MediaFile {
                content_type: content_type.into(),
                value: bytes.into(),
                file_name: None,
            },
        }
    }

    /// Gives the file a name.
    #[must_use]
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.media.file_name = Some(name.into());
        self
    }
}

/// Media that [`upload_temp_media`] uploaded.
///
/// As JSON: `{"errCode": 0, "errMsg": …, "type": "image", "mediaId": …, "createdAt": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadedMedia {
    /// Always 0.
    pub err_code: i64,
    /// `openapi.customerServiceMessage.uploadTempMedia:ok`.
    pub err_msg: String,
    /// `image`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The id, to send or to download it with. It is valid for 3 days.
    pub media_id: String,
    /// When it was uploaded, in seconds since 1970.
    pub created_at: i64,
}

/// Uploads temporary media: `POST /cgi-bin/media/upload`.
///
/// A Mini Program can upload images only, of up to 10 MB. The bytes go into the request as they
/// are, without a detour through JSON.
///
/// # Errors
///
/// - 40004 ([`is_wechat`](Error::is_wechat)): the file is no image that WeChat accepts.
/// - 40009 ([`is_wechat`](Error::is_wechat)): the image is too large.
/// - -601002 ([`is_invalid_argument`](Error::is_invalid_argument)): the content type cannot stand
///   in a header.
/// - Those of every call, in the table at [`Error`].
///
/// ```
/// use cloudcall::openapi::customer_service_message::{UploadTempMedia, upload_temp_media};
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, json_reply}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let reply = serde_json::json!({"type": "image", "media_id": "MEDIA_ID", "created_at": 1_700_000_000});
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.uploadTempMedia"]))
/// #     .access_token("TOKEN")
/// #     .transport(MockTransport::replies([json_reply(reply)]))
/// #     .build()?;
/// let image = UploadTempMedia::image("image/png", &b"\x89PNG\r\n\x1a\n"[..]);
/// let uploaded = upload_temp_media(&cloud, image).await?;
///
/// assert_eq!(uploaded.media_id, "MEDIA_ID");
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn upload_temp_media(
    cloud: &Cloud,
    arguments: UploadTempMedia,
) -> Result<UploadedMedia, Error> {
    let UploadTempMedia { media_type, media } = arguments;
    let arguments = Arguments {
        fields: Map::from_iter([("type".to_owned(), media_type.into())]),
        files: vec![FilePart {
            field: "media".to_owned(),
            content_type: media.content_type,
            file_name: media.file_name,
            bytes: media.value.into_bytes(),
        }],
    };
    call_with(
        cloud,
        find("customerServiceMessage.uploadTempMedia")?,
        &arguments,
        read,
    )
    .await
}
