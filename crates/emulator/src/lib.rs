//! The WeChat side of a Mini Program cloud function, offline.
//!
//! An [`Emulator`] answers like `api.weixin.qq.com`: it issues access tokens that really expire,
//! sends temporary media from a folder, and receives uploads. Functions and SDKs are tested
//! against it without an account, a network or a wait.
//!
//! | request | does |
//! |---|---|
//! | `GET /cgi-bin/token` | issues a new access token |
//! | `POST /cgi-bin/stable_token` | hands out the same access token while it lasts |
//! | `GET`, `HEAD /cgi-bin/media/get` | sends temporary media |
//! | `POST /cgi-bin/media/upload` | receives an image as temporary media |
//! | `POST /cgi-bin/message/custom/send` | sends a user a message: text, image, link or Mini Program page |
//! | `POST /cgi-bin/message/custom/typing` | shows a user that customer service is typing, or no longer |
//!
//! # In a unit test
//!
//! [`Emulator::transport`] plugs into the SDK: no port, no socket.
//!
//! ```
//! use bytes::Bytes;
//! use cloudcall::transport::Transport;
//! use cloudcall_emulator::Emulator;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let emulator = Emulator::builder()
//!     .app("wx1234567890abcdef", "SECRET")
//!     .media("MEDIA_ID", &b"\x89PNG\r\n\x1a\n"[..])
//!     .build()?;
//! let transport = emulator.transport();
//!
//! let url = "https://api.weixin.qq.com/cgi-bin/media/get?access_token=TOKEN&media_id=MEDIA_ID";
//! let reply = transport.send(http::Request::get(url).body(Bytes::new())?).await?;
//! let error = reply.into_body().bytes().await?;
//!
//! assert!(error.starts_with(br#"{"errcode":40001,"errmsg":"invalid credential"#));
//! assert_eq!(emulator.journal().count("/cgi-bin/media/get"), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # On a socket
//!
//! [`Emulator::start`] serves the same API over plain HTTP, for curl and for SDKs in other
//! languages. The caller binds the listener, so a test takes port 0.
//!
//! ```
//! use cloudcall_emulator::Emulator;
//! use tokio::net::TcpListener;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let server = Emulator::builder().start(listener)?;
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! server.close().await;
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Time
//!
//! Tokens live two hours and media three days, by the [`Clock`] given to
//! [`EmulatorBuilder::clock`]: a test moves a [manual](Clock::manual) one instead of waiting.
//!
//! # Errors
//!
//! As with WeChat, a call that fails gets HTTP 200 and `{"errcode":…,"errmsg":…}`, with
//! `errmsg` in the newest form: `invalid media_id hint: [abc123] rid: 8hex-8hex-8hex`.
//!
//! | errcode | when |
//! |---|---|
//! | 40001 | the access token is unknown, or a newer one has replaced it |
//! | 40002 | `grant_type` is not `client_credential` |
//! | 40003 | the OpenID of a message is missing or longer than 128 bytes |
//! | 40004 | an upload is not `type=image`, or not a form with a bmp, png, jpeg or gif image in its field `media` |
//! | 40007 | the media id is missing, unknown or expired, also that of an image in a message |
//! | 40008 | the `msgtype` of a message is not text, image, link or miniprogrampage |
//! | 40009 | an upload is larger than 10 MB |
//! | 40013 | the appid is unknown |
//! | 40125 | the secret is wrong |
//! | 41001 | the access token is missing |
//! | 42001 | the access token has expired |
//! | 44004 | a text message has no text |
//! | 45002 | a message is larger than 64 KiB |
//! | 45009 | the day's 20 forced refreshes of `stable_token` are used up |
//! | 45011 | a forced refresh of `stable_token` came within 30 seconds of the one before |
//! | 45015 | the user has not written within 48 hours |
//! | 45047 | five messages were sent since the user wrote |
//! | 45072 | a typing command is not `Typing` or `CancelTyping` |
//! | 45080 | no message was exchanged with the user within 30 seconds before `Typing` |
//! | 45081 | the user has been shown "typing" within 15 seconds, and no message since |
//! | 47001 | a body is not the expected JSON, or a link or page lacks a field |
//!
//! Three answers are the emulator's own, not WeChat's, and say so by their HTTP status, which is
//! the `errcode` too: 404 for a path that is not served, 405 for a method that is not, and 403 for
//! a `Host` that is not this machine's (see below).
//!
//! # Faults
//!
//! What goes wrong in production can be rehearsed: WeChat is busy, a token expires early, a
//! connection breaks. A [`Fault`] is written as a short text, whose table is there; several
//! happen in the order they are given, and [`Emulator::faults`] changes them at run time, as does
//! the path `/_emulator/faults` over HTTP.
//!
//! ```
//! use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
//! use cloudcall::{Cloud, Permissions};
//! use cloudcall_emulator::Emulator;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let emulator = Emulator::builder()
//!     .media("MEDIA_ID", &b"\x89PNG\r\n\x1a\n"[..])
//!     .fault("token-expired".parse()?)
//!     .fault("customerServiceMessage.getTempMedia:errcode=45009,after=2".parse()?)
//!     .build()?;
//! let cloud = Cloud::builder()
//!     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
//!     .app_secret(emulator.app_id(), emulator.app_secret())
//!     .transport(emulator.transport())
//!     .build()?;
//!
//! // The first token expires at once; it is renewed, and the call goes through.
//! get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
//! // That was two requests, of which the second fault has seen the second one.
//! get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
//! let error = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await.unwrap_err();
//! assert_eq!(error.err_code(), 45009);
//!
//! let entries = emulator.journal().entries();
//! assert_eq!(entries[1].fault.as_deref(), Some("expire-token"));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Messages
//!
//! WeChat lets an app write to users who wrote first. To the emulator a user has written when the
//! first call names them, unless it is [strict](EmulatorBuilder::strict_messages);
//! [`Emulator::user_message`] lets them write again. [`Emulator::sent_messages`] has what they
//! were sent.
//!
//! # For functions in Node
//!
//! The real `wx-server-sdk` does not talk to `api.weixin.qq.com` but to a gateway of Tencent's. A
//! [`Gateway`] takes that one's place: it makes the Cloud Calls of registered functions, each with
//! its own permissions.
//!
//! # What it guards against
//!
//! A server listens on loopback addresses only. It refuses requests whose `Host` is not
//! `localhost`, a loopback address or a name of Tencent's gateway (which redirected requests of an
//! SDK carry), so that a web page cannot reach it through DNS rebinding, and those that a browser
//! says are from a page of another site. [`EmulatorBuilder::allow_non_loopback`] lifts all three.
//! Connections, heads, bodies and the parts of forms have limits, and so has the patience with a
//! client that sends or reads too slowly. Media ids never become file paths. Secrets and tokens
//! are in no error, `Debug` output or [`Journal`].
//!
//! # What it does not do
//!
//! Quotas other than those of a forced refresh and of messages, media of other types than images in uploads, and
//! permanent media. Media and users do not belong to an app: any valid token reaches them.

mod builder;
mod clock;
mod drain;
mod emulator;
mod faults;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzz {
    //! What the fuzz targets of `fuzz/` call; not part of the API.
    pub use crate::gateway::fuzz::{gateway_body, gateway_protobuf};
}
mod gateway;
mod ids;
mod journal;
mod media_store;
#[doc(hidden)]
pub mod micro {
    //! What the micro-benchmarks of `benches/micro/` call; not part of the API.
    pub use crate::gateway::micro::{call, read_call, write_reply};
}
mod query;
mod server;
#[cfg(test)]
mod testing;
mod transport;
mod wechat;

pub use axum;
pub use bytes;
pub use http;

pub use builder::{BuildError, EmulatorBuilder};
pub use clock::Clock;
pub use emulator::Emulator;
pub use faults::{Fault, FaultError, FaultStatus, Faults};
pub use gateway::{
    Caller, FunctionCall, FunctionInvoker, FunctionToken, Gateway, GatewayEvent, InvokeError,
    noted_parameters,
};
pub use journal::{Journal, JournalEntry};
pub use server::EmulatorHandle;
#[doc(hidden)] // For the runtime API of the CLI, which is served under the same guards.
pub use server::{Guards, Limits, Patience, Senders, serve};
pub use transport::EmulatorTransport;
pub use wechat::SentMessage;
