//! A transport for unit tests: answers from a closure or a queue, and records what it was sent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::{Body, Transport, TransportError, TransportErrorKind};

type Exchange = Result<http::Response<Body>, TransportError>;
type Answer = dyn Fn(&http::Request<Bytes>) -> Exchange + Send + Sync;

/// A [`Transport`] that reaches no network.
///
/// Clones share their state: keep one to look at the requests, give the other to the
/// [`CloudBuilder`](crate::CloudBuilder).
///
/// ```
/// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
/// use cloudcall::transport::{MockTransport, media_reply};
/// use cloudcall::{Cloud, Permissions};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mock = MockTransport::replies([media_reply("image/png", &b"\x89PNG"[..])]);
/// let cloud = Cloud::builder()
///     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
///     .access_token("TOKEN")
///     .transport(mock.clone())
///     .build()?;
///
/// let media = get_temp_media(&cloud, GetTempMedia::new("MEDIA_ID")).await?;
///
/// assert_eq!(media.content_type, "image/png");
/// assert_eq!(mock.requests()[0].uri().path(), "/cgi-bin/media/get");
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MockTransport {
    answer: Arc<Answer>,
    requests: Arc<Mutex<Vec<http::Request<Bytes>>>>,
}

impl MockTransport {
    /// Answers every request with what the closure returns.
    pub fn new<F>(answer: F) -> Self
    where
        F: Fn(&http::Request<Bytes>) -> Exchange + Send + Sync + 'static,
    {
        Self {
            answer: Arc::new(answer),
            requests: Arc::default(),
        }
    }

    /// Answers the first request with the first reply, and so on. A request after the last reply
    /// gets a [`TransportError`] that names the request. A failure that is repeated takes a reply
    /// for each attempt; [`RetryPolicy::none`](crate::RetryPolicy::none) makes it one.
    pub fn replies(replies: impl IntoIterator<Item = http::Response<Body>>) -> Self {
        let queue: Mutex<VecDeque<_>> = Mutex::new(replies.into_iter().collect());
        Self::new(move |request| {
            let reply = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            reply.ok_or_else(|| {
                TransportError::new(
                    TransportErrorKind::Other,
                    format!(
                        "MockTransport has no reply left for {} {}",
                        request.method(),
                        request.uri().path()
                    ),
                )
            })
        })
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Transport for MockTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Exchange {
        let exchange = (self.answer)(&request);
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        exchange
    }
}

impl fmt::Debug for MockTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockTransport").finish_non_exhaustive()
    }
}

/// A reply as WeChat sends JSON: HTTP 200, `application/json`.
///
/// ```
/// use cloudcall::transport::json_reply;
/// use serde_json::json;
///
/// let reply = json_reply(json!({"errcode": 40007, "errmsg": "invalid media_id"}));
/// assert_eq!(reply.status(), 200);
/// ```
#[expect(
    clippy::needless_pass_by_value,
    reason = "a literal `json!({…})` at the call reads best"
)]
pub fn json_reply(json: serde_json::Value) -> http::Response<Body> {
    reply(
        HeaderValue::from_static("application/json; encoding=utf-8"),
        json.to_string().into(),
    )
}

/// A reply as WeChat sends media: HTTP 200, the bytes, labelled with `content_type`.
///
/// # Panics
///
/// When `content_type` cannot stand in an HTTP header.
pub fn media_reply(content_type: &str, bytes: impl Into<Bytes>) -> http::Response<Body> {
    let content_type = HeaderValue::from_str(content_type)
        .expect("a content type of visible ASCII can stand in a header");
    reply(content_type, bytes.into().into())
}

fn reply(content_type: HeaderValue, body: Body) -> http::Response<Body> {
    let mut response = http::Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> http::Request<Bytes> {
        http::Request::get(uri).body(Bytes::new()).expect("request")
    }

    #[tokio::test]
    async fn replies_in_order_and_then_names_the_request_it_cannot_answer() {
        let mock = MockTransport::replies([
            media_reply("image/png", &b"1"[..]),
            media_reply("image/gif", &b"2"[..]),
        ]);
        for expected in ["image/png", "image/gif"] {
            let reply = mock
                .send(request("http://x/a?t=secret"))
                .await
                .expect("reply");
            assert_eq!(reply.headers()[CONTENT_TYPE], expected);
        }
        let error = mock
            .send(request("http://x/a?t=secret"))
            .await
            .expect_err("the queue is empty");
        assert_eq!(
            error.to_string(),
            "MockTransport has no reply left for GET /a"
        );
        assert_eq!(mock.requests().len(), 3);
    }
}
