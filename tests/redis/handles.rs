//! Handles with connections of their own to one Redis, as processes have them; among the tests
//! are the races that other SDKs had (see the tests of the SDK) where a store takes part in them.

use std::time::Duration;

use redis::Commands as _;
use tokio::task::JoinSet;

use super::{Bed, MEDIA, TOKENS, call, spawn_call, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_of_two_handles_cause_one_request_a_period() {
    let bed = Bed::new();
    let clouds = [bed.cloud(), bed.cloud()];
    // The first meets no token, the others meet 42001.
    for period in 1..=3 {
        let mut callers = JoinSet::new();
        for number in 0..1000 {
            let cloud = clouds[number % 2].clone();
            callers.spawn(async move { call(&cloud).await });
        }
        for outcome in callers.join_all().await {
            outcome.expect("the media");
        }
        assert_eq!(bed.token_requests(), period);
        bed.end_tokens();
    }
}

#[tokio::test]
async fn a_late_rejection_of_an_old_token_leaves_the_new_one() {
    let bed = Bed::new();
    let [cloud, other] = [bed.cloud(), bed.cloud()];
    call(&cloud).await.expect("the media");
    call(&other).await.expect("the media");
    bed.force().await;
    let before = bed.token_requests();

    let rejection = bed.transport.hold(MEDIA);
    let late = spawn_call(&cloud);
    until(|| bed.emulator.journal().count(MEDIA) == 3).await;
    call(&cloud).await.expect("the media");
    rejection.add_permits(1);
    late.await.expect("no panic").expect("the media");
    // The other one hears of it later still.
    call(&other).await.expect("the media");
    assert_eq!(bed.token_requests() - before, 1);
    let rejected = bed.emulator.journal().entries();
    let rejected = rejected.iter().filter(|entry| entry.errcode == 40001);
    assert_eq!(rejected.count(), 3);
}

#[tokio::test]
async fn who_waited_for_the_lock_does_not_renew_again() {
    let bed = Bed::new();
    let clouds = [bed.cloud(), bed.cloud(), bed.cloud()];
    let answer = bed.transport.hold(TOKENS);
    let first = spawn_call(&clouds[0]);
    until(|| bed.token_requests() == 1).await;
    let mut waiting: Vec<_> = clouds.iter().map(spawn_call).collect();
    waiting.push(first);
    // Each of them has looked, and has to wait.
    let mut look = bed.redis.look();
    until_asked(&mut look, 20).await;
    answer.add_permits(1);
    for caller in waiting {
        caller.await.expect("no panic").expect("the media");
    }
    assert_eq!(bed.token_requests(), 1);
}

/// Lets the others run until Redis was asked so much more often.
async fn until_asked(look: &mut redis::Connection, more: u64) {
    let mut asked = || -> u64 {
        let info: redis::InfoDict = redis::cmd("INFO").arg("stats").query(look).expect("info");
        info.get("total_commands_processed").expect("a number")
    };
    // Each question counts itself, so the others' are what goes beyond.
    let (start, mut own) = (asked(), 0);
    while asked() < start + own + more {
        own += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_old_token_is_there_until_the_new_one_is() {
    let bed = Bed::new();
    let [cloud, cold] = [bed.cloud(), bed.cloud()];
    call(&cloud).await.expect("the media");
    let mut look = bed.redis.look();
    let old: String = look.get("cloudcall:wx1:token").expect("there");
    bed.force().await;
    let answer = bed.transport.hold(TOKENS);
    let first = spawn_call(&cloud);
    until(|| bed.token_requests() == 3).await;
    let meanwhile: String = look.get("cloudcall:wx1:token").expect("still there");
    assert_eq!(meanwhile, old);
    answer.add_permits(1);
    first.await.expect("no panic").expect("the media");
    let new: String = look.get("cloudcall:wx1:token").expect("there");
    assert_ne!(new, old);
    call(&cold).await.expect("the media");
    assert_eq!(bed.token_requests(), 3);
}

#[tokio::test]
async fn an_older_answer_that_comes_later_does_not_win() {
    let bed = Bed::new();
    let [slow, quick, cold] = [bed.cloud(), bed.cloud(), bed.cloud()];
    let answer = bed.transport.hold(TOKENS);
    let first = spawn_call(&slow);
    until(|| bed.token_requests() == 1).await;
    // The token in that answer ends, and the lock of who waits for it runs out.
    bed.force().await;
    let mut look = bed.redis.look();
    let _: () = look.del("cloudcall:wx1:renewal").expect("deleted");
    call(&quick).await.expect("the media");
    let new: String = look.get("cloudcall:wx1:token").expect("there");
    answer.add_permits(1);
    first.await.expect("no panic").expect("the media");
    let still: String = look.get("cloudcall:wx1:token").expect("there");
    assert_eq!(still, new);
    for cloud in [&slow, &quick, &cold] {
        call(cloud).await.expect("the media");
    }
    assert_eq!(bed.token_requests(), 3);
    let entries = bed.emulator.journal().entries();
    assert!(entries.iter().all(|entry| entry.errcode == 0));
}

#[tokio::test]
async fn a_token_is_forced_once_for_all() {
    let bed = Bed::new();
    let clouds = [bed.cloud(), bed.cloud(), bed.cloud()];
    // WeChat rejects what it hands out, as it may when its own machines disagree.
    bed.transport.script().rejects_all = true;
    for cloud in clouds.iter().cycle().take(12) {
        let error = call(cloud).await.expect_err("rejected");
        assert_eq!(error.err_code(), 40001);
    }
    assert_eq!(bed.transport.script().forced, 1);
}

#[tokio::test]
async fn a_holder_that_died_is_not_waited_for_long() {
    let bed = Bed::new();
    let mut look = bed.redis.look();
    let options = redis::SetOptions::default().with_expiration(redis::SetExpiry::PX(200));
    let _: () = look
        .set_options("cloudcall:wx1:renewal", "dead", options)
        .expect("set");
    call(&bed.cloud()).await.expect("the media");
    call(&bed.cloud()).await.expect("the media");
    assert_eq!(bed.token_requests(), 1);
    // Its own lock was freed.
    let locked: bool = look.exists("cloudcall:wx1:renewal").expect("an answer");
    assert!(!locked);
}

#[tokio::test]
async fn tokens_of_an_emulator_stay_among_themselves() {
    let bed = Bed::new();
    let of_emulator = || {
        cloudcall::Cloud::builder()
            .permissions(cloudcall::Permissions::allow([
                "customerServiceMessage.getTempMedia",
            ]))
            .app_secret("wx1", super::SECRET)
            .token_store(bed.store())
            .api_base("http://127.0.0.1:1/")
            .transport(bed.transport.clone())
            .build()
            .expect("complete")
    };
    call(&bed.cloud()).await.expect("the media");
    call(&of_emulator()).await.expect("the media");
    call(&of_emulator()).await.expect("the media");
    assert_eq!(bed.token_requests(), 2);
    let mut keys: Vec<String> = bed.redis.look().keys("*").expect("keys");
    keys.sort();
    assert_eq!(
        keys,
        ["cloudcall:wx1:token", "cloudcall:wx1@127.0.0.1:1:token"]
    );
}
