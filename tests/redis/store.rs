//! What a store promises, asked of both; and what Redis gets to hold.

use std::time::Duration;

use cloudcall::access_token::{MemoryStore, RedisStore, SharedToken, TokenStore};
use redis::Commands as _;

use super::server::RedisServer;
use super::{Bed, SECRET, TOKENS, call, spawn_call, until};

fn token(text: &str, seconds: u64) -> SharedToken {
    SharedToken::new(text, Duration::from_secs(seconds))
}

/// Checks a store that is empty.
async fn keeps_its_promises(store: impl TokenStore, other: impl TokenStore) {
    let load = async |key| store.load(key).await.expect("it answers");
    let save = async |key, new: &SharedToken, rejected| {
        let stays = other.save(key, new, rejected).await.expect("it answers");
        stays.map(|it| it.token().to_owned())
    };
    let is = |shared: Option<SharedToken>, text: &str, seconds| {
        let shared = shared.expect("a token");
        assert_eq!(shared.token(), text);
        let most = Duration::from_secs(seconds);
        assert!(shared.time_left() <= most && shared.time_left() > most / 2);
    };

    assert_eq!(load("a").await, None);
    assert_eq!(save("a", &token("T1", 7200), None).await, None);
    is(load("a").await, "T1", 7200);
    assert_eq!(load("b").await, None);

    // The one that ends later is the newer one.
    assert_eq!(
        save("a", &token("T0", 7000), None).await,
        Some("T1".to_owned())
    );
    is(load("a").await, "T1", 7200);
    assert_eq!(save("a", &token("T2", 7300), None).await, None);
    is(load("a").await, "T2", 7300);
    // Unless WeChat does not accept it any more.
    let (new, other_rejected) = (token("T3", 7200), Some("T1"));
    assert_eq!(save("a", &new, other_rejected).await, Some("T2".to_owned()));
    assert_eq!(save("a", &new, Some("T2")).await, None);
    is(load("a").await, "T3", 7200);

    // What ends is gone, and does not stand in the way.
    let short = SharedToken::new("T4", Duration::from_millis(20));
    assert_eq!(save("c", &short, None).await, None);
    while load("c").await.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(save("c", &token("T5", 100), None).await, None);

    let long = Duration::from_secs(60);
    let lock = async |key, owner, time| store.lock(key, owner, time).await.expect("it answers");
    let unlock = async |key, owner| other.unlock(key, owner).await.expect("it answers");
    assert!(lock("l", "one", long).await);
    assert!(!lock("l", "two", long).await);
    assert!(lock("l", "one", long).await, "one's own can be had again");
    assert!(lock("m", "two", long).await, "another lock");
    unlock("l", "two").await;
    assert!(!lock("l", "two", long).await, "only its owner frees it");
    unlock("l", "one").await;
    assert!(lock("l", "two", Duration::from_millis(20)).await);
    // Its owner dies, and it runs out.
    while !lock("l", "one", long).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn memory_keeps_the_promises_of_a_store() {
    let store = MemoryStore::new();
    keeps_its_promises(store.clone(), store).await;
}

#[tokio::test]
async fn redis_keeps_the_promises_of_a_store() {
    let bed = Bed::new();
    keeps_its_promises(bed.store(), bed.store()).await;
}

#[tokio::test]
async fn redis_holds_no_secret_and_nothing_for_ever() {
    let bed = Bed::new();
    let cloud = bed.cloud();
    call(&cloud).await.expect("the media");
    // So that all keys are there: a token was forced, and another is being asked for.
    bed.transport.script().rejects_all = true;
    call(&cloud).await.expect_err("rejected");
    let answer = bed.transport.hold(TOKENS);
    let before = bed.token_requests();
    let renewing = spawn_call(&cloud);
    until(|| bed.token_requests() > before).await;

    let mut look = bed.redis.look();
    let mut keys: Vec<String> = look.keys("*").expect("keys");
    keys.sort();
    let of_app = ["forced", "renewal", "token"].map(|key| format!("cloudcall:wx1:{key}"));
    assert_eq!(keys, of_app);
    for key in &keys {
        let left: i64 = look.pttl(key).expect("a time");
        assert!((1..=7_200_000).contains(&left), "{key} ends in {left} ms");
        let value: String = look.get(key).expect("a text");
        assert!(!value.contains(SECRET), "{key}");
    }
    let value: String = look.get("cloudcall:wx1:token").expect("a text");
    let value: serde_json::Value = serde_json::from_str(&value).expect("JSON");
    let names: Vec<_> = value.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["accessToken", "expiresAt"]);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let ends_in = u128::from(value["expiresAt"].as_u64().expect("a number")) - now.as_millis();
    assert!((7_000_000..=7_200_000).contains(&ends_in), "{ends_in}");

    answer.add_permits(1);
    renewing.await.expect("no panic").expect_err("rejected");
}

#[tokio::test]
async fn what_others_left_under_the_key_is_replaced() {
    let bed = Bed::new();
    let mut look = bed.redis.look();
    for value in [
        "not JSON",
        "[1]",
        "7",
        r#"{"accessToken":7}"#,
        r#"{"accessToken":"T"}"#,
    ] {
        // Without an end, too.
        let _: () = look.set("cloudcall:wx1:token", value).expect("set");
        let cloud = bed.cloud();
        call(&cloud).await.expect("the media");
        let left: i64 = look.pttl("cloudcall:wx1:token").expect("a time");
        assert!(left > 0, "{value}");
    }
}

#[tokio::test]
async fn what_redis_refuses_is_an_error_that_shows_no_token() {
    let bed = Bed::new();
    let mut look = bed.redis.look();
    let _: () = look.lpush("list", "x").expect("pushed");
    let store = bed.store();
    let canary = token("token-canary", 100);
    let mut errors = vec![
        store.load("list").await.expect_err("a list"),
        store
            .save("list", &canary, Some("rejected-canary"))
            .await
            .expect_err("a list"),
    ];
    // As a proxy without scripts: its refusal quotes the arguments.
    let _: () = redis::cmd("ACL")
        .arg(&["SETUSER", "default", "-eval"])
        .query(&mut look)
        .expect("set");
    errors.push(store.save("a", &canary, None).await.expect_err("refused"));
    for error in errors {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("Redis: "), "{text}");
    }
    // And no failure of the call.
    call(&bed.cloud()).await.expect("the media");
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let server = RedisServer::start_with(Some("password-canary"));
    let store = RedisStore::new(&server.url()).expect("a URL");
    assert_eq!(store.load("a").await.expect("let in"), None);
    let wrong = server.url().replace("canary", "canary-2");
    let error = RedisStore::new(&wrong).expect("a URL").load("a").await;
    let error = error.expect_err("not let in").to_string();
    assert!(!error.contains("canary"), "{error}");
}
