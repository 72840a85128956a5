//! The faults of an emulator at work: which one a request meets.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::effect::Effect;
use super::schedule::Turn;
use super::{Fault, Rule};
use crate::ids::Ids;

/// The faults of an [`Emulator`](crate::Emulator), to be changed while it runs.
///
/// A cheap handle: clones are the same faults.
///
/// ```
/// use cloudcall_emulator::Emulator;
///
/// let emulator = Emulator::builder().build()?;
/// emulator.faults().add("customerServiceMessage.send:busy".parse()?);
/// let listed = emulator.faults().list();
/// assert_eq!(listed[0].fault, "customerServiceMessage.send:errcode=-1,times=2");
/// assert_eq!((listed[0].matched, listed[0].fired), (0, 0));
/// emulator.faults().clear();
/// assert!(emulator.faults().list().is_empty());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Over HTTP
///
/// The emulator serves them at `/_emulator/faults`, where nothing is faulted and nothing goes into
/// the journal:
///
/// | request | does |
/// |---|---|
/// | `GET` | lists: `{"faults":[{"fault":"errcode=-1,times=2","matched":5,"fired":2}]}` |
/// | `POST` with `Content-Type: application/json` | adds: a SPEC as a JSON string, or a list of such; all or, if one is wrong, none |
/// | `DELETE` | clears |
///
/// Each answers with the list as it is then. What is wrong is said as
/// `{"errcode":400,"errmsg":…}`, with the errcode as HTTP status.
///
/// ```sh
/// curl -d '"rate-limited"' -H 'Content-Type: application/json' http://127.0.0.1:PORT/_emulator/faults
/// curl -X DELETE http://127.0.0.1:PORT/_emulator/faults
/// ```
///
/// A web page cannot change them: a browser asks before it sends another site JSON or a `DELETE`,
/// and gets no permission; a request with an `Origin`, as browsers send it, is refused with 403;
/// and the guards against foreign names in `Host` hold here, too.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    active: Mutex<Vec<Active>>,
    /// For the seeds that are not given.
    ids: Ids,
    /// Wakes those that faults keep waiting. Holds how many servers are closing.
    released: watch::Sender<usize>,
}

/// Changes when those that faults keep waiting are let go.
pub(super) type Released = watch::Receiver<usize>;

/// While this lives, faults keep nobody waiting.
pub(crate) struct Closing(Faults);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.0.released.send_if_modified(|closing| {
            *closing -= 1;
            false
        });
    }
}

struct Active {
    rule: Rule,
    turn: Turn,
}

/// How often a fault was met. A preset of several parts has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FaultStatus {
    /// The SPEC, with each part of it spelt out, and with the seed that was drawn: the same again
    /// does the same.
    pub fault: String,
    /// The requests that reached it and are of its kind.
    pub matched: u64,
    /// Those that it happened to.
    pub fired: u64,
}

/// What a request meets.
#[derive(Debug)]
pub(super) struct Met {
    /// To wait before anything else.
    pub(super) delay: Duration,
    /// None where there is only the delay.
    pub(super) effect: Option<Effect>,
    /// For the journal.
    pub(super) name: Arc<str>,
    pub(super) released: Released,
}

impl Faults {
    pub(crate) fn new(ids: Ids) -> Self {
        Self(Arc::new(Inner {
            active: Mutex::default(),
            ids,
            released: watch::Sender::default(),
        }))
    }

    /// Adds a fault, behind those that are there.
    pub fn add(&self, fault: Fault) {
        let mut active = self.locked();
        for mut rule in fault.rules {
            let schedule = &mut rule.schedule;
            if schedule.probability.is_some() && schedule.seed.is_none() {
                schedule.seed = Some(self.0.ids.fault_seed());
            }
            let turn = Turn::new(rule.schedule.clone());
            active.push(Active { rule, turn });
        }
    }

    /// Takes all faults away. Connections that get no answer are closed, and what is slow by a
    /// fault goes on at once.
    pub fn clear(&self) {
        let mut active = self.locked();
        active.clear();
        self.0.released.send_modify(|_| {});
    }

    /// For a server that closes: lets go of those that wait, and of those that come until it has.
    pub(crate) fn closing(&self) -> Closing {
        self.0.released.send_modify(|closing| *closing += 1);
        Closing(self.clone())
    }

    /// The faults in their order, also those that will not happen again.
    pub fn list(&self) -> Vec<FaultStatus> {
        let status = |active: &Active| {
            let (matched, fired) = active.turn.counts();
            FaultStatus {
                fault: active.rule.to_string(),
                matched,
                fired,
            }
        };
        self.locked().iter().map(status).collect()
    }

    /// What the next request of this path meets, which counts it.
    pub(super) fn meet(&self, path: &str, has_token: impl Fn() -> bool) -> Option<Met> {
        let mut active = self.locked();
        let mut delay = Duration::ZERO;
        let mut delayed_by = None;
        for Active { rule, turn } in active.iter_mut() {
            let concerned = rule.place.holds(path) && (!rule.effect.needs_token() || has_token());
            if !concerned || !turn.next() {
                continue;
            }
            if let Effect::Delay(time) = rule.effect {
                delay += time;
                delayed_by = Some(&rule.effect);
                continue;
            }
            return Some(self.met(delay, Some(rule.effect.clone()), &rule.effect));
        }
        delayed_by.map(|name| self.met(delay, None, name))
    }

    fn met(&self, delay: Duration, effect: Option<Effect>, name: &Effect) -> Met {
        let mut released = self.0.released.subscribe();
        if *released.borrow() > 0 {
            released.mark_changed();
        }
        Met {
            delay,
            effect,
            name: name.to_string().into(),
            released,
        }
    }

    fn locked(&self) -> impl std::ops::DerefMut<Target = Vec<Active>> {
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: &str = "/cgi-bin/media/get";

    fn faults(specs: &[&str]) -> Faults {
        let faults = Faults::new(Ids::new(Some(1)));
        for spec in specs {
            faults.add(spec.parse().expect(spec));
        }
        faults
    }

    /// The names of what a few requests meet.
    fn names(faults: &Faults, requests: usize) -> Vec<String> {
        let meet = |_| match faults.meet(MEDIA, || true) {
            Some(met) => met.name.to_string(),
            None => String::new(),
        };
        (0..requests).map(meet).collect()
    }

    fn counts(faults: &Faults) -> Vec<(u64, u64)> {
        let status = faults.list();
        status.iter().map(|it| (it.matched, it.fired)).collect()
    }

    #[test]
    fn the_first_that_happens_decides_and_those_behind_do_not_count_it() {
        let faults = faults(&["token:busy", "status=503,times=2", "errcode=45009,every=2"]);
        assert_eq!(
            names(&faults, 6),
            [
                "status=503",
                "status=503",
                "",
                "errcode=45009",
                "",
                "errcode=45009"
            ]
        );
        assert_eq!(counts(&faults), [(0, 0), (6, 2), (4, 2)]);
    }

    #[test]
    fn delays_add_up_and_do_not_decide() {
        let faults = faults(&["delay=1s", "delay=2s,once", "reset,once"]);
        let met = faults.meet(MEDIA, || true).expect("all three");
        assert_eq!(
            (met.delay, &*met.name),
            (Duration::from_secs(3), "reset=before")
        );
        let met = faults.meet(MEDIA, || true).expect("the first");
        assert_eq!(
            (met.delay, &*met.name),
            (Duration::from_secs(1), "delay=1s")
        );
        assert_eq!(met.effect, None);
    }

    #[test]
    fn a_request_without_a_token_leaves_it_for_one_with_it() {
        let faults = faults(&["all:token-expired"]);
        assert!(faults.meet(MEDIA, || false).is_none());
        assert!(faults.meet(MEDIA, || true).is_some());
        assert_eq!(counts(&faults), [(1, 1)]);
    }

    #[test]
    fn every_nth_is_exact_under_concurrency() {
        let faults = faults(&["garbage,every=3,times=1000"]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| names(&faults, 600));
            }
        });
        assert_eq!(counts(&faults), [(4800, 1000)]);
    }

    #[test]
    fn nobody_waits_who_comes_while_a_server_closes() {
        let faults = faults(&["no-answer"]);
        let waits = || {
            let met = faults.meet(MEDIA, || true).expect("always");
            !met.released.has_changed().expect("the faults are there")
        };
        assert!(waits());
        let closing = faults.closing();
        let other = faults.closing();
        assert!(!waits());
        drop(closing);
        assert!(!waits());
        drop(other);
        assert!(waits());
    }

    #[test]
    fn a_seed_that_is_not_given_is_drawn_and_told() {
        let one = faults(&["cut,probability=0.5"]);
        let told = one.list()[0].fault.clone();
        assert!(told.starts_with("cut,probability=0.5,seed="), "{told}");
        let other = faults(&[&told]);
        assert_eq!(names(&one, 100), names(&other, 100));

        let by_chance = || Faults::new(Ids::new(None));
        let (one, other) = (by_chance(), by_chance());
        for faults in [&one, &other] {
            faults.add("cut,probability=0.5".parse().expect("a fault"));
        }
        assert_ne!(one.list(), other.list());
    }
}
