//! Access tokens: `GET /cgi-bin/token` and `POST /cgi-bin/stable_token`.

use std::sync::Arc;

use axum::extract::Request;
use serde::{Deserialize, Serialize};

use super::message_body::read_json;
use super::reply::{self, DATA_FORMAT_ERROR, Failure, INVALID_GRANT_TYPE};
use super::token_state::Grant;
use super::{Answer, WeChat};
use crate::query::parameter;

/// A new token at each call.
pub(super) async fn token(wechat: Arc<WeChat>, request: Request) -> Answer {
    let parameter = |name| parameter(request.uri(), name).unwrap_or_default();
    let granted = check_grant_type(&parameter("grant_type")).and_then(|()| {
        wechat.tokens.renew(
            &parameter("appid"),
            &parameter("secret"),
            wechat.clock.now(),
            &wechat.ids,
        )
    });
    answer(&wechat, granted)
}

/// The same token for as long as it has time to live.
pub(super) async fn stable_token(wechat: Arc<WeChat>, request: Request) -> Answer {
    let too_large = DATA_FORMAT_ERROR.because("the body is larger than 64 KiB");
    let asked: Result<StableToken, _> = read_json(request.into_body(), too_large).await;
    let granted = asked.and_then(|asked| {
        check_grant_type(&asked.grant_type)?;
        wechat.tokens.stable(
            &asked.appid,
            &asked.secret,
            asked.force_refresh,
            wechat.clock.now(),
            &wechat.ids,
        )
    });
    answer(&wechat, granted)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StableToken {
    grant_type: String,
    appid: String,
    secret: String,
    force_refresh: bool,
}

fn check_grant_type(grant_type: &str) -> Result<(), Failure> {
    match grant_type {
        "client_credential" => Ok(()),
        _ => Err(INVALID_GRANT_TYPE),
    }
}

fn answer(wechat: &WeChat, granted: Result<Grant, Failure>) -> Answer {
    #[derive(Serialize)]
    struct Granted<'a> {
        access_token: &'a str,
        expires_in: u64,
    }

    wechat.answer(granted.map(|grant| {
        reply::json(&Granted {
            access_token: &grant.token,
            expires_in: grant.expires_in.as_secs(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use serde_json::{Value, json};

    use crate::testing::{self, APP_ID, Bed, NOON, SECRET, errcode, text};

    const SECOND: Duration = Duration::from_secs(1);
    const FIVE_MINUTES: Duration = Duration::from_secs(300);
    const TWO_HOURS: Duration = Duration::from_secs(7200);

    async fn post(bed: &Bed, body: impl ToString) -> axum::response::Response {
        bed.send(Method::POST, "/cgi-bin/stable_token", body.to_string())
            .await
    }

    fn asking(force_refresh: bool) -> Value {
        json!({
            "grant_type": "client_credential",
            "appid": APP_ID,
            "secret": SECRET,
            "force_refresh": force_refresh,
        })
    }

    async fn stable(bed: &Bed, force_refresh: bool) -> Value {
        testing::json(post(bed, asking(force_refresh)).await).await
    }

    async fn stable_token(bed: &Bed, force_refresh: bool) -> String {
        text(&stable(bed, force_refresh).await["access_token"])
    }

    #[tokio::test]
    async fn both_calls_check_who_asks() {
        let bed = Bed::new();
        let cases = [
            ("client_credential", APP_ID, "wrong", 40125),
            ("client_credential", APP_ID, "", 40125),
            ("client_credential", "wx2", SECRET, 40013),
            ("client_credential", "", SECRET, 40013),
            ("authorization_code", APP_ID, SECRET, 40002),
            ("", "", "", 40002),
        ];
        for (grant_type, app_id, secret, expected) in cases {
            let query = format!("grant_type={grant_type}&appid={app_id}&secret={secret}");
            let reply = bed.get(&format!("/cgi-bin/token?{query}")).await;
            assert_eq!(errcode(reply).await, expected, "{query}");

            let body = json!({"grant_type": grant_type, "appid": app_id, "secret": secret});
            assert_eq!(errcode(post(&bed, &body).await).await, expected, "{body}");
        }
        assert_eq!(errcode(bed.get("/cgi-bin/token").await).await, 40002);
        assert_eq!(errcode(post(&bed, "{}").await).await, 40002);
    }

    #[tokio::test]
    async fn a_body_that_is_not_the_expected_json_is_refused() {
        let bed = Bed::new();
        for body in ["", "{", "[1]", "null", r#"{"appid":1}"#] {
            assert_eq!(errcode(post(&bed, body).await).await, 47001, "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_of_64_kib_passes_and_a_byte_more_does_not() {
        let bed = Bed::new();
        let padded = |size: usize| {
            let body = asking(false).to_string();
            format!("{body}{}", " ".repeat(size - body.len()))
        };
        let granted = testing::json(post(&bed, padded(64 << 10)).await).await;
        assert_eq!(granted["expires_in"], 7200);
        let refused = post(&bed, padded((64 << 10) + 1)).await;
        assert_eq!(errcode(refused).await, 47001);
    }

    #[tokio::test]
    async fn a_reply_is_the_token_and_its_remaining_seconds() {
        let bed = Bed::new();
        for reply in [bed.renew().await, stable(&bed, false).await] {
            let token = text(&reply["access_token"]);
            assert_eq!(reply, json!({"access_token": token, "expires_in": 7200}));
        }
        bed.clock.advance(SECOND * 10);
        assert_eq!(stable(&bed, false).await["expires_in"], 7190);
        assert_eq!(bed.renew().await["expires_in"], 7200);
    }

    #[tokio::test]
    async fn a_token_expires_at_its_last_second() {
        let bed = Bed::new();
        let tokens = [bed.token().await, stable_token(&bed, false).await];
        bed.clock.advance(TWO_HOURS - Duration::from_nanos(1));
        for token in &tokens {
            assert_eq!(bed.try_token(token).await, 0);
        }
        bed.clock.advance(Duration::from_nanos(1));
        for token in &tokens {
            assert_eq!(bed.try_token(token).await, 42001);
        }
    }

    #[tokio::test]
    async fn a_token_long_expired_is_unknown() {
        let bed = Bed::new();
        let token = bed.token().await;
        bed.clock
            .advance(TWO_HOURS + Duration::from_secs(24 * 60 * 60) - SECOND);
        bed.token().await;
        assert_ne!(bed.try_token(&token).await, 0);
        bed.clock.advance(SECOND);
        bed.token().await;
        assert_eq!(bed.try_token(&token).await, 40001);
    }

    #[tokio::test]
    async fn a_new_token_leaves_the_one_before_five_minutes() {
        let bed = Bed::new();
        let first = bed.token().await;
        bed.clock.advance(SECOND);
        let second = bed.token().await;
        assert_ne!(first, second);
        bed.clock.advance(FIVE_MINUTES - Duration::from_nanos(1));
        assert_eq!(bed.try_token(&first).await, 0);
        bed.clock.advance(Duration::from_nanos(1));
        assert_eq!(bed.try_token(&first).await, 40001);
        assert_eq!(bed.try_token(&second).await, 0);
    }

    #[tokio::test]
    async fn a_stable_token_stays_while_it_has_five_minutes_to_live() {
        let bed = Bed::new();
        let first = stable_token(&bed, false).await;
        bed.clock.advance(TWO_HOURS - FIVE_MINUTES);
        let reply = stable(&bed, false).await;
        assert_eq!(reply["access_token"], first);
        assert_eq!(reply["expires_in"], 300);

        bed.clock.advance(Duration::from_nanos(1));
        let reply = stable(&bed, false).await;
        let second = text(&reply["access_token"]);
        assert_ne!(second, first);
        assert_eq!(reply["expires_in"], 7200);

        bed.clock.advance(FIVE_MINUTES - Duration::from_nanos(2));
        assert_eq!(bed.try_token(&first).await, 0);
        bed.clock.advance(Duration::from_nanos(1));
        assert_eq!(bed.try_token(&first).await, 42001);
        assert_eq!(bed.try_token(&second).await, 0);
    }

    #[tokio::test]
    async fn a_forced_refresh_kills_the_token_before_at_once() {
        let bed = Bed::new();
        let first = stable_token(&bed, false).await;
        let second = stable_token(&bed, true).await;
        assert_eq!(bed.try_token(&first).await, 40001);
        assert_eq!(bed.try_token(&second).await, 0);
        assert_eq!(stable_token(&bed, false).await, second);
    }

    #[tokio::test]
    async fn forced_refreshes_are_thirty_seconds_apart() {
        let bed = Bed::new();
        let token = stable_token(&bed, true).await;
        bed.clock.advance(SECOND * 30 - Duration::from_nanos(1));
        let reply = post(&bed, asking(true)).await;
        assert_eq!(errcode(reply).await, 45011);
        assert_eq!(bed.try_token(&token).await, 0);
        bed.clock.advance(Duration::from_nanos(1));
        assert_ne!(stable_token(&bed, true).await, token);
    }

    #[tokio::test]
    async fn there_are_twenty_forced_refreshes_a_day_in_china() {
        let bed = Bed::new();
        for _ in 0..20 {
            stable_token(&bed, true).await;
            bed.clock.advance(SECOND * 30);
        }
        let token = stable_token(&bed, false).await;
        assert_eq!(errcode(post(&bed, asking(true)).await).await, 45009);
        assert_eq!(bed.try_token(&token).await, 0);

        let used = SECOND * 30 * 20;
        let to_midnight = Duration::from_secs(12 * 60 * 60) - used;
        bed.clock.advance(to_midnight - SECOND);
        assert_eq!(errcode(post(&bed, asking(true)).await).await, 45009);
        bed.clock.advance(SECOND);
        assert_eq!(
            NOON % (24 * 60 * 60),
            4 * 60 * 60,
            "noon in China is 4 h in UTC"
        );
        stable_token(&bed, true).await;
    }

    #[tokio::test]
    async fn the_two_families_do_not_touch_each_other() {
        let bed = Bed::new();
        let stable = stable_token(&bed, false).await;
        let plain = bed.token().await;
        assert_ne!(stable, plain);
        stable_token(&bed, true).await;
        assert_eq!(bed.try_token(&plain).await, 0);

        let stable = stable_token(&bed, false).await;
        bed.token().await;
        bed.clock.advance(FIVE_MINUTES);
        assert_eq!(bed.try_token(&plain).await, 40001);
        assert_eq!(bed.try_token(&stable).await, 0);
    }

    #[tokio::test]
    async fn apps_do_not_touch_each_others_tokens_and_limits() {
        let bed = Bed::with(|builder| builder.app("wx2", "two"));
        let of_second = json!({
            "grant_type": "client_credential",
            "appid": "wx2",
            "secret": "two",
            "force_refresh": true,
        });
        let first = stable_token(&bed, true).await;
        let second = text(&testing::json(post(&bed, of_second).await).await["access_token"]);
        assert_ne!(first, second);
        for token in [first, second] {
            assert_eq!(bed.try_token(&token).await, 0);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn concurrent_callers_get_the_same_stable_token() {
        let bed = std::sync::Arc::new(Bed::new());
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let bed = std::sync::Arc::clone(&bed);
                tokio::spawn(async move { stable_token(&bed, false).await })
            })
            .collect();
        let expected = stable_token(&bed, false).await;
        for caller in callers {
            assert_eq!(caller.await.expect("no panic"), expected);
        }
    }

    #[tokio::test]
    async fn the_same_seed_gives_the_same_tokens() {
        let draw = async |seed| Bed::with(|builder| builder.seed(seed)).token().await;
        assert_eq!(draw(1).await, draw(1).await);
        assert_ne!(draw(1).await, draw(2).await);
    }
}
