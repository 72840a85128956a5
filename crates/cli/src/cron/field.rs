//! The seven fields of an expression: what may stand there, and the values it means.

use std::collections::BTreeSet;

pub(super) struct Field {
    pub(super) name: &'static str,
    least: u32,
    most: u32,
    /// Names of values, the first of which is `least`.
    names: &'static [&'static str],
    /// What may stand there besides values, ranges and steps.
    special: &'static str,
}

/// What a field means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `*` or `?`: nothing in particular.
    Any,
    Values(BTreeSet<u32>),
    /// `L` of the days: the last one of the month.
    LastDay,
    /// `LW`: the last one from Monday to Friday.
    LastWorkday,
    /// `15W`: the one from Monday to Friday that is nearest, in the same month.
    NearestWorkday(u32),
    /// `5L`: the last Friday.
    LastWeekday(u32),
    /// `5#2`: the second Friday.
    NthWeekday(u32, u32),
}

const MONTHS: &[&str] = &[
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[rustfmt::skip]
pub(super) const FIELDS: [Field; 7] = [
    Field { name: "second", least: 0, most: 59, names: &[], special: "" },
    Field { name: "minute", least: 0, most: 59, names: &[], special: "" },
    Field { name: "hour", least: 0, most: 23, names: &[], special: "" },
    Field { name: "day", least: 1, most: 31, names: &[], special: "?LW" },
    Field { name: "month", least: 1, most: 12, names: MONTHS, special: "" },
    Field { name: "weekday", least: 0, most: 6, names: DAYS, special: "?L#" },
    Field { name: "year", least: 1970, most: 2099, names: &[], special: "" },
];

impl Field {
    pub(super) fn parse(&self, part: &str) -> Result<Meaning, String> {
        if part == "*" {
            return Ok(Meaning::Any);
        }
        if let Some(special) = self.special(part)? {
            return Ok(special);
        }
        let mut values = BTreeSet::new();
        for item in part.split(',') {
            values.extend(self.item(item)?);
        }
        Ok(Meaning::Values(values))
    }

    /// The values of a field that has no special forms.
    pub(super) fn values(&self, part: &str) -> Result<BTreeSet<u32>, String> {
        Ok(match self.parse(part)? {
            Meaning::Values(values) => values,
            _ => (self.least..=self.most).collect(),
        })
    }

    /// The special forms: `?`, `L`, `LW`, `15W`, `5L`, `5#2`.
    fn special(&self, part: &str) -> Result<Option<Meaning>, String> {
        if part == "?" && self.allows('?') {
            return Ok(Some(Meaning::Any));
        }
        if self.name == "day" {
            return Ok(match (part, part.strip_suffix('W')) {
                ("L", _) => Some(Meaning::LastDay),
                ("LW", _) => Some(Meaning::LastWorkday),
                (_, Some(day)) => Some(Meaning::NearestWorkday(self.value(day)?)),
                (_, None) => None,
            });
        }
        if self.name == "weekday" {
            if let Some(day) = part.strip_suffix('L') {
                return match day {
                    "" => Err("needs a weekday before L, as in 5L".into()),
                    day => Ok(Some(Meaning::LastWeekday(self.value(day)?))),
                };
            }
            if let Some((day, week)) = part.split_once('#') {
                let day = self.value(day)?;
                return match week.parse() {
                    Ok(week @ 1..=5) => Ok(Some(Meaning::NthWeekday(day, week))),
                    _ => Err("counts the week after # from 1 to 5".into()),
                };
            }
        }
        Ok(None)
    }

    fn allows(&self, special: char) -> bool {
        self.special.contains(special)
    }

    /// `*`, `5`, `1-5`, and each with a step: `*/5`, `1/10`, `10-20/5`.
    fn item(&self, item: &str) -> Result<impl Iterator<Item = u32> + use<>, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let step = match step.map(number) {
            None => None,
            Some(Some(0)) => return Err("has a step of 0".into()),
            Some(Some(step)) if step <= self.most => Some(step),
            Some(_) => return Err(format!("has a step that is no number up to {}", self.most)),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            None => {
                let from = self.value(range)?;
                // With a step, from there on.
                (from, step.map_or(from, |_| self.most))
            }
            Some((from, to)) => (self.value(from)?, self.value(to)?),
        };
        if from > to {
            return Err("is a range that runs backwards".into());
        }
        Ok((from..=to).step_by(step.unwrap_or(1) as usize))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = |name: &&str| name.eq_ignore_ascii_case(text);
        if let Some(at) = self.names.iter().position(named) {
            return Ok(self.least + at as u32);
        }
        let within = |number: &u32| (self.least..=self.most).contains(number);
        number(text).filter(within).ok_or_else(|| {
            let special = text.chars().find(|letter| "?LW#".contains(*letter));
            match special {
                Some(letter) if !self.allows(letter) => format!("cannot have {letter}"),
                _ => match self.names {
                    [] => format!("must be from {} to {}", self.least, self.most),
                    [first, .., last] => format!(
                        "must be from {} to {}, or {first} to {last}",
                        self.least, self.most
                    ),
                    [_] => "is no name".into(),
                },
            }
        })
    }
}

/// Digits only: Rust would take `+5` for a number, too.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
