//! Cassettes: exchanges with WeChat, recorded once and answered again offline.
//!
//! A [`Recorder`] stands before another transport and writes down what passes; a [`Replayer`]
//! answers from what was written. The tool's `--record FILE` and `--replay FILE` are the same.
//!
//! ```
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::transport::{MockTransport, Recorder, Replayer, media_reply};
//! use cloudcall::{Cloud, Permissions};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("session.json");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let permissions = || Permissions::allow(["customerServiceMessage.getTempMedia"]);
//!
//! // Once, with WeChat in the place of the mock: `HttpsTransport::new()`.
//! let wechat = MockTransport::replies([media_reply("image/png", &b"\x89PNG"[..])]);
//! let recorder = Recorder::new(wechat, &path)?;
//! let cloud = Cloud::builder().permissions(permissions()).transport(recorder).build()?;
//! get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
//!
//! // In every test from then on.
//! let cloud = Cloud::builder()
//!     .permissions(permissions())
//!     .transport(Replayer::open(&path)?)
//!     .build()?;
//! let media = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
//! assert_eq!(&media.buffer[..], b"\x89PNG");
//!
//! let error = get_temp_media(&cloud, GetTempMedia::new("OTHER")).await.unwrap_err();
//! assert!(error.is_not_recorded());
//! assert!(error.err_msg().contains(r#"media_id is "MEDIA_ID", not "OTHER""#));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The format
//!
//! `NAME.json` is UTF-8 JSON, made to be read, edited and committed; media are in files of
//! `NAME.media/` beside it. The two may be moved and renamed together.
//!
//! ```json
//! {
//!   "cloudcallCassette": 1,
//!   "exchanges": [
//!     {
//!       "request": {
//!         "method": "GET",
//!         "path": "/cgi-bin/media/get",
//!         "query": { "media_id": "sample" }
//!       },
//!       "response": {
//!         "status": 200,
//!         "headers": { "content-type": "image/jpeg" },
//!         "body": { "file": { "name": "0f3b8a4d5c6e7f80.jpg", "size": 112525 } }
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! - `cloudcallCassette` is the version of the format. A newer one than this crate knows is
//!   refused, and so is a field that it does not know.
//! - `path` is that of the request's URI: scheme, host and port do not count.
//! - `query` has the parameters, decoded, by name; one that is there more than once is a list.
//!   `access_token` is left out.
//! - `body` is left out where there is none. Else it is one of `{"json": …}`, `{"text": "…"}`,
//!   `{"file": {"name", "size"}}`, and in requests `{"form": [{"name", "fileName", "contentType",
//!   "body"}, …]}`. JSON is kept as JSON where that loses nothing but white space, else as text.
//!   What is no UTF-8, or labelled as an image, audio, video or `application/octet-stream`, is in
//!   a file; so is what a form uploads. A file is named by what it holds, so that only what
//!   changed shows in a diff.
//! - Of a response's headers, `content-type`, `content-disposition` and `content-encoding` are
//!   kept.
//! - Exchanges are sorted by their request, by path, method, parameters and body; equal requests
//!   by when they were made. So the same session gives the same file, also where calls ran at
//!   once, if WeChat's answers were the same.
//!
//! # Secrets
//!
//! No cassette holds an access token or an app secret. An exchange that gives a token is not
//! written at all, and of one that refuses it, only the answer. `***` stands in the place of a
//! token or secret wherever else a request or an answer quotes it, and of what stands in parameters
//! and fields whose names end in `access_token`, `refresh_token`, `secret` or `session_key`, but for
//! texts in JSON of less than 8 bytes. What else WeChat's answers and your requests say is written as
//! it is: look at a cassette before you commit it.

mod body;
mod error;
mod files;
mod form;
mod format;
mod nearest;
mod recorder;
mod replayer;
mod request;
mod secrets;
mod tape;
#[cfg(test)]
mod tests;

pub use error::CassetteError;
pub use recorder::Recorder;
pub use replayer::Replayer;
