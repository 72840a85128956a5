//! A call in WeChat's own terms, for a gateway between another SDK and WeChat.
//!
//! Permission, access token and transport are those of [`call`](super::call); the arguments go
//! out as they are, and what WeChat answers comes back unread, its errors too. Functions want
//! [`call`](super::call) instead.

pub use super::arguments::{Arguments, FilePart};
pub use super::reply::Answer;
use crate::cloud::Cloud;
use crate::error::Error;

/// Calls an API by its cloud-call name with arguments as WeChat names them.
///
/// Nothing but the name is checked of the arguments: what is wrong with them WeChat says.
///
/// # Errors
///
/// The call did not come about (unknown, not permitted, no token, no connection), or the answer
/// is none of WeChat's API (an HTTP error, or a refusal of WeChat Cloud Run). An `errcode` of
/// WeChat's is no error here: it is in the [`Answer`].
pub async fn call(cloud: &Cloud, api: &str, arguments: &Arguments) -> Result<Answer, Error> {
    let api = super::find(api)?;
    let (received, token) = super::exchange(cloud, api, arguments).await?;
    received
        .into_answer(api)
        .map_err(|error| super::without_token(error, token.as_ref()))
}
