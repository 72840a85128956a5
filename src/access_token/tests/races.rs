//! The races that other SDKs of WeChat had, each by the report at <https://github.com/binarywang/WxJava>
//! that describes it best. Handles that share a store stand for processes.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{MEDIA, MemoryStore, TOKENS, WeChat, accepted};
use crate::Cloud;

/// A call in the background.
fn call(cloud: &Cloud) -> tokio::task::JoinHandle<String> {
    let cloud = cloud.clone();
    tokio::spawn(async move { accepted(&cloud).await.expect("accepted") })
}

/// Lets the others run until this holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Issue 1300: every rejection expired the token that was stored, which by then was the new one.
#[tokio::test]
async fn a_late_rejection_of_an_old_token_leaves_the_new_one() {
    for errcode in [40001, 40014, 42001] {
        let wechat = WeChat::default();
        let [cloud, other] = wechat.clouds(&MemoryStore::new());
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        assert_eq!(accepted(&other).await.expect("accepted"), "T1");
        wechat.reject("T1", errcode);

        let rejection = wechat.hold(MEDIA);
        let late = call(&cloud);
        until(|| wechat.seen().1 == 3).await;
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
        rejection.add_permits(1);
        assert_eq!(late.await.expect("no panic"), "T2");
        // The other process has the old one still, and hears late of it, too.
        assert_eq!(accepted(&other).await.expect("accepted"), "T2");
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
        assert_eq!(wechat.seen().0, 2, "{errcode}");
    }
}

/// Issues 963, 1222 and 1554: whoever got the lock renewed, although the one before just had.
#[tokio::test(start_paused = true)]
async fn who_waited_for_the_lock_does_not_renew_again() {
    let wechat = WeChat::default();
    let clouds: [Cloud; 4] = wechat.clouds(&MemoryStore::new());
    for (round, expected) in [(1, "T1"), (2, "T2")] {
        let answer = wechat.hold(TOKENS);
        let mut callers = JoinSet::new();
        for number in 0..1000 {
            let cloud = clouds[number % 4].clone();
            callers.spawn(async move { accepted(&cloud).await });
        }
        until(|| wechat.seen().0 == round).await;
        // All wait now: those of the first process for its answer, the others for the lock.
        tokio::time::sleep(Duration::from_millis(500)).await;
        answer.add_permits(1);
        for outcome in callers.join_all().await {
            assert_eq!(outcome.expect("accepted"), expected);
        }
        assert_eq!(wechat.seen().0, round);
        wechat.reject(expected, 42001);
    }
}

/// Issue 324: the token was expired first and renewed then, and meanwhile the others had none.
#[tokio::test]
async fn the_old_token_is_there_until_the_new_one_is() {
    for same_again in [false, true] {
        let wechat = WeChat::default();
        wechat.script().same_again = same_again;
        let [cloud, cold] = wechat.clouds(&MemoryStore::new());
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        wechat.reject("T1", 40001);
        let answer = wechat.hold(TOKENS);
        let first = call(&cloud);
        until(|| wechat.seen().0 == 2).await;
        // WeChat still accepts it from the others, as it does for five minutes.
        wechat.script().rejected.clear();
        assert_eq!(accepted(&cold).await.expect("accepted"), "T1");
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        answer.add_permits(1);
        let new = if same_again { "T3" } else { "T2" };
        assert_eq!(first.await.expect("no panic"), new);
        assert_eq!(accepted(&cloud).await.expect("accepted"), new);
    }
}

/// Issue 369: the answer to the older of two renewals came last, and took the newer one's place.
#[tokio::test(start_paused = true)]
async fn an_older_answer_that_comes_later_does_not_win() {
    let wechat = WeChat::default();
    let [slow, quick, cold] = wechat.clouds(&MemoryStore::new());
    let answer = wechat.hold(TOKENS);
    let first = call(&slow);
    until(|| wechat.seen().0 == 1).await;
    // The first takes so long with its T1 that it counts as dead.
    assert_eq!(accepted(&quick).await.expect("accepted"), "T2");
    wechat.reject("T1", 40001);
    answer.add_permits(1);
    assert_eq!(first.await.expect("no panic"), "T2");
    for cloud in [&slow, &quick, &cold] {
        assert_eq!(accepted(cloud).await.expect("accepted"), "T2");
    }
    // No rejected one was sent, and nothing was asked for again.
    assert_eq!(wechat.seen(), (2, 5));
}

/// Issue 1293: the processes ended each other's tokens in turn.
#[tokio::test(start_paused = true)]
async fn processes_that_share_do_not_force_tokens_in_turn() {
    let wechat = WeChat::default();
    wechat.script().same_again = true;
    for number in 1..100 {
        wechat.reject(&format!("T{number}"), 40001);
    }
    let clouds: [Cloud; 5] = wechat.clouds(&MemoryStore::new());
    for expected in 1..3 {
        for cloud in clouds.iter().cycle().take(50) {
            let error = accepted(cloud).await.expect_err("always rejected");
            assert_eq!(error.err_code(), 40001);
        }
        assert_eq!(wechat.script().forced, expected);
        tokio::time::advance(Duration::from_secs(24 * 60 * 60 / 20)).await;
    }
}
