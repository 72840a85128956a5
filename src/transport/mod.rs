//! The seam between the SDK and the network: one HTTP request in, one HTTP response out.
//!
//! Everything WeChat-specific (access tokens, parameters, what a reply means) sits above this
//! seam, so a [`MockTransport`] sees exactly the request that WeChat would see.

mod body;
pub mod cassette;
mod error;
mod exchange;
#[cfg(feature = "https")]
mod https;
mod mock;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use body::Body;
pub use cassette::{CassetteError, Recorder, Replayer};
pub use error::{TransportError, TransportErrorKind};
pub(crate) use exchange::{Exchange, Incoming};
#[cfg(feature = "https")]
pub use https::{HttpsTransport, HttpsTransportBuilder};
pub use mock::{MockTransport, json_reply, media_reply};

/// Sends one HTTP request and returns the response.
///
/// Implement it to route Cloud Calls through your own HTTP client, or to observe them. An HTTP
/// error status is a *response*: return it as `Ok`. [`TransportError`] is for an exchange that
/// gave no whole response, and its [kind](TransportErrorKind) says how far it came.
///
/// The body is the plain one: a transport that decompresses removes the `Content-Encoding` and the
/// `Content-Length` of what it received.
///
/// A call may be sent several times, as the [`RetryPolicy`](crate::RetryPolicy) says. One that is
/// no longer wanted is dropped, the future or the body: the exchange is to end with it.
///
/// The request's URI is absolute and its query holds the access token: do not log it.
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use cloudcall::transport::{Body, Transport, TransportError};
///
/// struct Counted<T> {
///     inner: T,
///     calls: std::sync::atomic::AtomicU64,
/// }
///
/// #[async_trait]
/// impl<T: Transport> Transport for Counted<T> {
///     async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError> {
///         self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         self.inner.send(request).await
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Performs the exchange. Returns once the response's headers are there; the body may still
    /// be arriving, and a failure while it does is reported by the [`Body`].
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        (**self).send(request).await
    }
}
