//! `POST /cgi-bin/message/custom/typing`: shows a user that customer service is typing.

use std::sync::Arc;

use axum::extract::Request;
use serde_json::{Map, Value};

use super::message_body::{self, text, touser};
use super::reply::{self, Failure, INVALID_COMMAND};
use super::{Answer, WeChat};

/// Shows the status or takes it back, or says why not.
pub(super) async fn typing(wechat: Arc<WeChat>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = message_body::read(body).await;
    let done = wechat
        .authorize(&head.uri)
        .and(body)
        .and_then(|body| wechat.set_typing(&body));
    wechat.answer(done.map(|()| reply::ok()))
}

impl WeChat {
    fn set_typing(&self, body: &Map<String, Value>) -> Result<(), Failure> {
        let openid = touser(body)?;
        match text(body, "command")? {
            "Typing" => self.messages.show_typing(openid, self.clock.now()),
            "CancelTyping" => {
                self.messages.cancel_typing(openid);
                Ok(())
            }
            _ => Err(INVALID_COMMAND),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::testing::{Bed, errcode, json as body_of};

    const SECOND: Duration = Duration::from_secs(1);

    /// The error code of the call, 0 when it succeeded.
    async fn post(bed: &Bed, api: &str, body: Value) -> i64 {
        let token = bed.token().await;
        let path = format!("/cgi-bin/message/custom/{api}?access_token={token}");
        let reply = body_of(bed.send(Method::POST, &path, body.to_string()).await).await;
        reply["errcode"].as_i64().expect("a number")
    }

    async fn typing(bed: &Bed) -> i64 {
        post(bed, "typing", json!({"touser": "O", "command": "Typing"})).await
    }

    async fn cancel(bed: &Bed) -> i64 {
        post(
            bed,
            "typing",
            json!({"touser": "O", "command": "CancelTyping"}),
        )
        .await
    }

    async fn send(bed: &Bed) -> i64 {
        let text = json!({"touser": "O", "msgtype": "text", "text": {"content": "x"}});
        post(bed, "send", text).await
    }

    #[tokio::test]
    async fn the_status_is_not_shown_twice_in_15_seconds() {
        let bed = Bed::new();
        assert_eq!(typing(&bed).await, 0);
        bed.clock.advance(SECOND * 15 - Duration::from_nanos(1));
        assert_eq!(typing(&bed).await, 45081);
        bed.clock.advance(Duration::from_nanos(1));
        assert_eq!(typing(&bed).await, 0);
    }

    #[tokio::test]
    async fn a_message_or_the_command_takes_the_status_back() {
        let bed = Bed::new();
        assert_eq!(typing(&bed).await, 0);
        assert_eq!(cancel(&bed).await, 0);
        assert_eq!(typing(&bed).await, 0);
        assert_eq!(send(&bed).await, 0);
        assert_eq!(typing(&bed).await, 0);
        assert_eq!(typing(&bed).await, 45081);
    }

    #[tokio::test]
    async fn a_message_must_have_been_exchanged_within_30_seconds() {
        let bed = Bed::with(|builder| builder.strict_messages());
        assert_eq!(typing(&bed).await, 45080);
        bed.emulator.user_message("O");
        bed.clock.advance(SECOND * 30 - Duration::from_nanos(1));
        assert_eq!(typing(&bed).await, 0);
        bed.clock.advance(SECOND * 20);
        assert_eq!(typing(&bed).await, 45080);
        assert_eq!(cancel(&bed).await, 0);
        assert_eq!(send(&bed).await, 0);
        assert_eq!(typing(&bed).await, 0);
    }

    #[tokio::test]
    async fn other_commands_and_users_are_refused() {
        let bed = Bed::new();
        let cases = [
            (json!({"touser": "O", "command": "typing"}), 45072),
            (json!({"touser": "O"}), 45072),
            (json!({"command": "Typing"}), 40003),
            (json!({"touser": "O", "command": 1}), 47001),
        ];
        for (body, expected) in cases {
            assert_eq!(post(&bed, "typing", body.clone()).await, expected, "{body}");
        }
        let reply = bed
            .send(Method::POST, "/cgi-bin/message/custom/typing", "{}")
            .await;
        assert_eq!(errcode(reply).await, 41001);
    }
}
