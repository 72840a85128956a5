//! Timers with a clock that the test sets.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use http::StatusCode;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::deliver::{Answered, Deliver};
use super::*;

/// 2026-11-25 00:00:00 in UTC.
const START: u64 = 1_795_564_800;

/// Gives each delivery to the test.
struct Recorded(mpsc::UnboundedSender<(Delivery, Instant)>);

#[async_trait]
impl Deliver for Recorded {
    async fn functions(&self) -> Vec<(String, std::path::PathBuf)> {
        Vec::new()
    }

    async fn emulator(&self) -> Option<cloudcall_emulator::Emulator> {
        None
    }

    async fn app_id(&self) -> String {
        "wx1".into()
    }

    async fn deliver(&self, delivery: Delivery) -> Answered {
        let _ = self.0.send((delivery, Instant::now()));
        Answered {
            status: StatusCode::OK,
            body: "null".into(),
        }
    }
}

struct Bench {
    triggers: Triggers,
    deliveries: mpsc::UnboundedReceiver<(Delivery, Instant)>,
    /// How far the clock on the wall was set, in seconds.
    set: Arc<AtomicI64>,
    started: Instant,
}

fn bench() -> Bench {
    let (sender, deliveries) = mpsc::unbounded_channel();
    let set = Arc::new(AtomicI64::new(0));
    let started = Instant::now();
    let shift = Arc::clone(&set);
    let clock = move || {
        let seconds = START.saturating_add_signed(shift.load(Ordering::SeqCst));
        UNIX_EPOCH + Duration::from_secs(seconds) + started.elapsed()
    };
    let triggers = Triggers::new(Some(Arc::new(Recorded(sender))), Arc::new(clock), Printer);
    Bench {
        triggers,
        deliveries,
        set,
        started,
    }
}

fn trigger(cron: &str) -> Option<Trigger> {
    let text = format!(r#"{{"triggers":[{{"name":"t","type":"timer","config":"{cron}"}}]}}"#);
    Trigger::of_config(&text).expect("right")
}

impl Bench {
    /// The next delivery: the time in its event, and how long after the start it came.
    async fn next(&mut self) -> (String, u64) {
        let (delivery, at) = self.deliveries.recv().await.expect("a delivery");
        assert_eq!((delivery.function.as_str(), delivery.by), ("f", By::Timer));
        let event: serde_json::Value = serde_json::from_str(&delivery.event).expect("JSON");
        let time = event["Time"].as_str().expect("Time").to_owned();
        (time, (at - self.started).as_secs())
    }

    async fn is_silent_for(&mut self, seconds: u64) -> bool {
        let limit = Duration::from_secs(seconds);
        timeout(limit, self.deliveries.recv()).await.is_err()
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_at_each_of_its_times_once() {
    let mut bench = bench();
    bench.triggers.set("f", trigger("0 */10 * * * * *"));
    for (time, after) in [("00:10", 600), ("00:20", 1200), ("00:30", 1800)] {
        let expected = format!("2026-11-25T{time}:00Z");
        assert_eq!(bench.next().await, (expected, after));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_trigger_takes_the_place_of_the_one_before() {
    let mut bench = bench();
    bench.triggers.set("f", trigger("0 0 * * * * *"));
    bench.triggers.set("f", trigger("0 30 * * * * *"));
    assert_eq!(bench.next().await.1, 1800);
    assert_eq!(bench.next().await.1, 5400, "the first is gone");
    bench.triggers.set("f", None);
    assert!(bench.is_silent_for(86_400).await);
    assert_eq!(bench.triggers.shown("f"), None);
}

#[tokio::test(start_paused = true)]
async fn dropping_them_ends_the_timers() {
    let mut bench = bench();
    bench.triggers.set("f", trigger("* * * * * * *"));
    bench.next().await;
    bench.triggers = Triggers::new(None, Arc::new(SystemTime::now), Printer);
    // One may be on its way.
    while bench.deliveries.recv().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn what_was_slept_through_is_not_made_up_for() {
    let mut bench = bench();
    bench.triggers.set("f", trigger("0 */10 * * * * *"));
    assert_eq!(bench.next().await.1, 600);
    // An hour passes in no time, as when the machine sleeps: 00:10:00 to 01:10:00.
    bench.set.store(3600, Ordering::SeqCst);
    let (time, after) = bench.next().await;
    assert_eq!((time.as_str(), after), ("2026-11-25T01:20:00Z", 1200));
}

#[tokio::test(start_paused = true)]
async fn no_time_is_fired_twice_when_the_clock_is_set_back() {
    let mut bench = bench();
    bench.triggers.set("f", trigger("0 */10 * * * * *"));
    assert_eq!(bench.next().await.1, 600);
    bench.set.store(-300, Ordering::SeqCst);
    let (time, after) = bench.next().await;
    assert_eq!((time.as_str(), after), ("2026-11-25T00:20:00Z", 1500));
}

#[tokio::test]
async fn timers_that_are_not_fired_are_shown() {
    let clock = || UNIX_EPOCH + Duration::from_secs(START);
    let triggers = Triggers::new(None, Arc::new(clock), Printer);
    triggers.set("f", trigger("0 0 9 * * * *"));
    assert_eq!(
        triggers.shown("f").as_deref(),
        Some("timer t, next: 2026-11-25 09:00:00 (UTC+8), in 1 h (not fired without --triggers)")
    );
    assert_eq!(triggers.shown("g"), None);
}

#[tokio::test]
async fn what_is_wrong_is_said_when_it_is_new() {
    let triggers = Triggers::new(None, Arc::new(SystemTime::now), Printer);
    let wrong = Err(TriggerError::Type);
    let other = Err(TriggerError::NoCron);
    assert_eq!(triggers.newly_wrong("f", &wrong), Some(&TriggerError::Type));
    assert_eq!(triggers.newly_wrong("f", &wrong), None, "said already");
    assert_eq!(triggers.newly_wrong("g", &wrong), Some(&TriggerError::Type));
    assert_eq!(
        triggers.newly_wrong("f", &other),
        Some(&TriggerError::NoCron)
    );
    assert_eq!(triggers.newly_wrong("f", &Ok(None)), None);
    assert_eq!(
        triggers.newly_wrong("f", &other),
        Some(&TriggerError::NoCron),
        "again"
    );
}
