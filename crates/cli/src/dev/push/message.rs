//! What users send to customer service, and the event that a function gets for it.
//!
//! Sources: "Receiving messages and events" of customer service messages for the fields, and
//! "Receiving pushed messages in cloud functions" for the event as a whole.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A message of a user, or what else is pushed to the function of customer service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Message {
    #[serde(rename = "text")]
    Text { content: String },
    #[serde(rename = "image")]
    Image {
        media_id: String,
        #[serde(default)]
        pic_url: String,
    },
    #[serde(rename = "miniprogrampage")]
    MiniProgramPage {
        title: String,
        /// The app of the page; without it, the one that is written to.
        #[serde(default)]
        app_id: Option<String>,
        page_path: String,
        #[serde(default)]
        thumb_url: String,
        #[serde(default)]
        thumb_media_id: String,
    },
    #[serde(rename = "user_enter_tempsession")]
    EnterSession {
        #[serde(default)]
        session_from: String,
    },
}

impl Message {
    /// The type of the message or event, by which a function is chosen.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image { .. } => "image",
            Self::MiniProgramPage { .. } => "miniprogrampage",
            Self::EnterSession { .. } => "user_enter_tempsession",
        }
    }

    /// The media that a function may ask for.
    pub(crate) fn media_id(&self) -> Option<&str> {
        match self {
            Self::Image { media_id, .. } => Some(media_id),
            Self::MiniProgramPage { thumb_media_id, .. } if !thumb_media_id.is_empty() => {
                Some(thumb_media_id)
            }
            _ => None,
        }
    }

    /// The event, as WeChat makes it of a message to an app. It names the app by its app id, as
    /// the page on cloud functions shows it.
    pub(crate) fn event(&self, app_id: &str, open_id: &str, now: SystemTime) -> Value {
        let time = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| {
            event.insert(name.to_owned(), value);
        };
        set("ToUserName", app_id.into());
        set("FromUserName", open_id.into());
        set("CreateTime", time.into());
        match self {
            Self::Text { content } => set("Content", json!(content)),
            Self::Image { media_id, pic_url } => {
                set("PicUrl", json!(pic_url));
                set("MediaId", json!(media_id));
            }
            Self::MiniProgramPage {
                title,
                app_id: page_of,
                page_path,
                thumb_url,
                thumb_media_id,
            } => {
                set("Title", json!(title));
                set("AppId", json!(page_of.as_deref().unwrap_or(app_id)));
                set("PagePath", json!(page_path));
                set("ThumbUrl", json!(thumb_url));
                set("ThumbMediaId", json!(thumb_media_id));
            }
            Self::EnterSession { session_from } => {
                set("MsgType", "event".into());
                set("Event", self.kind().into());
                set("SessionFrom", json!(session_from));
                // Events have no id.
                return event.into();
            }
        }
        set("MsgType", self.kind().into());
        // A text for cloud functions, of 32 hexadecimal digits, a number, and the time.
        let random: u128 = rand::random();
        let number: u32 = rand::random_range(1_000_000_000..2_000_000_000);
        set("MsgId", format!("{random:032x}{number}_{time}").into());
        event.into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(message: Value) -> Value {
        let message: Message = serde_json::from_value(message).expect("a message");
        message.event("wx1", "o1", UNIX_EPOCH + Duration::from_secs(1_555_684_067))
    }

    #[test]
    fn messages_have_the_fields_of_wechats_pages() {
        for (message, own) in [
            (
                json!({"type": "text", "content": "测试"}),
                json!({"MsgType": "text", "Content": "测试"}),
            ),
            (
                json!({"type": "image", "mediaId": "m", "picUrl": "http://p"}),
                json!({"MsgType": "image", "MediaId": "m", "PicUrl": "http://p"}),
            ),
            (
                json!({"type": "miniprogrampage", "title": "t", "pagePath": "p"}),
                json!({
                    "MsgType": "miniprogrampage", "Title": "t", "AppId": "wx1", "PagePath": "p",
                    "ThumbUrl": "", "ThumbMediaId": "",
                }),
            ),
        ] {
            let mut event = event(message);
            let fields = event.as_object_mut().expect("an object");
            let id = fields.remove("MsgId").expect("an id");
            let (id, time) = id
                .as_str()
                .and_then(|it| it.split_once('_'))
                .expect("a text");
            assert_eq!((id.len(), time), (42, "1555684067"));
            let mut expected = json!({
                "ToUserName": "wx1", "FromUserName": "o1", "CreateTime": 1_555_684_067,
            });
            let own = own.as_object().expect("an object").clone();
            expected.as_object_mut().expect("an object").extend(own);
            assert_eq!(event, expected);
        }
    }

    #[test]
    fn entering_a_session_is_an_event_without_an_id() {
        assert_eq!(
            event(json!({"type": "user_enter_tempsession", "sessionFrom": "s"})),
            json!({
                "ToUserName": "wx1", "FromUserName": "o1", "CreateTime": 1_555_684_067,
                "MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": "s",
            })
        );
    }
}
