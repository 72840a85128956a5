//! One timer trigger, as a `config.json` has it, and the event that it gives.

use std::time::SystemTime;

use jsonc_parser::JsonValue;
use serde_json::json;

use crate::check::is_trigger_name;
use crate::cron::{Civil, Schedule};
use crate::runner::jsonc;

/// A timer with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) schedule: Schedule,
}

/// What is wrong with a trigger; `cloudcall check` says where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TriggerError {
    #[error("\"triggers\" must be a list of one object")]
    NoList,
    #[error("there are {0} triggers: the platform takes one for each function")]
    Several(usize),
    #[error("the only type of a trigger is \"timer\"")]
    Type,
    #[error("the trigger has no name, or one that is not allowed")]
    Name,
    #[error("the trigger's \"config\" must be a cron expression")]
    NoCron,
    #[error("wrong cron expression: {0}")]
    Cron(String),
}

impl Trigger {
    /// The trigger in the text of a `config.json`. One that cannot be read has none.
    pub(crate) fn of_config(text: &str) -> Result<Option<Self>, TriggerError> {
        let Ok(Some(JsonValue::Object(root))) = jsonc::parse(text) else {
            return Ok(None);
        };
        let list = match root.get("triggers") {
            None => return Ok(None),
            Some(JsonValue::Array(list)) => list,
            Some(_) => return Err(TriggerError::NoList),
        };
        if list.len() > 1 {
            return Err(TriggerError::Several(list.len()));
        }
        let Some(trigger) = list.iter().next() else {
            return Ok(None);
        };
        let JsonValue::Object(trigger) = trigger else {
            return Err(TriggerError::NoList);
        };
        if trigger
            .get_string("type")
            .is_none_or(|kind| kind != "timer")
        {
            return Err(TriggerError::Type);
        }
        let name = trigger.get_string("name").filter(|it| is_trigger_name(it));
        let name = name.ok_or(TriggerError::Name)?.to_string();
        let config = trigger.get_string("config").ok_or(TriggerError::NoCron)?;
        match Schedule::parse(config) {
            Ok(schedule) => Ok(Some(Self { name, schedule })),
            Err(error) => Err(TriggerError::Cron(error.message)),
        }
    }

    /// The event at a time, as the trigger event messages of Tencent's SCF are documented (product 583, page
    /// 31439). No message can be set in a `config.json`.
    pub(crate) fn event(&self, time: SystemTime) -> String {
        let time = format!("{}Z", Civil::of_utc(time).text('T'));
        json!({"Type": "Timer", "TriggerName": self.name, "Time": time, "Message": ""}).to_string()
    }

    /// When it is next, for people: `next: 2026-12-01 02:00:00 (UTC+8), in 5 d 18 h`.
    pub(crate) fn next_text(&self, now: SystemTime) -> String {
        match self.schedule.next_after(now) {
            None => "never again".into(),
            Some(next) => {
                let date = Civil::of_platform(next).text(' ');
                let wait = next.duration_since(now).unwrap_or_default();
                // A second that has begun counts: what is due then is not due now.
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                format!("next: {date} (UTC+8), in {}", span(seconds))
            }
        }
    }
}

/// A span of time in its two largest units.
fn span(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    units[largest..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// 2026-11-25 08:00:00 (UTC+8), and a bit.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_795_564_800_250)
    }

    fn trigger(cron: &str) -> Trigger {
        let text = format!(
            r#"{{ "triggers": [{{"name": "myTrigger", "type": "timer", "config": "{cron}"}}], }}"#
        );
        let trigger = Trigger::of_config(&text).expect("right");
        trigger.expect("there is one")
    }

    #[test]
    fn the_event_is_the_platforms() {
        let time = UNIX_EPOCH + Duration::from_secs(1_550_749_740);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&trigger("0 * * * * * *").event(time)).ok(),
            Some(json!({
                "Type": "Timer", "TriggerName": "myTrigger",
                "Time": "2019-02-21T11:49:00Z", "Message": "",
            }))
        );
    }

    #[test]
    fn the_next_time_is_said() {
        for (cron, text) in [
            (
                "0 0 2 1 * * *",
                "next: 2026-12-01 02:00:00 (UTC+8), in 5 d 18 h",
            ),
            (
                "0 0 8 26 * * *",
                "next: 2026-11-26 08:00:00 (UTC+8), in 1 d",
            ),
            (
                "30 5 8 * * * *",
                "next: 2026-11-25 08:05:30 (UTC+8), in 5 min 30 s",
            ),
            ("* * * * * * *", "next: 2026-11-25 08:00:01 (UTC+8), in 1 s"),
            ("0 0 0 1 1 * 2020", "never again"),
        ] {
            assert_eq!(trigger(cron).next_text(now()), text, "{cron}");
        }
    }

    #[test]
    fn what_is_no_trigger_is_said() {
        let read = Trigger::of_config;
        for text in ["", "{", "[]", "{}", r#"{"triggers":[]}"#] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
        for (text, error) in [
            (r#"{"triggers":{}}"#, TriggerError::NoList),
            (r#"{"triggers":[1]}"#, TriggerError::NoList),
            (r#"{"triggers":[{},{}]}"#, TriggerError::Several(2)),
            (r#"{"triggers":[{"type":"Timer"}]}"#, TriggerError::Type),
            (
                r#"{"triggers":[{"type":"timer","name":"1"}]}"#,
                TriggerError::Name,
            ),
            (
                r#"{"triggers":[{"type":"timer","name":"a"}]}"#,
                TriggerError::NoCron,
            ),
            (
                r#"{"triggers":[{"type":"timer","name":"a","config":"60 * * * * * *"}]}"#,
                TriggerError::Cron("the second \"60\" must be from 0 to 59".into()),
            ),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }
}
