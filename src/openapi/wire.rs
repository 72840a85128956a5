//! A call in WeChat's own terms, for a gateway between another SDK and WeChat.
//!
//! Permission, access token, retries and transport are those of [`call`](super::call); the arguments go
//! out as they are, and what WeChat answers comes back unread, its errors too. Functions want
//! [`call`](super::call) instead.

pub use super::arguments::{Arguments, FilePart};
pub use super::reply::Answer;
use crate::cloud::Cloud;
use crate::deadline;
use crate::error::Error;

/// Calls an API by its cloud-call name with arguments as WeChat names them.
///
/// Of the arguments only that is checked which cannot be sent: what else is wrong with them WeChat
/// says. An answer in JSON that quotes the access token or the app secret has `***` in its place.
///
/// # Errors
///
/// The call did not come about (unknown, not permitted, no token, no connection), or the answer
/// is none of WeChat's API (an HTTP error, or a refusal of WeChat Cloud Run). An `errcode` of
/// WeChat's is no error here: it is in the [`Answer`].
pub async fn call(cloud: &Cloud, api: &str, arguments: &Arguments) -> Result<Answer, Error> {
    let api = super::find(api)?;
    let mut redactor = cloud.redactor();
    let exchange = super::exchange(cloud, api, arguments, &mut redactor);
    deadline::bounded(cloud, exchange)
        .await
        .and_then(|received| received.into_answer(api, &redactor))
        .map_err(|error| error.redacted(&redactor))
}
