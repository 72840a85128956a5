//! Reads what is left of a refused body, so that the client gets to see the answer. How long that
//! may take is the server's to say, which gives slow bodies an end.

use axum::body::BodyDataStream;
use bytes::Bytes;
use http_body_util::BodyExt;

/// How much is read at most, in bytes.
const MOST: usize = 64 << 20;

pub(crate) async fn drain(body: &mut BodyDataStream) {
    let mut drained = 0;
    while drained < MOST
        && let Some(Ok(frame)) = body.frame().await
    {
        drained += frame.data_ref().map_or(0, Bytes::len);
    }
}
