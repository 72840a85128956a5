//! api.weixin.qq.com: which paths are served, and what their handlers share.
//!
//! One file holds one API. A new API is a file here, a line in [`router`], as an [`Api`], and a
//! mention in [`SERVED`].

mod api;
mod media;
mod message_body;
mod message_state;
mod reply;
mod send;
mod token;
mod token_state;
mod typing;
mod upload;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use http::{StatusCode, Uri};

use crate::clock::Clock;
use crate::faults::{self, Faults};
use crate::ids::Ids;
use crate::journal::Journal;
use crate::media_store::MediaStore;
use crate::query::parameter;
pub(crate) use api::Answer;
use api::Api;
pub(crate) use message_state::MessageState;
pub use message_state::SentMessage;
use reply::{ACCESS_TOKEN_MISSING, Failure};
pub(crate) use reply::{json, plain_failure};
pub(crate) use token_state::TokenState;

/// What the answer to an unknown path lists.
const SERVED: &str = "GET /cgi-bin/media/get, POST /cgi-bin/media/upload, \
                      POST /cgi-bin/message/custom/send, POST /cgi-bin/message/custom/typing, \
                      GET /cgi-bin/token and POST /cgi-bin/stable_token";

/// WeChat's side, as every handler sees it.
#[derive(Debug)]
pub(crate) struct WeChat {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tokens: TokenState,
    pub(crate) media: MediaStore,
    pub(crate) messages: MessageState,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
}

/// The routes of api.weixin.qq.com, and beside them the emulator's own.
pub(crate) fn router(wechat: Arc<WeChat>) -> Router {
    let control = faults::router(wechat.faults.clone());
    Router::new()
        .route("/cgi-bin/media/get", get(Api(media::get)))
        .route("/cgi-bin/media/upload", post(Api(upload::upload)))
        .route("/cgi-bin/message/custom/send", post(Api(send::send)))
        .route("/cgi-bin/message/custom/typing", post(Api(typing::typing)))
        .route("/cgi-bin/token", get(Api(token::token)))
        .route("/cgi-bin/stable_token", post(Api(token::stable_token)))
        .fallback(Api(unknown_path))
        .method_not_allowed_fallback(Api(wrong_method))
        .with_state(wechat)
        .merge(control)
}

async fn unknown_path(_: Arc<WeChat>, _: Request) -> Answer {
    plain_failure(
        StatusCode::NOT_FOUND,
        &format!(
            "this is an emulator of WeChat's API that does not serve this path, only {SERVED}"
        ),
    )
    .into()
}

async fn wrong_method(_: Arc<WeChat>, _: Request) -> Answer {
    plain_failure(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path is not served with this method, only with those of the Allow header",
    )
    .into()
}

impl WeChat {
    /// The time now, if the request carries an access token that is valid then.
    fn authorize(&self, uri: &Uri) -> Result<SystemTime, Failure> {
        let token = parameter(uri, "access_token").filter(|token| !token.is_empty());
        let token = token.ok_or(ACCESS_TOKEN_MISSING)?;
        let now = self.clock.now();
        self.tokens.check(&token, now)?;
        Ok(now)
    }

    /// The answer to send, with WeChat's marks in the message of a failure.
    fn answer(&self, result: Result<Response, Failure>) -> Answer {
        result.map(Answer::from).unwrap_or_else(|failure| {
            let hint = self.ids.hint();
            let request_id = self.ids.request_id(self.clock.now());
            failure.into_answer(&hint, &request_id)
        })
    }

    /// The answer of a failure by number, with WeChat's text or, word for word, this one.
    pub(crate) fn failure(&self, code: i64, message: Option<String>) -> Answer {
        match message {
            Some(message) => reply::verbatim(code, &message),
            None => self.answer(Err(Failure::known(code))),
        }
    }

    /// Lets an access token end now.
    pub(crate) fn expire_token(&self, token: &str) {
        self.tokens.expire(token, self.clock.now());
    }

    /// Forgets an access token.
    pub(crate) fn revoke_token(&self, token: &str) {
        self.tokens.revoke(token);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::SERVED;
    use crate::testing::{Bed, json};

    #[tokio::test]
    async fn an_unknown_path_gets_a_404_that_says_what_is_served() {
        let bed = Bed::new();
        let reply = bed.get("/cgi-bin/nonsense?access_token=SECRET").await;
        assert_eq!(reply.status(), 404);
        assert_eq!(
            reply.headers()["content-type"],
            "application/json; encoding=utf-8"
        );
        let body = json(reply).await;
        assert_eq!(body["errcode"], 404);
        assert_eq!(
            body["errmsg"],
            "this is an emulator of WeChat's API that does not serve this path, only GET \
             /cgi-bin/media/get, POST /cgi-bin/media/upload, POST /cgi-bin/message/custom/send, \
             POST /cgi-bin/message/custom/typing, GET /cgi-bin/token and POST \
             /cgi-bin/stable_token"
        );
    }

    #[tokio::test]
    async fn a_wrong_method_gets_a_405_with_allow() {
        let bed = Bed::new();
        let cases = [
            (Method::POST, "/cgi-bin/media/get", "GET,HEAD"),
            (Method::GET, "/cgi-bin/media/upload", "POST"),
            (Method::PUT, "/cgi-bin/token", "GET,HEAD"),
            (Method::GET, "/cgi-bin/stable_token", "POST"),
            (Method::GET, "/cgi-bin/message/custom/send", "POST"),
            (Method::GET, "/cgi-bin/message/custom/typing", "POST"),
        ];
        for (method, path, allow) in cases {
            let reply = bed.send(method, path, "").await;
            assert_eq!(reply.status(), 405, "{path}");
            assert_eq!(reply.headers()["allow"], allow, "{path}");
            assert_eq!(json(reply).await["errcode"], 405, "{path}");
        }
    }

    #[tokio::test]
    async fn all_that_is_asked_meets_faults_and_is_in_the_journal() {
        let fault = "all:status=503".parse().expect("a fault");
        let bed = Bed::with(|builder| builder.fault(fault));
        let words: Vec<_> = SERVED
            .split([' ', ','])
            .filter(|word| !matches!(*word, "" | "and"))
            .collect();
        assert!(words.len() >= 12, "{words:?}");
        let mut asked = vec![(Method::GET, "/elsewhere")];
        for served in words.chunks(2) {
            asked.push((served[0].parse().expect("a method"), served[1]));
            asked.push((Method::PUT, served[1]));
        }
        for (method, path) in asked {
            let reply = bed.send(method.clone(), path, "").await;
            assert_eq!(reply.status(), 503, "{method} {path}");
            let entries = bed.emulator.journal().entries();
            let told = entries.last().expect("an entry");
            assert_eq!((&told.method, &*told.path), (&method, path));
            assert_eq!(told.errcode, 503, "{method} {path}");
            assert_eq!(told.fault.as_deref(), Some("status=503"), "{method} {path}");
        }
    }

    #[tokio::test]
    async fn the_journal_tells_what_was_asked_without_any_secret() {
        let bed = Bed::new();
        let token = bed.token().await;
        bed.get(&format!(
            "/cgi-bin/media/get?access_token={token}&media_id=sample"
        ))
        .await;
        bed.get(&format!(
            "/cgi-bin/media/get?access_token={token}&media_id=none"
        ))
        .await;
        bed.get("/cgi-bin/media/get?access_token=WRONG").await;
        bed.send(Method::POST, "/cgi-bin/media/get", "").await;
        bed.get("/elsewhere?access_token=WRONG").await;
        let long = format!("/{}", "x".repeat(300));
        bed.get(&format!("{long}?access_token=WRONG")).await;
        let shout = "X".repeat(300);
        bed.send(shout.parse().expect("a method"), "/elsewhere", "")
            .await;

        let journal = bed.emulator.journal();
        let entries = journal.entries();
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.method.as_str(),
                    entry.path.as_str(),
                    entry.errcode,
                    entry.media_id.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("GET", "/cgi-bin/token", 0, None),
                ("GET", "/cgi-bin/media/get", 0, Some("sample")),
                ("GET", "/cgi-bin/media/get", 40007, Some("none")),
                ("GET", "/cgi-bin/media/get", 40001, None),
                ("POST", "/cgi-bin/media/get", 405, None),
                ("GET", "/elsewhere", 404, None),
                ("GET", &long[..256], 404, None),
                (&shout[..256], "/elsewhere", 404, None),
            ]
        );
        assert_eq!(journal.count("/cgi-bin/media/get"), 4);
        let everything = format!("{entries:?}");
        for secret in [&*token, "WRONG", bed.emulator.app_secret(), "access_token"] {
            assert!(!everything.contains(secret), "{everything}");
        }
    }
}
