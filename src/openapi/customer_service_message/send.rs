//! `customerServiceMessage.send`: sends a message to a user.

use serde::{Deserialize, Serialize};

use super::super::call_and_read;
use super::read;
use crate::cloud::Cloud;
use crate::error::Error;

/// Arguments of [`send`]: a message, and the user it goes to.
///
/// As JSON it is what `wx-server-sdk` takes: `{"touser": …, "msgtype": "text", "text": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The OpenID of the user.
    pub touser: String,
    /// What is sent.
    #[serde(flatten)]
    pub content: MessageContent,
}

/// What a [`Message`] holds, by its `msgtype`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
#[non_exhaustive]
pub enum MessageContent {
    /// `text`
    Text {
        /// The text.
        text: Text,
    },
    /// `image`
    Image {
        /// The image.
        image: Image,
    },
    /// `link`
    Link {
        /// The link.
        link: Link,
    },
    /// `miniprogrampage`
    #[serde(rename = "miniprogrampage")]
    MiniProgramPage {
        /// The page.
        miniprogrampage: MiniProgramPage,
    },
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Text {
    /// The text. It may hold `<a href="…" data-miniprogram-appid="…">` links.
    pub content: String,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Image {
    /// The id of the image, as [`upload_temp_media`](super::upload_temp_media) gives it.
    pub media_id: String,
}

/// A card that opens a web page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Link {
    /// The title of the card.
    pub title: String,
    /// The text beneath the title.
    pub description: String,
    /// The page that it opens.
    pub url: String,
    /// The URL of the picture on the card.
    pub thumb_url: String,
}

/// A card that opens a page of the Mini Program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MiniProgramPage {
    /// The title of the card.
    pub title: String,
    /// The page and its query, such as `pages/index/index?from=service`.
    pub pagepath: String,
    /// The id of the picture on the card, as [`upload_temp_media`](super::upload_temp_media)
    /// gives it. WeChat suggests 520 × 416 pixels.
    pub thumb_media_id: String,
}

impl Message {
    fn new(touser: impl Into<String>, content: MessageContent) -> Self {
        Self {
            touser: touser.into(),
            content,
        }
    }

    /// A text for the user with this OpenID.
    pub fn text(touser: impl Into<String>, content: impl Into<String>) -> Self {
        let text = Text {
            content: content.into(),
        };
        Self::new(touser, MessageContent::Text { text })
    }

    /// An image that was uploaded, for the user with this OpenID.
    pub fn image(touser: impl Into<String>, media_id: impl Into<String>) -> Self {
        let image = Image {
            media_id: media_id.into(),
        };
        Self::new(touser, MessageContent::Image { image })
    }

    /// A link for the user with this OpenID.
    pub fn link(touser: impl Into<String>, link: Link) -> Self {
        Self::new(touser, MessageContent::Link { link })
    }

    /// A page of the Mini Program for the user with this OpenID.
    pub fn mini_program_page(touser: impl Into<String>, page: MiniProgramPage) -> Self {
        let content = MessageContent::MiniProgramPage {
            miniprogrampage: page,
        };
        Self::new(touser, content)
    }
}

impl Link {
    /// A link with everything that WeChat asks for.
    pub fn new(
        title: impl Into<String>,
        description: impl Into<String>,
        url: impl Into<String>,
        thumb_url: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            description: description.into(),
            url: url.into(),
            thumb_url: thumb_url.into(),
        }
    }
}

impl MiniProgramPage {
    /// A page with everything that WeChat asks for.
    pub fn new(
        title: impl Into<String>,
        pagepath: impl Into<String>,
        thumb_media_id: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            pagepath: pagepath.into(),
            thumb_media_id: thumb_media_id.into(),
        }
    }
}

/// What [`send`] gives: WeChat has taken the message.
///
/// As JSON: `{"errCode": 0, "errMsg": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Sent {
    /// Always 0.
    pub err_code: i64,
    /// `openapi.customerServiceMessage.send:ok`.
    pub err_msg: String,
}

/// Sends a message to a user: `POST /cgi-bin/message/custom/send`.
///
/// Up to 5 messages can follow a message of the user's, within 48 hours of it.
///
/// # Errors
///
/// - 40003 ([`is_wechat`](Error::is_wechat)): the OpenID is not one of this app's.
/// - 40007 ([`is_wechat`](Error::is_wechat)): there is no such image, or no longer.
/// - 45015 ([`is_wechat`](Error::is_wechat)): the user has not written within 48 hours.
/// - 45047 ([`is_wechat`](Error::is_wechat)): the messages that may follow are used up.
/// - -601002 ([`is_invalid_argument`](Error::is_invalid_argument)): the OpenID is empty.
/// - Those of every call, in the table at [`Error`].
///
/// ```
/// use cloudcall::openapi::customer_service_message::{Message, send};
/// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, json_reply}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let mock = MockTransport::replies([json_reply(serde_json::json!({"errcode": 0, "errmsg": "ok"}))]);
/// # let cloud = Cloud::builder()
/// #     .permissions(Permissions::allow(["customerServiceMessage.send"]))
/// #     .access_token("TOKEN")
/// #     .transport(mock.clone())
/// #     .build()?;
/// let sent = send(&cloud, Message::text("OPENID", "hello")).await?;
///
/// assert_eq!(sent.err_msg, "openapi.customerServiceMessage.send:ok");
/// # assert_eq!(
/// #     mock.requests()[0].body(),
/// #     r#"{"touser":"OPENID","msgtype":"text","text":{"content":"hello"}}"#,
/// # );
/// # Ok::<_, cloudcall::Error>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub async fn send(cloud: &Cloud, message: Message) -> Result<Sent, Error> {
    let arguments = serde_json::to_value(message).expect("structs of text are JSON");
    call_and_read(cloud, "customerServiceMessage.send", arguments, read).await
}
