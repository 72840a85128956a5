//! Cloud Calls of WeChat Mini Program cloud functions, from Rust.
//!
//! In WeChat's cloud development a *Cloud Call* lets a cloud function call WeChat's server API
//! without handling credentials, if the function's `config.json` permits it. In Node that is
//! `cloud.openapi.customerServiceMessage.getTempMedia({mediaId})` of `wx-server-sdk`; here it is
//! [`get_temp_media`](openapi::customer_service_message::get_temp_media), with the same result,
//! the same permission check and the same error codes.
//!
//! # Getting started
//!
//! A function is a plain binary. [`Cloud::init`] reads its environment, [`runtime::run`] serves
//! its events:
//!
#![cfg_attr(feature = "runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "runtime"), doc = "```ignore")]
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::{Cloud, runtime};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let cloud = Cloud::init()?;
//!     runtime::run(move |event: GetTempMedia, _context| {
//!         let cloud = cloud.clone();
//!         async move { get_temp_media(&cloud, event).await }
//!     })
//!     .await?;
//!     Ok(())
//! }
//! ```
//!
//! `cloudcall invoke NAME --event '{"mediaId":"sample"}'` runs it on your machine, against an
//! emulator of WeChat's API. Named `bootstrap`, the same binary runs on Tencent SCF.
//!
//! An API without a typed function is called by its name, [`openapi::call`]:
//!
//! ```
//! # use cloudcall::transport::{MockTransport, json_reply};
//! # use cloudcall::{Cloud, Permissions};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let cloud = Cloud::builder()
//! #     .permissions(Permissions::allow(["customerServiceMessage.setTyping"]))
//! #     .transport(MockTransport::replies([json_reply(serde_json::json!({"errcode": 0, "errmsg": "ok"}))]))
//! #     .build()?;
//! use cloudcall::openapi;
//! use serde_json::json;
//!
//! let reply = openapi::call(
//!     &cloud,
//!     "customerServiceMessage.setTyping",
//!     json!({"touser": "OPENID", "command": "Typing"}),
//! )
//! .await?;
//! assert_eq!(reply.err_msg(), "openapi.customerServiceMessage.setTyping:ok");
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Permissions
//!
//! What a function may call stands in its `config.json`, as on the platform. [`Cloud::init`] reads
//! it from `CLOUDCALL_CONFIG`, else from the working directory; [`CloudBuilder::permissions`]
//! takes any [`Permissions`]. A call that is not declared exactly is denied before anything is
//! sent, and the error says what to add where:
//!
//! ```
//! # use cloudcall::transport::MockTransport;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::{Cloud, Permissions};
//!
//! let permissions = Permissions::from_json(r#"{ "permissions": { "openapi": [] } }"#)?;
//! # let transport = MockTransport::replies([]);
//! let cloud = Cloud::builder().permissions(permissions).transport(transport).build()?;
//!
//! let error = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await.unwrap_err();
//! assert_eq!(error.err_code(), -604101);
//! assert_eq!(
//!     error.hint(),
//!     Some(r#"add "customerServiceMessage.getTempMedia" to permissions.openapi in config.json"#),
//! );
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Every call fails with one [`Error`]: a number and a text, as `wx-server-sdk` throws them, and
//! predicates for what a program decides on. As JSON it is `{"errCode": …, "errMsg": …}`, so a
//! function can return it as the Node examples do.
//!
//! ```
//! # use cloudcall::transport::{MockTransport, json_reply};
//! # use cloudcall::{Cloud, Permissions};
//! # use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! # use serde_json::json;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let cloud = Cloud::builder()
//! #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//! #     .transport(MockTransport::replies([json_reply(json!({"errcode": 40007, "errmsg": "invalid media_id"}))]))
//! #     .build()?;
//! match get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await {
//!     Ok(media) => println!("{} of {} bytes", media.content_type, media.buffer.len()),
//!     Err(error) if error.err_code() == 40007 => println!("the image is gone"),
//!     Err(error) if error.is_timeout() || error.is_network() => println!("try later: {error}"),
//!     Err(error) => return Err(error),
//! }
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Retries
//!
//! A call that WeChat was too busy for, or that the network lost, is made again after a short
//! wait: any call if nothing was sent, and a download also if nobody knows how far it came. A
//! message is never sent twice. The table at [`RetryPolicy`] has the details and the defaults:
//!
//! ```
//! # use cloudcall::transport::{MockTransport, json_reply, media_reply};
//! # use serde_json::json;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::{Cloud, Permissions, RetryPolicy};
//!
//! # let mock = MockTransport::replies([
//! #     json_reply(json!({"errcode": -1, "errmsg": "system busy"})),
//! #     media_reply("image/png", &b"12345"[..]),
//! # ]);
//! let cloud = Cloud::builder()
//!     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//!     .retry(RetryPolicy::new().attempts(5))
//! #   .transport(mock.clone())
//!     .build()?;
//!
//! // WeChat says that it is busy, and then answers.
//! let media = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
//! assert_eq!(media.buffer.len(), 5);
//! # assert_eq!(mock.requests().len(), 2);
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Deadlines
//!
//! In a handler of [`runtime::run`] every call ends shortly before the platform ends the
//! invocation, so that the function can still say what happened. Elsewhere, and in a task that a
//! handler spawns, [`Cloud::with_deadline`] sets the moment. It bounds all of a call, also the
//! token request and the repeats; to drop a call's future does the same at once. Neither leaves
//! anything running but the request for a token, for which other calls may be waiting.
//!
//! ```
//! # use cloudcall::{Cloud, Permissions, transport::{MockTransport, media_reply}};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let cloud = Cloud::builder()
//! #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//! #     .transport(MockTransport::replies([media_reply("image/png", &b"hi"[..])]))
//! #     .build()?;
//! # use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use std::time::{Duration, Instant};
//!
//! let cloud = cloud.with_deadline(Instant::now() + Duration::from_secs(2));
//! match get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await {
//!     Ok(media) => println!("{} bytes", media.buffer.len()),
//!     Err(error) if error.is_timeout() => println!("not within two seconds"),
//!     Err(error) => return Err(error),
//! }
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Large media
//!
//! [`get_temp_media_to`](openapi::customer_service_message::get_temp_media_to) writes while it
//! reads, to any [`AsyncWrite`](tokio::io::AsyncWrite), and holds a piece at a time.
//! [`get_temp_media_to_file`](openapi::customer_service_message::get_temp_media_to_file) gives the
//! file its name only when it is whole:
//!
//! ```
//! # use cloudcall::{Cloud, Permissions, transport::{MockTransport, media_reply}};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let cloud = Cloud::builder()
//! #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//! #     .transport(MockTransport::replies([media_reply("image/png", &b"12345"[..])]))
//! #     .build()?;
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("image.png");
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media_to_file};
//!
//! let media = get_temp_media_to_file(&cloud, GetTempMedia::new("MEDIA_ID"), &path).await?;
//! assert_eq!(media.size, std::fs::metadata(&path).unwrap().len());
//! # Ok::<_, cloudcall::Error>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Testing with a mocked transport
//!
//! Everything below WeChat's API is one trait, [`transport::Transport`]. A test of a handler
//! gives it a [`MockTransport`](transport::MockTransport), which answers and remembers:
//!
//! ```
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::transport::{MockTransport, media_reply};
//! use cloudcall::{Cloud, Error, Permissions};
//!
//! /// The code under test.
//! async fn size_of_image(cloud: &Cloud, media_id: &str) -> Result<usize, Error> {
//!     Ok(get_temp_media(cloud, GetTempMedia::new(media_id)).await?.buffer.len())
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     let mock = MockTransport::replies([media_reply("image/png", &b"12345"[..])]);
//!     let cloud = Cloud::builder()
//!         .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//!         .transport(mock.clone())
//!         .build()?;
//!
//!     assert_eq!(size_of_image(&cloud, "MEDIA_ID").await?, 5);
//!     assert_eq!(mock.requests()[0].uri().query(), Some("media_id=MEDIA_ID"));
//!     Ok(())
//! }
//! ```
//!
//! A session with WeChat itself can be recorded once and replayed in every test: see
//! [`transport::cassette`].
//!
//! For tests against something that behaves like WeChat, the crate `cloudcall-emulator` has a
//! transport that needs no socket: `Cloud::builder().transport(emulator.transport())`.
//!
//! # Production
//!
//! **Credentials.** Three ways, and the [`CloudBuilder`] has one for each: an app's id and secret
//! ([`app_secret`](CloudBuilder::app_secret), or `WECHAT_APPID` and `WECHAT_SECRET`), whose token
//! is fetched once for all who wait, kept until shortly before it ends, and renewed when WeChat
//! rejects it, and shared with other processes if you want that ([`access_token`]); a token that
//! somebody else renews ([`access_token`](CloudBuilder::access_token));
//! or none at all, for WeChat Cloud Run, which adds it on the way:
//!
//! ```
//! use cloudcall::{Cloud, Permissions};
//!
//! let in_cloud_run = Cloud::builder()
//!     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//!     .api_base("http://api.weixin.qq.com")
//! #   .transport(cloudcall::transport::MockTransport::replies([]))
//!     .build()?;
//! # Ok::<_, cloudcall::Error>(())
//! ```
//!
//! **Limits.** `HttpsTransport` gives up after 30 seconds and refuses a reply of more than 64 MiB;
//! its builder changes both.
//!
//! **Secrets.** No error, `Debug` output or log line of this crate holds an access token or a
//! secret, also where a server quotes the request in its answer.
//!
//! **Features.** `https` (on by default) has the transport over reqwest and rustls, `runtime` (on
//! by default) has [`runtime`], `redis` has `access_token::RedisStore`. Without `https` bring your
//! own [`Transport`](transport::Transport); without any of them no HTTP client is compiled.
//!
//! # Differences from wx-server-sdk
//!
//! Replies mean what they mean to `wx-server-sdk` 4.0.2, to the letter of `errCode` and `errMsg`,
//! with these exceptions:
//!
//! - An empty reply to `getTempMedia` is an error (-604103), not an empty image.
//! - Bytes labelled `text/plain` that are no JSON object stay bytes, where the API gives media.
//! - A body that is shorter than its `Content-Length` is an error (-601003).
//! - MIME types compare without regard to case.
//! - [`get_temp_media`](openapi::customer_service_message::get_temp_media) fails where WeChat
//!   answers with JSON, and [`Error::reply`] has the JSON. [`openapi::call`] returns it, as the
//!   SDK does.
//! - An integer keeps its digits: up to 64 bits as a number, beyond as text.
//! - The errors of the SDK's own (-604101 and others) say more: after the SDK's wording follows
//!   what is wrong and where.
//! - A parameter that is `null` is not sent.
//! - An error quotes at most 4096 bytes of a reply, and `***` in place of a secret.

pub mod access_token;
mod buffer;
mod cloud;
mod deadline;
mod denied;
mod env;
mod error;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod micro;
pub mod openapi;
mod permissions;
#[cfg(test)]
mod properties;
mod random;
mod retry;
#[cfg(feature = "runtime")]
pub mod runtime;
mod secret;
pub mod transport;

pub use buffer::Buffer;
pub use cloud::{Cloud, CloudBuilder};
pub use error::Error;
pub use permissions::{ConfigError, Permissions, Warning, WarningKind};
pub use retry::RetryPolicy;

/// The crates whose types stand in this crate's signatures.
pub use {async_trait, bytes, http, http_body, serde_json, tokio};

/// The Rust examples of the README.
#[cfg(all(doctest, feature = "runtime"))]
#[doc = include_str!("../README.md")]
struct Readme;
