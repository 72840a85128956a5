//! `POST /cgi-bin/message/custom/send`: sends a customer service message to a user.

use std::sync::Arc;

use axum::extract::Request;
use serde_json::{Map, Value};

use super::message_body::{self, text, touser};
use super::reply::{
    self, DATA_FORMAT_ERROR, EMPTY_CONTENT, Failure, INVALID_MEDIA_ID, INVALID_MESSAGE_TYPE,
};
use super::{Answer, WeChat};

/// Sends the message, or says why not.
pub(super) async fn send(wechat: Arc<WeChat>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = message_body::read(body).await;
    let done = wechat
        .authorize(&head.uri)
        .and(body)
        .and_then(|body| wechat.send(body));
    wechat.answer(done.map(|()| reply::ok()))
}

impl WeChat {
    fn send(&self, message: Map<String, Value>) -> Result<(), Failure> {
        let openid = touser(&message)?.to_owned();
        self.check_content(&message)?;
        let now = self.clock.now();
        self.messages.send(&openid, message.into(), now)
    }

    /// Whether the message has what its type needs.
    fn check_content(&self, message: &Map<String, Value>) -> Result<(), Failure> {
        let kind = message.get("msgtype").and_then(Value::as_str);
        let kind = kind.unwrap_or_default();
        let required: &[&str] = match kind {
            "text" => &["content"],
            "image" => &["media_id"],
            "link" => &["title", "description", "url", "thumb_url"],
            "miniprogrampage" => &["title", "pagepath", "thumb_media_id"],
            _ => {
                return Err(INVALID_MESSAGE_TYPE
                    .because("msgtype has to be one of text, image, link and miniprogrampage"));
            }
        };
        let content = match message.get(kind) {
            Some(Value::Object(content)) => content,
            None => &Map::new(),
            Some(_) => return Err(DATA_FORMAT_ERROR.because(&format!("{kind} is not an object"))),
        };
        for name in required {
            let value = text(content, name)?;
            let is_media = matches!(*name, "media_id" | "thumb_media_id");
            if is_media && self.media.find(value, self.clock.now()).is_none() {
                return Err(INVALID_MEDIA_ID);
            }
            if value.is_empty() {
                return Err(match kind {
                    "text" => EMPTY_CONTENT,
                    _ => DATA_FORMAT_ERROR.because(&format!("{kind}.{name} is missing")),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::Response;
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::testing::{self, Bed, errcode};

    const HOUR: Duration = Duration::from_secs(60 * 60);

    async fn post(bed: &Bed, body: impl ToString) -> Response {
        let path = format!(
            "/cgi-bin/message/custom/send?access_token={}",
            bed.token().await
        );
        bed.send(Method::POST, &path, body.to_string()).await
    }

    /// The error code of sending, 0 when it succeeded.
    async fn try_send(bed: &Bed, body: impl ToString) -> i64 {
        let reply = testing::json(post(bed, body).await).await;
        if reply["errcode"] == 0 {
            assert_eq!(reply, json!({"errcode": 0, "errmsg": "ok"}));
        }
        reply["errcode"].as_i64().expect("a number")
    }

    fn hello(openid: &str) -> Value {
        json!({"touser": openid, "msgtype": "text", "text": {"content": "hello 你好"}})
    }

    #[tokio::test]
    async fn each_kind_of_message_is_sent_and_recorded() {
        let bed = Bed::new();
        let messages = [
            hello("O"),
            json!({"touser": "O", "msgtype": "image", "image": {"media_id": "sample"}}),
            json!({
                "touser": "O",
                "msgtype": "link",
                "link": {"title": "T", "description": "D", "url": "U", "thumb_url": "P"},
            }),
            json!({
                "touser": "P",
                "msgtype": "miniprogrampage",
                "miniprogrampage": {"title": "T", "pagepath": "p", "thumb_media_id": "sample"},
            }),
        ];
        for message in &messages {
            assert_eq!(try_send(&bed, message).await, 0, "{message}");
        }
        let sent = bed.emulator.sent_messages();
        let told: Vec<_> = sent.iter().map(|sent| sent.message.clone()).collect();
        assert_eq!(told, messages);
        assert_eq!((&*sent[2].openid, &*sent[3].openid), ("O", "P"));
        assert_eq!(sent[0].time, bed.clock.now());
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_message_has_its_code() {
        let bed = Bed::new();
        let of =
            |kind: &str, content: Value| json!({"touser": "O", "msgtype": kind, kind: content});
        let cases = [
            (json!({"msgtype": "text", "text": {"content": "x"}}), 40003),
            (
                json!({"touser": "", "msgtype": "text", "text": {"content": "x"}}),
                40003,
            ),
            (hello(&"x".repeat(129)), 40003),
            (json!({"touser": "O", "text": {"content": "x"}}), 40008),
            (of("video", json!({})), 40008),
            (of("Text", json!({"content": "x"})), 40008),
            (of("text", json!({"content": ""})), 44004),
            (of("text", json!({})), 44004),
            (json!({"touser": "O", "msgtype": "text"}), 44004),
            (of("image", json!({"media_id": "none"})), 40007),
            (of("image", json!({})), 40007),
            (
                of(
                    "miniprogrampage",
                    json!({"title": "T", "pagepath": "p", "thumb_media_id": "none"}),
                ),
                40007,
            ),
            (of("miniprogrampage", json!({"title": "T"})), 47001),
            (
                of(
                    "link",
                    json!({"title": "T", "description": "D", "url": "U"}),
                ),
                47001,
            ),
            (of("text", json!("x")), 47001),
            (of("text", json!({"content": 1})), 47001),
            (json!({"touser": 1, "msgtype": "text"}), 47001),
            (json!([1]), 47001),
            (json!(null), 47001),
        ];
        for (message, expected) in cases {
            let reply = post(&bed, &message).await;
            assert_eq!(errcode(reply).await, expected, "{message}");
        }
        for body in ["", "{", "touser=O&msgtype=text"] {
            assert_eq!(errcode(post(&bed, body).await).await, 47001, "{body}");
        }
        assert_eq!(
            errcode(post(&bed, hello(&"x".repeat(1 << 20))).await).await,
            45002
        );
        assert_eq!(bed.emulator.sent_messages(), []);
    }

    #[tokio::test]
    async fn the_token_is_checked_first() {
        let bed = Bed::new();
        let path = "/cgi-bin/message/custom/send";
        let reply = bed.send(Method::POST, path, "{").await;
        assert_eq!(errcode(reply).await, 41001);
        let path = format!("{path}?access_token=WRONG");
        let reply = bed.send(Method::POST, &path, hello("O").to_string()).await;
        assert_eq!(errcode(reply).await, 40001);
        assert_eq!(bed.emulator.sent_messages(), []);
    }

    #[tokio::test]
    async fn an_image_that_has_expired_is_not_sent() {
        let bed = Bed::new();
        let image = json!({"touser": "O", "msgtype": "image", "image": {"media_id": "sample"}});
        bed.clock.advance(HOUR * 72);
        assert_eq!(try_send(&bed, &image).await, 40007);
    }

    #[tokio::test]
    async fn five_messages_may_follow_one_of_the_users() {
        let bed = Bed::new();
        for _ in 0..5 {
            assert_eq!(try_send(&bed, hello("O")).await, 0);
        }
        assert_eq!(try_send(&bed, hello("O")).await, 45047);
        assert_eq!(try_send(&bed, hello("P")).await, 0);

        bed.emulator.user_message("O");
        for _ in 0..5 {
            assert_eq!(try_send(&bed, hello("O")).await, 0);
        }
        assert_eq!(try_send(&bed, hello("O")).await, 45047);
    }

    #[tokio::test]
    async fn a_refused_message_does_not_count() {
        let bed = Bed::new();
        for _ in 0..6 {
            assert_eq!(
                try_send(&bed, json!({"touser": "O", "msgtype": "text"})).await,
                44004
            );
        }
        assert_eq!(try_send(&bed, hello("O")).await, 0);
    }

    #[tokio::test]
    async fn a_user_can_be_written_to_for_48_hours() {
        let bed = Bed::new();
        assert_eq!(try_send(&bed, hello("O")).await, 0);
        bed.clock.advance(HOUR * 48 - Duration::from_nanos(1));
        assert_eq!(try_send(&bed, hello("O")).await, 0);
        bed.clock.advance(Duration::from_nanos(1));
        assert_eq!(try_send(&bed, hello("O")).await, 45015);
        bed.emulator.user_message("O");
        assert_eq!(try_send(&bed, hello("O")).await, 0);
    }

    #[tokio::test]
    async fn strictly_a_user_has_to_write_first() {
        let bed = Bed::with(|builder| builder.strict_messages());
        assert_eq!(try_send(&bed, hello("O")).await, 45015);
        bed.emulator.user_message("O");
        assert_eq!(try_send(&bed, hello("O")).await, 0);
        assert_eq!(try_send(&bed, hello("P")).await, 45015);
    }
}
