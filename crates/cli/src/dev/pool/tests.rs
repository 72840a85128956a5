use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::runner::{Caller, Source};

/// What the test makes of what the pool does.
#[derive(Debug)]
enum Event {
    /// A worker is to start: whether it does.
    Start(u64, &'static str, oneshot::Sender<Result<(), Refusal>>),
    /// A worker was handed an event: what becomes of it.
    Run(u64, String, oneshot::Sender<Run>),
    /// A worker has ended.
    Gone(u64),
    Wanted,
}

/// Workers that do what the test says.
struct Script {
    events: mpsc::UnboundedSender<Event>,
    ids: AtomicU64,
    is_current: AtomicBool,
    killed: watch::Sender<u64>,
}

struct Fake {
    id: u64,
    events: mpsc::UnboundedSender<Event>,
    killed: watch::Receiver<u64>,
}

impl Staff for Script {
    type Version = &'static str;
    type Worker = Fake;

    async fn start(&self, version: &Self::Version) -> Result<Fake, Refusal> {
        let id = 1 + self.ids.fetch_add(1, Ordering::Relaxed);
        let (answer, started) = oneshot::channel();
        let _ = self.events.send(Event::Start(id, version, answer));
        started.await.expect("the test answers")?;
        Ok(Fake {
            id,
            events: self.events.clone(),
            killed: self.killed.subscribe(),
        })
    }

    fn is_current(&self, _: &Self::Version) -> bool {
        self.is_current.load(Ordering::Relaxed)
    }

    fn wants_version(&self) {
        let _ = self.events.send(Event::Wanted);
    }

    fn begins(&self, _: WorkerId, _: &Job) {}

    fn did_not(&self, _: WorkerId) {}

    fn ended(&self, _: &Job, _: &Answer) {}
}

impl Work for Fake {
    fn id(&self) -> WorkerId {
        WorkerId(self.id)
    }

    async fn run(&mut self, job: &Job) -> Run {
        let (answer, ran) = oneshot::channel();
        let event = String::from_utf8(job.event.to_vec()).expect("UTF-8");
        let _ = self.events.send(Event::Run(self.id, event, answer));
        ran.await.expect("the test answers")
    }

    async fn ended(&self) {
        let mut killed = self.killed.clone();
        let _ = killed.wait_for(|id| *id == self.id).await;
    }

    async fn stop(self) {}
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Gone(self.id));
    }
}

/// A pool, and the other side of it.
struct Stage {
    pool: Pool<Script>,
    events: mpsc::UnboundedReceiver<Event>,
    running: HashMap<u64, oneshot::Sender<Run>>,
}

const LIMITS: Limits = Limits {
    workers: 2,
    starting: 2,
    queue: 3,
    idle: Duration::from_secs(60),
};

impl Stage {
    fn new(limits: Limits) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let script = Script {
            events: sender,
            ids: AtomicU64::new(0),
            is_current: AtomicBool::new(true),
            killed: watch::Sender::new(0),
        };
        Self {
            pool: Pool::new(script, limits, Tasks::default()),
            events,
            running: HashMap::new(),
        }
    }

    /// With the version "a".
    fn ready(limits: Limits) -> Self {
        let stage = Self::new(limits);
        stage.pool.switch(Arc::new("a"), false);
        stage
    }

    /// A request, which is in the pool by the return of this.
    async fn ask(&self, event: &str) -> JoinHandle<Result<String, Refusal>> {
        let job = Job {
            request_id: "id".into(),
            event: Bytes::from(event.to_owned()),
            caller: Caller::default(),
            source: Source::Http,
        };
        let pool = self.pool.clone();
        let asked = tokio::spawn(async move {
            let answer = pool.invoke(Arc::new(job)).await?;
            let text = String::from_utf8_lossy(&answer.end.body()).into_owned();
            Ok(format!("{text} by {} v{}", answer.worker, answer.version))
        });
        tokio::task::yield_now().await;
        asked
    }

    async fn event(&mut self) -> Event {
        self.events.recv().await.expect("the pool is there")
    }

    /// Nothing happens until everything waits.
    async fn nothing(&mut self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(self.events.is_empty(), "{:?}", self.events.recv().await);
    }

    async fn starts(&mut self) -> (u64, &'static str) {
        let (id, version, answer) = self.starting().await;
        answer.send(Ok(())).expect("the pool waits");
        (id, version)
    }

    async fn starting(&mut self) -> (u64, &'static str, oneshot::Sender<Result<(), Refusal>>) {
        match self.event().await {
            Event::Start(id, version, answer) => (id, version, answer),
            other => panic!("{other:?}"),
        }
    }

    async fn runs(&mut self) -> (u64, String) {
        match self.event().await {
            Event::Run(id, event, answer) => {
                self.running.insert(id, answer);
                (id, event)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn gone(&mut self) -> u64 {
        match self.event().await {
            Event::Gone(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn wanted(&mut self) {
        let event = self.event().await;
        assert!(matches!(event, Event::Wanted), "{event:?}");
    }

    fn ends(&mut self, id: u64, run: Run) {
        let answer = self.running.remove(&id).expect("it runs");
        answer.send(run).expect("the pool waits");
    }

    fn answers(&mut self, id: u64, text: &'static str) {
        self.ends(id, Run::Done(End::Result(text.into())));
    }
}

fn broken() -> Refusal {
    Refusal::new(Why::Broken, "it died")
}

async fn of(asked: JoinHandle<Result<String, Refusal>>) -> Result<String, Refusal> {
    asked.await.expect("no panic")
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first() {
    let mut stage = Stage::ready(Limits {
        workers: 1,
        ..LIMITS
    });
    let mut asked = Vec::new();
    for event in ["1", "2", "3"] {
        asked.push(stage.ask(event).await);
    }
    assert_eq!(stage.starts().await, (1, "a"));
    for (event, asked) in ["1", "2", "3"].into_iter().zip(asked) {
        assert_eq!(stage.runs().await, (1, event.into()));
        stage.answers(1, "done");
        assert_eq!(of(asked).await.as_deref(), Ok("done by 1 v1"));
    }
    stage.nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_fails_on_half_of_a_change_fails_nobody() {
    let mut stage = Stage::ready(LIMITS);
    let asked = stage.ask("1").await;
    let (_, _, answer) = stage.starting().await;
    let is_current = &stage.pool.staff().is_current;
    is_current.store(false, Ordering::Relaxed);
    answer.send(Err(broken())).expect("the pool waits");
    stage.wanted().await;
    assert!(stage.pool.look().is_held);
    let is_current = &stage.pool.staff().is_current;
    is_current.store(true, Ordering::Relaxed);
    stage.pool.switch(Arc::new("b"), false);
    assert_eq!(stage.starts().await.1, "b");
    let (worker, _) = stage.runs().await;
    stage.answers(worker, "done");
    assert_eq!(of(asked).await.as_deref(), Ok("done by 2 v2"));
}

#[tokio::test(start_paused = true)]
async fn few_start_at_the_same_time() {
    let mut stage = Stage::ready(Limits {
        workers: 3,
        starting: 1,
        ..LIMITS
    });
    let mut asked = Vec::new();
    for event in ["1", "2", "3"] {
        asked.push(stage.ask(event).await);
    }
    let (_, _, first) = stage.starting().await;
    stage.nothing().await;
    first.send(Ok(())).expect("the pool waits");
    assert_eq!(stage.runs().await.0, 1);
    // The next one starts while the first one works, and is not needed in the end.
    let (_, _, second) = stage.starting().await;
    for _ in ["1", "2"] {
        stage.answers(1, "done");
        assert_eq!(stage.runs().await.0, 1);
    }
    stage.answers(1, "done");
    for asked in asked {
        of(asked).await.expect("an answer");
    }
    second.send(Ok(())).expect("the pool waits");
    stage.nothing().await;
    assert_eq!(stage.pool.look().workers, 2);
}

#[tokio::test(start_paused = true)]
async fn workers_are_as_many_as_needed_and_end_when_idle() {
    let mut stage = Stage::ready(LIMITS);
    let asked = [
        stage.ask("1").await,
        stage.ask("2").await,
        stage.ask("3").await,
    ];
    // The first is there at once, others when that proves to be too few.
    let (_, _, started) = stage.starting().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    stage.nothing().await;
    let asked_at = Instant::now();
    started.send(Ok(())).expect("the pool waits");
    assert_eq!(stage.runs().await, (1, "1".into()));
    assert_eq!(stage.starts().await.0, 2);
    assert_eq!(asked_at.elapsed(), Duration::from_millis(10));
    assert_eq!(stage.runs().await, (2, "2".into()));
    tokio::time::advance(Duration::from_secs(1)).await;
    stage.nothing().await;
    assert_eq!(stage.pool.look().waiting, 1);
    stage.answers(2, "b");
    assert_eq!(stage.runs().await, (2, "3".into()));
    stage.answers(1, "a");
    stage.answers(2, "c");
    for asked in asked {
        of(asked).await.expect("an answer");
    }

    // The one that was free last takes the next, so that the other can end.
    tokio::time::advance(Duration::from_secs(59)).await;
    let asked = stage.ask("4").await;
    assert_eq!(stage.runs().await, (2, "4".into()));
    stage.answers(2, "d");
    of(asked).await.expect("an answer");
    let answered_at = Instant::now();
    assert_eq!(stage.gone().await, 1);
    assert_eq!(stage.pool.look().workers, 1);
    assert_eq!(stage.gone().await, 2);
    assert_eq!(stage.pool.look().workers, 0);
    // Since its own last answer, whenever it was started.
    assert_eq!(answered_at.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn workers_may_stay_as_good_as_for_ever() {
    let mut stage = Stage::ready(Limits {
        idle: Duration::MAX,
        ..LIMITS
    });
    let first = stage.ask("1").await;
    stage.starts().await;
    stage.runs().await;
    stage.answers(1, "x");
    of(first).await.expect("an answer");
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    stage.nothing().await;
    let _second = stage.ask("2").await;
    assert_eq!(stage.runs().await, (1, "2".into()));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_nobody_waits() {
    let mut stage = Stage::ready(Limits {
        workers: 1,
        queue: 2,
        ..LIMITS
    });
    let first = stage.ask("1").await;
    stage.starts().await;
    stage.runs().await;
    let (second, third) = (stage.ask("2").await, stage.ask("3").await);
    let refusal = of(stage.ask("4").await).await.expect_err("too many");
    assert_eq!(refusal.why, Why::QueueFull);
    assert!(refusal.text().contains("--queue"), "{refusal:?}");

    // Who has gone away takes no place.
    third.abort();
    let _ = third.await;
    let fifth = stage.ask("5").await;
    for event in ["2", "5"] {
        stage.answers(1, "x");
        assert_eq!(stage.runs().await, (1, event.into()));
    }
    stage.answers(1, "x");
    for asked in [first, second, fifth] {
        assert_eq!(of(asked).await.as_deref(), Ok("x by 1 v1"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_gone_away_costs_no_invocation_but_ends_none() {
    let mut stage = Stage::ready(Limits {
        workers: 1,
        ..LIMITS
    });
    let asked = [
        stage.ask("1").await,
        stage.ask("2").await,
        stage.ask("3").await,
    ];
    stage.starts().await;
    assert_eq!(stage.runs().await.1, "1");
    let [first, second, third] = asked;
    for gone in [first, second] {
        gone.abort();
        let _ = gone.await;
    }
    stage.nothing().await;
    stage.answers(1, "x");
    assert_eq!(stage.runs().await.1, "3");
    stage.answers(1, "y");
    assert_eq!(of(third).await.as_deref(), Ok("y by 1 v1"));
}

#[tokio::test(start_paused = true)]
async fn a_new_version_takes_over_and_busy_workers_end_in_order() {
    let mut stage = Stage::ready(LIMITS);
    let (first, second) = (stage.ask("1").await, stage.ask("2").await);
    for _ in 0..2 {
        stage.starts().await;
        stage.runs().await;
    }
    stage.answers(2, "x");
    of(second).await.expect("an answer");

    // Worker 1 is busy, 2 is free.
    stage.pool.hold();
    let third = stage.ask("3").await;
    stage.nothing().await;
    stage.pool.switch(Arc::new("b"), false);
    let mut seen = Vec::new();
    for _ in 0..2 {
        match stage.event().await {
            Event::Gone(id) => seen.push(format!("{id} is gone")),
            Event::Start(id, version, answer) => {
                seen.push(format!("{id} starts {version}"));
                answer.send(Ok(())).expect("the pool waits");
            }
            other => panic!("{other:?}"),
        }
    }
    seen.sort();
    assert_eq!(seen, ["2 is gone", "3 starts b"]);
    assert_eq!(stage.runs().await, (3, "3".into()));
    stage.answers(3, "new");
    assert_eq!(of(third).await.as_deref(), Ok("new by 3 v2"));

    stage.answers(1, "old");
    assert_eq!(of(first).await.as_deref(), Ok("old by 1 v1"));
    assert_eq!(stage.gone().await, 1);
    assert_eq!(stage.pool.look().workers, 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_starts_when_its_version_is_over_serves_nobody() {
    let mut stage = Stage::ready(LIMITS);
    let asked = stage.ask("1").await;
    let (old, _, started) = stage.starting().await;
    stage.pool.switch(Arc::new("b"), false);
    let (new, version) = stage.starts().await;
    assert_eq!(version, "b");
    assert_eq!(stage.runs().await, (new, "1".into()));
    started.send(Ok(())).expect("the pool waits");
    assert_eq!(stage.gone().await, old);
    stage.answers(new, "x");
    assert_eq!(of(asked).await.as_deref(), Ok("x by 2 v2"));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_has_told_of_holds_the_request() {
    let mut stage = Stage::ready(LIMITS);
    let asked = stage.ask("1").await;
    stage
        .pool
        .staff()
        .is_current
        .store(false, Ordering::Relaxed);
    let (old, _) = stage.starts().await;
    stage.wanted().await;
    stage.nothing().await;
    assert!(stage.pool.look().is_held);
    stage.pool.staff().is_current.store(true, Ordering::Relaxed);
    stage.pool.switch(Arc::new("b"), false);
    let mut new = 0;
    for _ in 0..2 {
        match stage.event().await {
            Event::Gone(id) => assert_eq!(id, old),
            Event::Start(id, "b", answer) => {
                new = id;
                answer.send(Ok(())).expect("the pool waits");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.runs().await, (new, "1".into()));
    stage.answers(new, "x");
    assert_eq!(of(asked).await.as_deref(), Ok("x by 2 v2"));
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_did_not_take_goes_to_another() {
    let mut stage = Stage::ready(Limits {
        workers: 1,
        ..LIMITS
    });
    let (first, second) = (stage.ask("1").await, stage.ask("2").await);
    stage.starts().await;
    assert_eq!(stage.runs().await, (1, "1".into()));
    stage.ends(1, Run::NotTaken(broken()));
    let mut ids = Vec::new();
    for _ in 0..2 {
        match stage.event().await {
            Event::Gone(id) => ids.push(id),
            Event::Start(id, _, answer) => {
                ids.push(id);
                answer.send(Ok(())).expect("the pool waits");
            }
            other => panic!("{other:?}"),
        }
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    // Still before the one that came after it.
    assert_eq!(stage.runs().await, (2, "1".into()));
    stage.answers(2, "x");
    assert_eq!(of(first).await.as_deref(), Ok("x by 2 v1"));
    assert_eq!(stage.runs().await, (2, "2".into()));
    stage.answers(2, "y");
    assert_eq!(of(second).await.as_deref(), Ok("y by 2 v1"));
}

#[tokio::test(start_paused = true)]
async fn what_kills_every_worker_is_given_up() {
    let mut stage = Stage::ready(Limits {
        workers: 1,
        ..LIMITS
    });
    let asked = stage.ask("1").await;
    for _ in 0..3 {
        loop {
            match stage.event().await {
                Event::Gone(_) => {}
                Event::Start(_, _, answer) => answer.send(Ok(())).expect("the pool waits"),
                Event::Run(_, _, answer) => {
                    answer.send(Run::NotTaken(broken())).expect("it waits");
                    break;
                }
                Event::Wanted => panic!("a version is there"),
            }
        }
    }
    assert_eq!(of(asked).await, Err(broken()));
    assert_eq!(stage.pool.look().workers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_start_fails_those_whom_nobody_else_serves() {
    let mut stage = Stage::ready(LIMITS);
    let (first, second) = (stage.ask("1").await, stage.ask("2").await);
    stage.starts().await;
    assert_eq!(stage.runs().await, (1, "1".into()));
    let (_, _, fails) = stage.starting().await;
    fails.send(Err(broken())).expect("the pool waits");
    stage.answers(1, "x");
    assert_eq!(stage.runs().await, (1, "2".into()));
    stage.answers(1, "x");
    for asked in [first, second] {
        assert_eq!(of(asked).await.as_deref(), Ok("x by 1 v1"));
    }

    let mut stage = Stage::ready(LIMITS);
    let both = [stage.ask("1").await, stage.ask("2").await];
    let (_, _, fails) = stage.starting().await;
    fails.send(Err(broken())).expect("the pool waits");
    for asked in both {
        assert_eq!(of(asked).await, Err(broken()));
    }
    // And the next is tried anew.
    let asked = stage.ask("3").await;
    stage.starts().await;
    stage.runs().await;
    stage.answers(2, "x");
    of(asked).await.expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn a_free_worker_that_dies_is_not_counted_on() {
    let mut stage = Stage::ready(LIMITS);
    stage.pool.switch(Arc::new("b"), true);
    let (id, _) = stage.starts().await;
    stage.nothing().await;
    assert_eq!(stage.pool.look().workers, 1);
    stage.pool.staff().killed.send_replace(id);
    assert_eq!(stage.gone().await, id);
    assert_eq!(stage.pool.look().workers, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_version_requests_wait_for_one_or_for_the_reason() {
    let mut stage = Stage::new(LIMITS);
    let first = stage.ask("1").await;
    stage.wanted().await;
    stage.pool.fail(&broken());
    assert_eq!(of(first).await, Err(broken()));

    let second = stage.ask("2").await;
    stage.wanted().await;
    stage.pool.refuse(broken());
    assert_eq!(of(second).await, Err(broken()));
    // Not asked for again: nothing has changed.
    assert_eq!(of(stage.ask("3").await).await, Err(broken()));
    stage.nothing().await;

    stage.pool.switch(Arc::new("a"), false);
    let fourth = stage.ask("4").await;
    stage.starts().await;
    stage.runs().await;
    stage.answers(1, "x");
    assert_eq!(of(fourth).await.as_deref(), Ok("x by 1 v1"));
}

#[tokio::test(start_paused = true)]
async fn requests_that_need_not_wait_long_start_no_further_worker() {
    let mut stage = Stage::ready(LIMITS);
    let mut asked = vec![stage.ask("x").await];
    stage.starts().await;
    for _ in 0..20 {
        asked.push(stage.ask("x").await);
        assert_eq!(stage.runs().await.0, 1);
        tokio::time::advance(Duration::from_millis(6)).await;
        stage.answers(1, "x");
    }
    assert_eq!(stage.runs().await.0, 1);
    stage.answers(1, "x");
    for asked in asked {
        assert_eq!(of(asked).await.as_deref(), Ok("x by 1 v1"));
    }
    stage.nothing().await;
    assert_eq!(stage.pool.look().workers, 1);
}
