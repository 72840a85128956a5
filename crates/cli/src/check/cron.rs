//! The cron expressions of timer triggers: seven fields, in UTC+8.
//!
//! Source: "Timer trigger" in Tencent's SCF documentation (product 583, page 9708), and the page
//! on timer triggers of WeChat's cloud development.

use std::ops::Range;

/// What is wrong with an expression, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CronError {
    pub(super) message: String,
    /// In bytes of the expression.
    pub(super) range: Range<usize>,
}

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of values, the first of which is `least`.
    names: &'static [&'static str],
    /// What may stand there besides values, ranges and steps.
    special: &'static str,
}

const MONTHS: &[&str] = &[
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[rustfmt::skip]
const FIELDS: [Field; 7] = [
    Field { name: "second", least: 0, most: 59, names: &[], special: "" },
    Field { name: "minute", least: 0, most: 59, names: &[], special: "" },
    Field { name: "hour", least: 0, most: 23, names: &[], special: "" },
    Field { name: "day", least: 1, most: 31, names: &[], special: "?LW" },
    Field { name: "month", least: 1, most: 12, names: MONTHS, special: "" },
    Field { name: "weekday", least: 0, most: 6, names: DAYS, special: "?L#" },
    Field { name: "year", least: 1970, most: 2099, names: &[], special: "" },
];

/// The days of each month, in a leap year.
const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Checks an expression, and says which field is wrong.
pub(super) fn check(text: &str) -> Result<(), CronError> {
    let parts: Vec<_> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let names = FIELDS.map(|field| field.name).join(" ");
        return Err(CronError {
            message: format!("{} instead of 7 fields: {names}", parts.len()),
            range: 0..text.len(),
        });
    }
    let at = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    };
    for (field, part) in FIELDS.iter().zip(&parts) {
        field.check(part).map_err(|reason| CronError {
            message: format!("the {} {part:?} {reason}", field.name),
            range: at(part),
        })?;
    }
    if let (Some(days), Some(months)) = (plain(parts[3], &FIELDS[3]), plain(parts[4], &FIELDS[4]))
        && matches!(parts[5], "*" | "?")
    {
        let longest = months
            .iter()
            .map(|month| LENGTHS[*month as usize - 1])
            .max();
        if days.iter().min() > longest.as_ref() {
            return Err(CronError {
                message: format!("the day {:?} is in no month {:?}", parts[3], parts[4]),
                range: at(parts[3]),
            });
        }
    }
    Ok(())
}

/// The values of a list without anything else in it.
fn plain(part: &str, field: &Field) -> Option<Vec<u32>> {
    part.split(',').map(|item| field.value(item).ok()).collect()
}

impl Field {
    fn check(&self, part: &str) -> Result<(), String> {
        if self.is_special(part)? {
            return Ok(());
        }
        part.split(',').try_for_each(|item| self.item(item))
    }

    /// Whether it is one of the special forms: `?`, `L`, `LW`, `15W`, `5L`, `5#2`.
    fn is_special(&self, part: &str) -> Result<bool, String> {
        if part == "?" && self.allows('?') {
            return Ok(true);
        }
        if self.name == "day" {
            if matches!(part, "L" | "LW") {
                return Ok(true);
            }
            if let Some(day) = part.strip_suffix('W') {
                return self.value(day).map(|_| true);
            }
        }
        if self.name == "weekday" {
            if let Some(day) = part.strip_suffix('L') {
                return match day {
                    "" => Err("needs a weekday before L, as in 5L".into()),
                    day => self.value(day).map(|_| true),
                };
            }
            if let Some((day, week)) = part.split_once('#') {
                self.value(day)?;
                return match week.parse() {
                    Ok(1..=5_u32) => Ok(true),
                    _ => Err("counts the week after # from 1 to 5".into()),
                };
            }
        }
        Ok(false)
    }

    fn allows(&self, special: char) -> bool {
        self.special.contains(special)
    }

    /// `*`, `5`, `1-5`, and each with a step: `*/5`, `1/10`, `10-20/5`.
    fn item(&self, item: &str) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        if let Some(step) = step {
            match number(step) {
                Some(0) => return Err("has a step of 0".into()),
                Some(step) if step <= self.most => {}
                _ => return Err(format!("has a step that is no number up to {}", self.most)),
            }
        }
        if range == "*" {
            return Ok(());
        }
        match range.split_once('-') {
            None => self.value(range).map(|_| ()),
            Some((from, to)) => {
                let (from, to) = (self.value(from)?, self.value(to)?);
                if from > to {
                    return Err("is a range that runs backwards".into());
                }
                Ok(())
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_examples_are_right() {
        for text in [
            "*/5 * * * * * *",
            "0 0 2 1 * * *",
            "0 15 10 * * MON-FRI *",
            "0 0 10,14,16 * * * *",
            "0 */30 9-17 * * * *",
            "0 0 12 * * WED *",
            "33 22 11 6 7 * 2021",
            "00 00 20 25 10 * 2021",
            "0 0 0 L * ? *",
            "0 0 0 LW * ? *",
            "0 0 0 10W 5 ? *",
            "0 0 0 ? * 5L *",
            "0 0 0 ? * 6#3 *",
            "0 0 0 1/10 JAN,jul ? 2024-2030",
            "0 0 0 29 2 ? *",
            "0 0 0 31 2 MON *",
            "0  0\t0 1 1 0 1970",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_wrong_field_is_named() {
        for (text, message, range) in [
            (
                "0 2 1 * *",
                "5 instead of 7 fields: second minute hour day month weekday year",
                0..9,
            ),
            (
                "60 * * * * * *",
                "the second \"60\" must be from 0 to 59",
                0..2,
            ),
            (
                "0 0 24 * * * *",
                "the hour \"24\" must be from 0 to 23",
                4..6,
            ),
            ("0 0 0 0 * * *", "the day \"0\" must be from 1 to 31", 6..7),
            (
                "0 0 0 * 13 * *",
                "the month \"13\" must be from 1 to 12, or JAN to DEC",
                8..10,
            ),
            (
                "0 0 0 * * 7 *",
                "the weekday \"7\" must be from 0 to 6, or SUN to SAT",
                10..11,
            ),
            (
                "0 0 0 * * * 1969",
                "the year \"1969\" must be from 1970 to 2099",
                12..16,
            ),
            ("0 ? 0 * * * *", "the minute \"?\" cannot have ?", 2..3),
            ("0 0 0 * * 5W *", "the weekday \"5W\" cannot have W", 10..12),
            (
                "0 0 0 * * L *",
                "the weekday \"L\" needs a weekday before L, as in 5L",
                10..11,
            ),
            (
                "0 0 0 * * 1#6 *",
                "the weekday \"1#6\" counts the week after # from 1 to 5",
                10..13,
            ),
            (
                "*/0 * * * * * *",
                "the second \"*/0\" has a step of 0",
                0..3,
            ),
            (
                "*/x * * * * * *",
                "the second \"*/x\" has a step that is no number up to 59",
                0..3,
            ),
            (
                "0 30-10 * * * * *",
                "the minute \"30-10\" is a range that runs backwards",
                2..7,
            ),
            (
                "0 1,,2 * * * * *",
                "the minute \"1,,2\" must be from 0 to 59",
                2..6,
            ),
            (
                "0 0 0 31 4,6 ? *",
                "the day \"31\" is in no month \"4,6\"",
                6..8,
            ),
            (
                "0 0 0 32W * ? *",
                "the day \"32W\" must be from 1 to 31",
                6..9,
            ),
        ] {
            let error = check(text).expect_err(text);
            assert_eq!(
                (error.message.as_str(), error.range),
                (message, range),
                "{text}"
            );
        }
    }
}
