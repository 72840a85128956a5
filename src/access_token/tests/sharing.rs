//! One token for many handles, holders that die, and a store that is away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::{SharedToken, StoreError, TokenStore};
use super::{MemoryStore, WeChat, accepted, builder_over};
use crate::Cloud;

const TOKEN: &str = "cloudcall:wx1:token";
const LOCK: &str = "cloudcall:wx1:renewal";

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_that_meet_42001_cause_one_renewal_in_two_processes() {
    let wechat = WeChat::default();
    let clouds: [Cloud; 2] = wechat.clouds(&MemoryStore::new());
    for cloud in &clouds {
        assert_eq!(accepted(cloud).await.expect("accepted"), "T1");
    }
    wechat.reject("T1", 42001);
    let mut callers = JoinSet::new();
    for number in 0..1000 {
        let cloud = clouds[number % 2].clone();
        callers.spawn(async move { accepted(&cloud).await });
    }
    for outcome in callers.join_all().await {
        assert_eq!(outcome.expect("accepted"), "T2");
    }
    assert_eq!(wechat.seen().0, 2);
}

#[tokio::test(start_paused = true)]
async fn processes_ask_once_in_a_period() {
    let wechat = WeChat::default();
    let clouds: [Cloud; 8] = wechat.clouds(&MemoryStore::new());
    // A call of each every 20 seconds, for four periods.
    for _ in 0..4 * 360 {
        for cloud in &clouds {
            accepted(cloud).await.expect("accepted");
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    // Each begins 290 to 174 seconds before the last ends: four, and a fifth at most.
    assert!((4..=5).contains(&wechat.seen().0), "{:?}", wechat.seen());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_dies_is_not_waited_for_long() {
    // It died just now; or a while ago, and its lock runs out soon.
    for (left, longest) in [(5000, 1600), (1000, 1100)] {
        let store = MemoryStore::new();
        let time = Duration::from_millis(left);
        assert!(store.lock(LOCK, "dead", time).await.expect("in memory"));
        let wechat = WeChat::default();
        let [cloud, other] = wechat.clouds(&store);
        let started = Instant::now();
        assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
        let took = started.elapsed();
        assert!(took < Duration::from_millis(longest), "{took:?}");
        // What came of it is shared, lock or no lock.
        assert_eq!(accepted(&other).await.expect("accepted"), "T1");
        assert_eq!(wechat.seen().0, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_given_up_frees_its_lock() {
    let store = MemoryStore::new();
    let wechat = WeChat::default();
    let [cloud, other] = wechat.clouds(&store);
    let _never = wechat.hold(super::TOKENS);
    let caller = tokio::spawn(async move { accepted(&cloud).await });
    while wechat.seen().0 == 0 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    let started = Instant::now();
    assert_eq!(accepted(&other).await.expect("accepted"), "T2");
    assert!(started.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn after_a_rejection_an_older_token_of_the_store_is_not_tried() {
    let store = MemoryStore::new();
    let wechat = WeChat::default();
    let [cloud] = wechat.clouds(&store);
    let shared = |token, seconds| SharedToken::new(token, Duration::from_secs(seconds));
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    // As when a server with old data takes over.
    let old = store.save(TOKEN, &shared("T0", 7100), Some("T1")).await;
    assert_eq!(old.expect("in memory"), None);
    wechat.reject("T0", 40001);
    wechat.reject("T1", 40001);
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
    // And what has almost ended is not begun with.
    let rejected = Some("T2");
    let saved = store.save(TOKEN, &shared("T9", 60), rejected).await;
    assert_eq!(saved.expect("in memory"), None);
    let [cold] = wechat.clouds(&store);
    assert_eq!(accepted(&cold).await.expect("accepted"), "T3");
}

/// What this process knows to be rejected it does not take back from a store that keeps it.
#[tokio::test(start_paused = true)]
async fn a_rejected_token_that_the_store_holds_for_longer_is_not_used_again() {
    let store = MemoryStore::new();
    let wechat = WeChat::default();
    let [cloud] = wechat.clouds(&store);
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T1");
    wechat.reject("T1", 40001);
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T2");
    let old = SharedToken::new("T1", Duration::from_secs(9000));
    let saved = store.save(TOKEN, &old, Some("T2")).await;
    assert_eq!(saved.expect("in memory"), None);
    wechat.reject("T2", 40001);
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T3");
}

/// A store that can be away, or as a replica of Redis can be read and not be written.
#[derive(Clone, Default)]
struct Moody {
    store: MemoryStore,
    away: Arc<AtomicBool>,
    read_only: bool,
    asked: Arc<AtomicUsize>,
}

impl Moody {
    fn mood(&self) -> Result<&MemoryStore, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError::new("gone fishing"));
        }
        Ok(&self.store)
    }

    fn mood_to_write(&self) -> Result<&MemoryStore, StoreError> {
        if self.read_only {
            return Err(StoreError::new("read only"));
        }
        self.mood()
    }
}

#[async_trait]
impl TokenStore for Moody {
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError> {
        self.mood()?.load(key).await
    }

    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError> {
        self.mood_to_write()?.save(key, token, rejected).await
    }

    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        self.mood_to_write()?.lock(key, owner, time).await
    }

    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        self.mood_to_write()?.unlock(key, owner).await
    }
}

/// A store where another process shares a token just before this one gets the lock.
struct Overtaken(MemoryStore);

#[async_trait]
impl TokenStore for Overtaken {
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError> {
        self.0.load(key).await
    }

    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError> {
        self.0.save(key, token, rejected).await
    }

    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let of_other = SharedToken::new("T-other", Duration::from_secs(7200));
        self.0.save(TOKEN, &of_other, None).await?;
        self.0.lock(key, owner, time).await
    }

    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        self.0.unlock(key, owner).await
    }
}

#[tokio::test]
async fn who_gets_the_lock_looks_once_more() {
    let wechat = WeChat::default();
    let store = MemoryStore::new();
    let builder = builder_over(wechat.clone()).token_store(Overtaken(store.clone()));
    let cloud = builder.build().expect("complete");
    assert_eq!(accepted(&cloud).await.expect("accepted"), "T-other");
    assert_eq!(wechat.seen().0, 0);
    // And frees it again.
    let lock = store.lock(LOCK, "another", Duration::from_secs(1)).await;
    assert!(lock.expect("in memory"));
}

/// Keeps what is logged, with its level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("cloudcall")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                line.push_str(&format!(" {field}={value:?}"));
            },
        );
        self.0.lock().expect("no panic").push(line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_written_is_one_outage_however_often_it_is_read() {
    let log = Log::default();
    let _logged = tracing::subscriber::set_default(log.clone());
    let wechat = WeChat::default();
    let builder = builder_over(wechat.clone()).token_store(Moody {
        read_only: true,
        ..Moody::default()
    });
    let cloud = builder.build().expect("complete");
    for number in 1..=3 {
        let token = accepted(&cloud).await.expect("accepted");
        assert_eq!(token, format!("T{number}"));
        wechat.reject(&token, 42001);
    }
    let lines = log.0.lock().expect("no panic");
    let count = |level| lines.iter().filter(|line| line.starts_with(level)).count();
    assert_eq!((count("WARN"), count("INFO")), (1, 0), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_a_warning_for_each_outage_and_no_failure() {
    let log = Log::default();
    let _logged = tracing::subscriber::set_default(log.clone());
    let store = Moody::default();
    let wechat = WeChat::default();
    let cloud = || {
        let builder = builder_over(wechat.clone()).token_store(store.clone());
        builder.build().expect("complete")
    };
    let one = cloud();
    for outage in 0..2 {
        store.away.store(true, Ordering::Relaxed);
        for call in 1..=3 {
            let latest = format!("T{}", wechat.seen().0);
            wechat.reject(&latest, 42001);
            // Tokens that follow each other faster than WeChat lets them cannot be told by their ends.
            tokio::time::advance(Duration::from_secs(30)).await;
            let asked = store.asked.load(Ordering::Relaxed);
            let token = accepted(&one).await.expect("accepted");
            assert_eq!(token, format!("T{}", 4 * outage + call));
            // One failure is enough to know: each costs time.
            assert_eq!(store.asked.load(Ordering::Relaxed) - asked, 1);
        }
        store.away.store(false, Ordering::Relaxed);
        wechat.reject(&format!("T{}", wechat.seen().0), 42001);
        let token = accepted(&one).await.expect("accepted");
        assert_eq!(accepted(&cloud()).await.expect("accepted"), token);
    }
    let lines = log.0.lock().expect("no panic");
    let count = |level| lines.iter().filter(|line| line.starts_with(level)).count();
    assert_eq!((count("WARN"), count("INFO")), (2, 2), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("gone fishing")));
    assert!(!lines.iter().any(|line| line.contains("canary")));
}
