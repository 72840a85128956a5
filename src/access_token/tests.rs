//! Fetching, sharing and renewing a token, over a mocked WeChat and a paused clock.

mod ahead;
mod races;
mod sharing;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use crate::transport::{
    Body, MockTransport, Transport, TransportError, TransportErrorKind, json_reply, media_reply,
};
use crate::{Cloud, CloudBuilder, Error, Permissions, RetryPolicy};

use super::MemoryStore;

/// WeChat, as far as tokens matter: hands them out with a number, and rejects some.
#[derive(Clone, Default)]
struct WeChat(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    handed_out: u32,
    forced: u32,
    calls: u32,
    rejected: HashSet<String>,
    reject_with: i64,
    same_again: bool,
    /// How long tokens live, in seconds; 7200 unless this is set.
    expires_in: Option<u64>,
    /// Whether there is no connection for who asks for a token.
    down: bool,
    /// The same for who wants one forced.
    no_forcing: bool,
    /// What the answers to a path's next request wait for.
    gates: HashMap<&'static str, Arc<Semaphore>>,
}

/// Where tokens come from.
const TOKENS: &str = "/cgi-bin/stable_token";
/// What they are for.
const MEDIA: &str = "/cgi-bin/media/get";

impl WeChat {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0
            .lock()
            .expect("no test panics while it holds the lock")
    }

    fn reject(&self, token: &str, errcode: i64) {
        let mut script = self.script();
        script.rejected.insert(token.into());
        script.reject_with = errcode;
    }

    /// Holds the answer to the next request to a path back, until the gate gets a permit. What the
    /// answer says is settled when the request comes.
    fn hold(&self, path: &'static str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.script().gates.insert(path, Arc::clone(&gate));
        gate
    }

    fn cloud(&self) -> Cloud {
        cloud_over(self.clone())
    }

    /// Handles of different processes, as far as that can be told: they share a store.
    fn clouds<const N: usize>(&self, store: &MemoryStore) -> [Cloud; N] {
        std::array::from_fn(|_| {
            builder_over(self.clone())
                .token_store(store.clone())
                .build()
                .expect("complete")
        })
    }

    /// Token requests, and calls with a token.
    fn seen(&self) -> (u32, u32) {
        let script = self.script();
        (script.handed_out, script.calls)
    }
}

fn builder_over(transport: impl Transport) -> CloudBuilder {
    Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .app_secret("wx1", "s3cret-canary")
        .retry(RetryPolicy::none())
        .transport(transport)
}

fn cloud_over(transport: impl Transport) -> Cloud {
    builder_over(transport).build().expect("complete")
}

#[async_trait]
impl Transport for WeChat {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        // Lets the others run, as a network would.
        tokio::task::yield_now().await;
        let (reply, gate) = {
            let mut script = self.script();
            let reply = script.reply(&request);
            (reply, script.gates.remove(request.uri().path()))
        };
        if let Some(gate) = gate {
            gate.acquire().await.expect("it is never closed").forget();
        }
        reply
    }
}

impl Script {
    fn reply(
        &mut self,
        request: &http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        if request.uri().path() == TOKENS {
            assert_eq!(request.method(), http::Method::POST);
            let asked: Value = serde_json::from_slice(request.body()).expect("JSON");
            assert_eq!(asked["grant_type"], "client_credential");
            assert_eq!(
                (&asked["appid"], &asked["secret"]),
                (&json!("wx1"), &json!("s3cret-canary"))
            );
            self.handed_out += 1;
            if self.down {
                return Err(TransportError::new(TransportErrorKind::Connect, "down"));
            }
            let forced = asked["force_refresh"] == true;
            if forced && self.no_forcing {
                return Err(TransportError::new(TransportErrorKind::Connect, "down"));
            }
            self.forced += u32::from(forced);
            let number = if self.same_again && !forced {
                1
            } else {
                self.handed_out
            };
            let expires_in = self.expires_in.unwrap_or(7200);
            return Ok(json_reply(
                json!({"access_token": format!("T{number}"), "expires_in": expires_in}),
            ));
        }
        self.calls += 1;
        assert_eq!(request.uri().path(), MEDIA);
        let query = request.uri().query().expect("a query");
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("access_token="));
        if self.rejected.contains(token.expect("a token")) {
            return Ok(json_reply(
                json!({"errcode": self.reject_with, "errmsg": "invalid credential"}),
            ));
        }
        Ok(media_reply(
            "image/png",
            Bytes::from(token.expect("a token").to_owned()),
        ))
    }
}

/// Makes a call and returns the token that WeChat accepted.
async fn accepted(cloud: &Cloud) -> Result<String, Error> {
    let media = get_temp_media(cloud, GetTempMedia::new("M")).await?;
    Ok(String::from_utf8_lossy(&media.buffer).into_owned())
}

#[tokio::test]
async fn a_thousand_concurrent_first_callers_cause_one_token_request() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let cloud = cloud.clone();
        callers.spawn(async move { accepted(&cloud).await });
    }
    for outcome in callers.join_all().await {
        assert_eq!(outcome.expect("accepted"), "T1");
    }
    assert_eq!(wechat.seen(), (1, 1000));
}

#[tokio::test]
async fn one_token_serves_other_permissions_too() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    let closed = cloud.with_permissions(Permissions::allow(["wxacode.get"]));
    let same = closed.with_permissions(cloud.permissions().clone());
    assert!(
        accepted(&closed)
            .await
            .expect_err("closed")
            .is_permission_denied()
    );
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    assert_eq!(accepted(&same).await.expect("accepted"), "T1");
    assert_eq!(wechat.seen(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_shortly_before_it_ends() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    tokio::time::advance(Duration::from_secs(7200 - 61)).await;
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
}

#[tokio::test]
async fn a_rejected_token_is_renewed_and_the_call_repeated_once() {
    for errcode in [40001, 40014, 42001] {
        let wechat = WeChat::default();
        wechat.reject("T1", errcode);
        let cloud = wechat.cloud();
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
        assert_eq!(wechat.seen(), (2, 2), "{errcode}");
        // And no more than once.
        wechat.reject("T2", errcode);
        wechat.reject("T3", errcode);
        let error = accepted(&cloud).await.expect_err("rejected again");
        assert_eq!(error.err_code(), errcode);
        assert_eq!(wechat.seen(), (3, 4), "{errcode}");
    }
}

#[tokio::test]
async fn other_errors_renew_nothing() {
    let wechat = WeChat::default();
    wechat.reject("T1", 45009);
    let error = accepted(&wechat.cloud()).await.expect_err("refused");
    assert_eq!(error.err_code(), 45009);
    assert_eq!(wechat.seen(), (1, 1));
}

#[tokio::test]
async fn many_who_meet_an_expired_token_cause_one_renewal() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    accepted(&cloud).await.expect("accepted");
    wechat.reject("T1", 42001);
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let cloud = cloud.clone();
        callers.spawn(async move { accepted(&cloud).await });
    }
    for outcome in callers.join_all().await {
        assert_eq!(outcome.expect("accepted"), "T2");
    }
    assert_eq!(wechat.seen().0, 2);
}

#[tokio::test]
async fn only_if_the_rejected_token_comes_back_a_new_one_is_forced() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    wechat.reject("T1", 40001);
    assert_eq!(accepted(&wechat.cloud()).await.expect("accepted"), "T3");
    let script = wechat.script();
    assert_eq!((script.handed_out, script.forced), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_forced_no_more_often_than_wechat_allows() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    for number in 1..100 {
        wechat.reject(&format!("T{number}"), 40001);
    }
    let cloud = wechat.cloud();
    for _ in 0..10 {
        let error = accepted(&cloud).await.expect_err("always rejected");
        assert_eq!(error.err_code(), 40001);
    }
    assert_eq!(wechat.script().forced, 1);
    tokio::time::advance(Duration::from_secs(24 * 60 * 60 / 20)).await;
    accepted(&cloud).await.expect_err("always rejected");
    assert_eq!(wechat.script().forced, 2);
}

#[tokio::test]
async fn a_token_that_could_not_be_asked_for_does_not_count_as_forced() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    wechat.script().no_forcing = true;
    wechat.reject("T1", 40001);
    let store = MemoryStore::new();
    let [cloud, other] = wechat.clouds(&store);
    let error = accepted(&cloud).await.expect_err("rejected");
    assert_eq!(error.err_code(), 40001);
    wechat.script().no_forcing = false;
    assert!(accepted(&cloud).await.is_ok());
    assert!(accepted(&other).await.is_ok());
    assert_eq!(wechat.script().forced, 1);
}

#[tokio::test]
async fn a_fixed_token_is_sent_as_it_is_and_its_rejection_is_final() {
    let wechat = WeChat::default();
    wechat.reject("FIXED", 40001);
    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .access_token("FIXED")
        .transport(wechat.clone())
        .build()
        .expect("complete");
    assert_eq!(
        accepted(&cloud).await.expect_err("rejected").err_code(),
        40001
    );
    assert_eq!(wechat.seen(), (0, 1));
}

#[tokio::test]
async fn who_waits_for_a_fetch_that_fails_fails_with_it() {
    let wechat = WeChat::default();
    wechat.script().down = true;
    let cloud = wechat.cloud();
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let cloud = cloud.clone();
        callers.spawn(async move { accepted(&cloud).await });
    }
    for outcome in callers.join_all().await {
        let error = outcome.expect_err("no token");
        assert!(error.is_network() && error.err_msg().contains("cannot get an access token: down"));
    }
    assert_eq!(wechat.seen(), (1, 0));
    // The next caller tries again.
    accepted(&cloud).await.expect_err("still down");
    assert_eq!(wechat.seen(), (2, 0));
}

#[tokio::test]
async fn a_caller_that_is_dropped_leaves_its_fetch_to_the_others() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    let gate = wechat.hold(TOKENS);
    {
        let mut first = Box::pin(accepted(&cloud));
        while wechat.seen().0 == 0 {
            assert!(futures_poll(&mut first).await.is_none());
            tokio::task::yield_now().await;
        }
    }
    gate.add_permits(1);
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    assert_eq!(wechat.seen(), (1, 1));
}

async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_refusal_says_which_setting_to_check_and_not_the_secret() {
    for (reply, err_code, expected) in [
        (
            json!({"errcode": 40125, "errmsg": "invalid appsecret s3cret-canary"}),
            40125,
            "cannot get an access token: invalid appsecret ***",
        ),
        (
            json!({"errcode": 40013, "errmsg": "invalid appid"}),
            40013,
            "invalid appid",
        ),
        (
            json!({"errcode": 40164, "errmsg": "invalid ip"}),
            40164,
            "invalid ip",
        ),
        (
            json!({"access_token": "T"}),
            -604_103,
            "without an access_token and its expires_in",
        ),
        (
            json!({"access_token": "", "expires_in": 1}),
            -604_103,
            "without an access_token",
        ),
        (json!(["s3cret-canary"]), -604_103, "HTTP 200 OK without"),
    ] {
        let mock = MockTransport::replies([json_reply(reply)]);
        let error = accepted(&cloud_over(mock)).await.expect_err("no token");
        assert_eq!(error.err_code(), err_code);
        assert!(error.err_msg().contains(expected), "{error}");
        assert_eq!(error.hint().is_some(), err_code > 0, "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
