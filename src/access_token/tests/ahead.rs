//! Renewal before the end, while calls go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{TOKENS, WeChat, accepted};
use crate::Cloud;

/// A handle with a fresh token.
async fn warm(wechat: &WeChat) -> Cloud {
    let cloud = wechat.cloud();
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    cloud
}

/// Lets whatever runs in the background come as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_warm_process_never_waits() {
    let wechat = WeChat::default();
    let cloud = warm(&wechat).await;
    advance(Duration::from_secs(7200 - 291)).await;
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    settle().await;
    assert_eq!(wechat.seen().0, 1, "WeChat would give the same one");

    // By now also who is last in the spread has begun.
    advance(Duration::from_secs(291 - 173)).await;
    let answer = wechat.hold(TOKENS);
    for _ in 0..10 {
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        settle().await;
    }
    assert_eq!(wechat.seen().0, 2, "one renewal, however many calls");
    answer.add_permits(1);
    settle().await;
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
    advance(Duration::from_secs(7200 - 291)).await;
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
    assert_eq!(wechat.seen().0, 2);
}

#[tokio::test(start_paused = true)]
async fn processes_do_not_renew_together() {
    let wechat = WeChat::default();
    let mut clouds = Vec::new();
    for number in 1..=64 {
        let cloud = wechat.cloud();
        let token = accepted(&cloud).await.expect("accepted");
        assert_eq!(token, format!("T{number}"));
        clouds.push(cloud);
    }
    // Each has a store of its own, so each renews when it finds it time.
    advance(Duration::from_secs(7200 - 291)).await;
    let mut most_at_once = 0;
    for _ in 0..120 {
        let before = wechat.seen().0;
        for cloud in &clouds {
            accepted(cloud).await.expect("accepted");
        }
        settle().await;
        most_at_once = most_at_once.max(wechat.seen().0 - before);
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(wechat.seen().0, 128, "every one has renewed");
    assert!(most_at_once < 16, "{most_at_once} in one second");
}

#[tokio::test(start_paused = true)]
async fn a_process_without_calls_renews_nothing() {
    let wechat = WeChat::default();
    let _cloud = warm(&wechat).await;
    tokio::time::sleep(Duration::from_secs(10_000)).await;
    assert_eq!(wechat.seen().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_disturbs_nobody_while_the_old_token_lives() {
    let wechat = WeChat::default();
    let started = Instant::now();
    let cloud = warm(&wechat).await;
    wechat.script().down = true;
    advance(Duration::from_secs(7200 - 173)).await;
    while started.elapsed() < Duration::from_secs(7199) {
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        settle().await;
        advance(Duration::from_millis(500)).await;
    }
    // After 5, 10, 20, 40 and 60 seconds, and not for each of the calls.
    let tries = wechat.seen().0 - 1;
    assert!((4..=7).contains(&tries), "{tries}");

    advance(Duration::from_secs(1)).await;
    let error = accepted(&cloud).await.expect_err("it has ended");
    assert!(error.is_network(), "{error}");
    wechat.script().down = false;
    let token = accepted(&cloud).await.expect("accepted");
    assert_eq!(token, format!("T{}", wechat.seen().0));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_brings_the_same_token_is_repeated_later() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    let cloud = warm(&wechat).await;
    advance(Duration::from_secs(7200 - 173)).await;
    let mut left = 170;
    for (seconds, asked) in [(0, 2), (1, 2), (3, 2), (1, 3), (9, 3), (1, 4)] {
        advance(Duration::from_secs(seconds)).await;
        left -= seconds;
        wechat.script().expires_in = Some(left);
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        settle().await;
        assert_eq!(wechat.seen().0, asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_during_a_renewal_that_brings_the_same_token_still_forces_another() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    let cloud = warm(&wechat).await;
    advance(Duration::from_secs(7200 - 173)).await;
    let answer = wechat.hold(TOKENS);
    accepted(&cloud).await.expect("accepted");
    settle().await;
    assert_eq!(wechat.seen().0, 2, "the renewal is under way");
    wechat.reject("T1", 40001);
    let caller = tokio::spawn(async move { accepted(&cloud).await });
    settle().await;
    answer.add_permits(1);
    assert_eq!(caller.await.expect("no panic").expect("accepted"), "T4");
    assert_eq!((wechat.seen().0, wechat.script().forced), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handles_leaves_no_task() {
    let wechat = WeChat::default();
    let cloud = warm(&wechat).await;
    advance(Duration::from_secs(7200 - 173)).await;
    let _never = wechat.hold(TOKENS);
    accepted(&cloud).await.expect("accepted");
    settle().await;
    assert_eq!(wechat.seen().0, 2, "the renewal is under way");
    let in_use = Arc::strong_count(&wechat.0);
    assert!(in_use > 1);
    drop(cloud);
    settle().await;
    assert_eq!(Arc::strong_count(&wechat.0), 1);
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 0);
}

/// As when its connection hangs, or the process was frozen since.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_holds_up_nobody_who_comes_later() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    let answer = wechat.hold(TOKENS);
    let first = tokio::spawn({
        let cloud = cloud.clone();
        async move { accepted(&cloud).await }
    });
    settle().await;
    assert_eq!(wechat.seen().0, 1);
    advance(Duration::from_millis(1499)).await;
    let joined = tokio::spawn({
        let cloud = cloud.clone();
        async move { accepted(&cloud).await }
    });
    settle().await;
    assert_eq!(wechat.seen().0, 1, "it may come yet");
    advance(Duration::from_millis(1)).await;
    let later = tokio::time::timeout(Duration::from_secs(1), accepted(&cloud)).await;
    assert_eq!(later.expect("not held up").expect("accepted"), "T2");
    // The late answer is that of an older token.
    answer.add_permits(1);
    for caller in [first, joined] {
        let token = caller.await.expect("no panic").expect("accepted");
        assert_eq!(token, "T2");
    }
    assert_eq!(wechat.seen(), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handles_ends_the_renewals_that_hang_too() {
    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    for number in 1..=3 {
        let _never = wechat.hold(TOKENS);
        let caller = tokio::spawn({
            let cloud = cloud.clone();
            async move { accepted(&cloud).await }
        });
        settle().await;
        assert_eq!(wechat.seen().0, number);
        caller.abort();
        advance(Duration::from_secs(2)).await;
    }
    drop(cloud);
    settle().await;
    assert_eq!(Arc::strong_count(&wechat.0), 1);
}

#[test]
fn without_a_runtime_the_callers_fetch_themselves() {
    use std::task::{Context, Poll, Waker};

    let wechat = WeChat::default();
    let cloud = wechat.cloud();
    let answer = wechat.hold(TOKENS);
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut first = Box::pin(accepted(&cloud));
        for _ in 0..10 {
            assert!(first.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(wechat.seen(), (1, 0));
    }
    // The next one goes on with the fetch of the one that gave up.
    answer.add_permits(1);
    let mut second = Box::pin(accepted(&cloud));
    let token = (0..100).find_map(|_| match second.as_mut().poll(&mut cx) {
        Poll::Ready(token) => Some(token),
        Poll::Pending => None,
    });
    assert_eq!(token.expect("an end").expect("accepted"), "T1");
    assert_eq!(wechat.seen(), (1, 1));
}
