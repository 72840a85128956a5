//! `customerServiceMessage.getTempMedia`, which writes the media while it downloads.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;

use super::super::find;
use super::super::sink::{FileSink, Sink, WriterSink};
use super::super::store::call_into;
use super::GetTempMedia;
use super::get_temp_media::{API, not_media};
use crate::cloud::Cloud;
use crate::error::Error;

/// What is known of media that was written elsewhere: all of a
/// [`TempMedia`](super::TempMedia) but the bytes.
///
/// As JSON: `{"errCode": 0, "errMsg": …, "contentType": …, "size": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TempMediaInfo {
    /// Always 0.
    pub err_code: i64,
    /// `openapi.customerServiceMessage.getTempMedia:ok`.
    pub err_msg: String,
    /// The MIME type, such as `image/jpeg`, as WeChat labels it.
    pub content_type: String,
    /// How many bytes were written.
    pub size: u64,
}

/// Downloads temporary media as [`get_temp_media`](super::get_temp_media) does, and writes each
/// piece before it takes the next, so that memory holds one piece and not the media.
///
/// The writer is flushed at the end, not shut down. A refusal, or any other answer in JSON, is
/// recognised before anything is written. So is a call repeated only until then: if the download
/// breaks off after the first byte, the error says how many bytes the writer was given, and it is
/// for the caller to discard them. The same goes for a deadline that passes. To write a file,
/// [`get_temp_media_to_file`] does all that.
///
/// The time limit of the transport (30 seconds by default) and its limit of the size (64 MiB) are
/// those of every call, and a slow writer counts towards the former. JSON is read up to 1 MiB.
///
/// # Errors
///
/// - Those of [`get_temp_media`](super::get_temp_media).
/// - -601003 ([`is_network`](Error::is_network)): the connection broke, or fewer bytes came than
///   `Content-Length` says.
/// - -601001: the writer failed; [`source`](std::error::Error::source) is its error.
///
/// ```
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, media_reply}};
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media_to};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
/// #     .transport(MockTransport::replies([media_reply("image/png", &b"\x89PNG"[..])]))
/// #     .build()?;
/// let mut written = Vec::new();
/// let media = get_temp_media_to(&cloud, GetTempMedia::new("MEDIA_ID"), &mut written).await?;
///
/// assert_eq!((media.content_type.as_str(), media.size), ("image/png", 4));
/// assert_eq!(written, b"\x89PNG");
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn get_temp_media_to<W: AsyncWrite + Unpin>(
    cloud: &Cloud,
    arguments: GetTempMedia,
    writer: W,
) -> Result<TempMediaInfo, Error> {
    store(cloud, arguments, WriterSink::new(writer)).await
}

/// Downloads temporary media into a file, which is there only when it is whole.
///
/// The bytes go into a hidden file in the same folder (`.cloudcall-….part`), are synced to the
/// disk and then take the name `path`, in the place of what had it. On an error, and when the
/// future is dropped, the hidden file is removed and `path` is as it was; only a process that is
/// killed leaves the hidden file. A symbolic link is replaced, not followed; one that leads to a
/// folder, and what is no regular file (a device, a pipe), is an error. The permissions are those of
/// any new file.
///
/// A download that breaks off is begun anew, as the [`RetryPolicy`](crate::RetryPolicy) says.
///
/// # Errors
///
/// - Those of [`get_temp_media_to`]; -601001 where the file cannot be written or named.
///
/// ```no_run
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media_to_file};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let cloud = cloudcall::Cloud::init()?;
/// let media = get_temp_media_to_file(&cloud, GetTempMedia::new("MEDIA_ID"), "image.jpg").await?;
/// println!("{} bytes of {}", media.size, media.content_type);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Outside of a Tokio runtime, whose blocking threads write the file.
pub async fn get_temp_media_to_file(
    cloud: &Cloud,
    arguments: GetTempMedia,
    path: impl AsRef<Path>,
) -> Result<TempMediaInfo, Error> {
    store(cloud, arguments, FileSink::new(path.as_ref())).await
}

async fn store<S: Sink>(
    cloud: &Cloud,
    arguments: GetTempMedia,
    mut sink: S,
) -> Result<TempMediaInfo, Error> {
    let api = find(API)?;
    let arguments = arguments.into_arguments();
    let stored = call_into(cloud, api, &arguments, &mut sink, not_media).await?;
    Ok(TempMediaInfo {
        err_code: 0,
        err_msg: format!("openapi.{API}:ok"),
        content_type: stored.content_type,
        size: stored.size,
    })
}
