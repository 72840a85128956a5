//! `customerServiceMessage.setTyping`: shows a user that customer service is typing.

use serde::{Deserialize, Serialize};

use super::super::call_and_read;
use super::read;
use crate::cloud::Cloud;
use crate::error::Error;

/// Arguments of [`set_typing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SetTyping {
    /// The OpenID of the user.
    pub touser: String,
    /// Whether the status begins or ends.
    pub command: TypingCommand,
}

/// What [`set_typing`] does to the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TypingCommand {
    /// The user sees "typing" for 15 seconds, or until a message arrives.
    Typing,
    /// The user no longer sees it.
    CancelTyping,
}

impl SetTyping {
    /// The command for the user with this OpenID.
    pub fn new(touser: impl Into<String>, command: TypingCommand) -> Self {
        Self {
            touser: touser.into(),
            command,
        }
    }
}

/// What [`set_typing`] gives: WeChat has taken the command.
///
/// As JSON: `{"errCode": 0, "errMsg": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TypingSet {
    /// Always 0.
    pub err_code: i64,
    /// `openapi.customerServiceMessage.setTyping:ok`.
    pub err_msg: String,
}

/// Shows a user that customer service is typing, or no longer: `POST /cgi-bin/message/custom/typing`.
///
/// The user and customer service must have exchanged a message within the last 30 seconds.
///
/// # Errors
///
/// - 45080 ([`is_wechat`](Error::is_wechat)): no message was exchanged within 30 seconds.
/// - 45081 ([`is_wechat`](Error::is_wechat)): the user sees the status already.
/// - -601002 ([`is_invalid_argument`](Error::is_invalid_argument)): the OpenID is empty.
/// - Those of every call, in the table at [`Error`].
///
/// ```
/// use cloudcall::openapi::customer_service_message::{SetTyping, TypingCommand, set_typing};
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, json_reply}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let mock = MockTransport::replies([json_reply(serde_json::json!({"errcode": 0, "errmsg": "ok"}))]);
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.setTyping"]))
/// #     .access_token("TOKEN")
/// #     .transport(mock.clone())
/// #     .build()?;
/// let set = set_typing(&cloud, SetTyping::new("OPENID", TypingCommand::Typing)).await?;
///
/// assert_eq!(set.err_msg, "openapi.customerServiceMessage.setTyping:ok");
/// # assert_eq!(mock.requests()[0].body(), r#"{"touser":"OPENID","command":"Typing"}"#);
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn set_typing(cloud: &Cloud, arguments: SetTyping) -> Result<TypingSet, Error> {
    let arguments = serde_json::to_value(arguments).expect("structs of text are JSON");
    call_and_read(cloud, "customerServiceMessage.setTyping", arguments, read).await
}
