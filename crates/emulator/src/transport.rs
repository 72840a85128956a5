//! The emulator as a transport of the SDK: the same routes, without a socket.

use std::fmt;

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use cloudcall::transport::{Body, Transport, TransportError, TransportErrorKind};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::faults::Unsent;

/// Hands each request to the emulator's routes, in this process.
///
/// The request's URI may have any scheme and host: only path and query count. Bodies are passed
/// on without being copied. Made by [`Emulator::transport`](crate::Emulator::transport).
#[derive(Clone)]
pub struct EmulatorTransport {
    router: Router,
}

impl EmulatorTransport {
    pub(crate) fn new(router: Router) -> Self {
        Self { router }
    }
}

#[async_trait]
impl Transport for EmulatorTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        // A router is ready at any time, so there is no need to poll it for that.
        let response = self
            .router
            .clone()
            .call(request.map(axum::body::Body::from))
            .await?;
        if response.extensions().get::<Unsent>().is_some() {
            return Err(TransportError::new(
                TransportErrorKind::Interrupted,
                "the connection broke before the emulator's reply",
            ));
        }
        Ok(response.map(|body| Body::new(body.map_err(interrupted))))
    }
}

fn interrupted(error: axum::Error) -> TransportError {
    TransportError::new(
        TransportErrorKind::Interrupted,
        "the emulator's reply broke off",
    )
    .caused_by(error)
}

impl fmt::Debug for EmulatorTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorTransport").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bed;

    async fn fetch(bed: &Bed, method: &str, media_id: &str) -> http::Response<Body> {
        let token = bed.token().await;
        let request = http::Request::builder()
            .method(method)
            .uri(format!(
                "https://api.weixin.qq.com/cgi-bin/media/get?access_token={token}\
                 &media_id={media_id}"
            ))
            .body(Bytes::new())
            .expect("a request");
        let transport = bed.emulator.transport();
        transport.send(request).await.expect("a response")
    }

    #[tokio::test]
    async fn ten_megabytes_arrive_whole_and_without_being_copied() {
        let image = Bytes::from(vec![7; 10 << 20]);
        let bed = Bed::with(|builder| builder.media("large", image.clone()));
        let reply = fetch(&bed, "GET", "large").await;
        assert_eq!(reply.headers()["content-length"], "10485760");
        let received = reply.into_body().bytes().await.expect("whole");
        assert_eq!(received.len(), 10 << 20);
        assert_eq!(received.as_ptr(), image.as_ptr());
    }

    #[tokio::test]
    async fn a_head_has_headers_and_no_body() {
        let bed = Bed::new();
        let reply = fetch(&bed, "HEAD", "sample").await;
        assert_eq!(reply.headers()["content-type"], "image/jpeg");
        let received = reply.into_body().bytes().await.expect("whole");
        assert_eq!(received, "");
    }

    #[tokio::test]
    async fn clones_are_the_same_emulator() {
        let bed = Bed::new();
        let token = bed.token().await;
        assert_eq!(bed.try_token(&token).await, 0);
        fetch(&bed, "GET", "sample").await;
        assert_eq!(
            bed.emulator.clone().journal().count("/cgi-bin/media/get"),
            2
        );
    }
}
