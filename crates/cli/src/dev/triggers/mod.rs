//! The timers of functions: shown, and fired if that is wanted.

mod trigger;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::deliver::{By, Deliverer, Delivery};
use crate::cron::Civil;
use crate::printer::Printer;
pub(crate) use trigger::{Trigger, TriggerError};

/// How long a timer sleeps at once. The clock that is slept by may stand still while the machine
/// sleeps, and the clock on the wall may be set.
const NAP: Duration = Duration::from_secs(30);

/// A timer that is later than this has missed its time.
const LATE: Duration = Duration::from_secs(5);

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The timers of all functions. When it is dropped, they end; invocations that have begun do not.
pub(crate) struct Triggers {
    /// None where timers are only shown.
    deliverer: Option<Deliverer>,
    clock: Clock,
    printer: Printer,
    timers: Mutex<HashMap<String, Timer>>,
    /// What was said of triggers that are wrong, by function, so that it is said once.
    wrong: Mutex<HashMap<String, TriggerError>>,
}

struct Timer {
    trigger: Trigger,
    task: Option<JoinHandle<()>>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Triggers {
    /// Timers that are fired by a deliverer, or only shown without one.
    pub(crate) fn new(deliverer: Option<Deliverer>, clock: Clock, printer: Printer) -> Self {
        Self {
            deliverer,
            clock,
            printer,
            timers: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// Reads the triggers of these functions, and says what is new. Other functions have none any
    /// more.
    pub(crate) fn follow(&self, configs: &[(String, PathBuf)]) {
        for function in self.read(configs) {
            match self.shown(function) {
                Some(shown) => self.printer.done(format_args!("{function}  {shown}")),
                None => self
                    .printer
                    .done(format_args!("{function}  no timer any more")),
            }
        }
    }

    /// The same, but gives the functions of which something is new.
    pub(crate) fn read<'a>(&self, configs: &'a [(String, PathBuf)]) -> Vec<&'a str> {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        timers.retain(|known, _| configs.iter().any(|(function, _)| function == known));
        drop(timers);
        let mut new = Vec::new();
        for (function, config) in configs {
            let text = std::fs::read_to_string(config).unwrap_or_default();
            let read = Trigger::of_config(&text);
            if let Some(error) = self.newly_wrong(function, &read) {
                let printer = self.printer;
                printer.warning(format_args!("{function}: {error}; it has no timer"));
            }
            let trigger = read.ok().flatten();
            if self.set(function, trigger) {
                new.push(function.as_str());
            }
        }
        new
    }

    /// What is wrong with a trigger, if that was not said before.
    fn newly_wrong<'a>(
        &self,
        function: &str,
        read: &'a Result<Option<Trigger>, TriggerError>,
    ) -> Option<&'a TriggerError> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = read else {
            wrong.remove(function);
            return None;
        };
        let before = wrong.insert(function.to_owned(), error.clone());
        (before.as_ref() != Some(error)).then_some(error)
    }

    /// From now on, this is the function's trigger; says whether that is new. One that stays the
    /// same goes on. In a Tokio runtime.
    pub(crate) fn set(&self, function: &str, trigger: Option<Trigger>) -> bool {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(trigger) = trigger else {
            return timers.remove(function).is_some();
        };
        if timers.get(function).is_some_and(|it| it.trigger == trigger) {
            return false;
        }
        let task = self.deliverer.as_ref().map(|deliverer| {
            let firing = Firing {
                function: function.to_owned(),
                trigger: trigger.clone(),
                deliverer: Arc::clone(deliverer),
                clock: Arc::clone(&self.clock),
                printer: self.printer,
            };
            tokio::spawn(firing.run())
        });
        timers.insert(function.to_owned(), Timer { trigger, task });
        true
    }

    /// What there is to say of a function's timer.
    pub(crate) fn shown(&self, function: &str) -> Option<String> {
        let timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let Timer { trigger, .. } = timers.get(function)?;
        let next = trigger.next_text((self.clock)());
        let not_fired = match self.deliverer {
            Some(_) => "",
            None => " (not fired without --triggers)",
        };
        Some(format!("timer {}, {next}{not_fired}", trigger.name))
    }
}

/// A timer that fires.
struct Firing {
    function: String,
    trigger: Trigger,
    deliverer: Deliverer,
    clock: Clock,
    printer: Printer,
}

impl Firing {
    /// Fires at each time once. Times that the machine has slept through are not made up for, and
    /// those that come again because a clock was set back are not fired again.
    async fn run(self) {
        let mut last = (self.clock)();
        while let Some(next) = self.trigger.schedule.next_after(last) {
            let late = loop {
                let now = (self.clock)();
                match next.duration_since(now) {
                    Ok(wait) if !wait.is_zero() => sleep(wait.min(NAP)).await,
                    _ => break now.duration_since(next).unwrap_or_default(),
                }
            };
            if late <= LATE {
                self.fire(next);
                last = next;
            } else {
                self.printer.note(format_args!(
                    "{}: the timer {} missed {} (UTC+8): this machine was asleep, and it is not made up for",
                    self.function,
                    self.trigger.name,
                    Civil::of_platform(next).text(' '),
                ));
                last = next.max((self.clock)());
            }
        }
    }

    /// Nobody waits for the function, as on the platform.
    fn fire(&self, time: SystemTime) {
        let delivery = Delivery {
            function: self.function.clone(),
            event: self.trigger.event(time),
            by: By::Timer,
        };
        let deliverer = Arc::clone(&self.deliverer);
        tokio::spawn(async move {
            // Whoever delivers also tells how it ended.
            deliverer.deliver(delivery).await;
        });
    }
}

#[cfg(test)]
mod tests;
