//! The cron expressions of timer triggers: seven fields, in UTC+8.
//!
//! Source: "Timer trigger" in Tencent's SCF documentation (product 583, page 9708), and the page
//! on timer triggers of WeChat's cloud development, which also says what a day and a weekday
//! together mean: either of them.

mod calendar;
mod field;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::SystemTime;

pub(crate) use calendar::Civil;
use calendar::{days_of_month, weekday};
use field::{FIELDS, Meaning};

/// What is wrong with an expression, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CronError {
    pub(crate) message: String,
    /// In bytes of the expression.
    pub(crate) range: Range<usize>,
}

/// When a timer fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    seconds: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: Meaning,
    months: BTreeSet<u32>,
    weekdays: Meaning,
    years: BTreeSet<u32>,
}

impl Schedule {
    /// Reads an expression, or says which field is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, CronError> {
        let parts: Vec<_> = text.split_whitespace().collect();
        let [second, minute, hour, day, month, of_week, year] = parts[..] else {
            let names = FIELDS.map(|field| field.name).join(" ");
            return Err(CronError {
                message: format!("{} instead of 7 fields: {names}", parts.len()),
                range: 0..text.len(),
            });
        };
        let at = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        let wrong = |index: usize, part: &str| {
            let (name, range) = (FIELDS[index].name, at(part));
            let message = format!("the {name} {part:?}");
            move |reason: String| CronError {
                message: format!("{message} {reason}"),
                range,
            }
        };
        let values = |index: usize, part: &str| {
            let read = FIELDS[index].values(part);
            read.map_err(wrong(index, part))
        };
        let meaning = |index: usize, part: &str| {
            let read = FIELDS[index].parse(part);
            read.map_err(wrong(index, part))
        };
        let schedule = Self {
            seconds: values(0, second)?,
            minutes: values(1, minute)?,
            hours: values(2, hour)?,
            days: meaning(3, day)?,
            months: values(4, month)?,
            weekdays: meaning(5, of_week)?,
            years: values(6, year)?,
        };
        if schedule.has_no_day() {
            return Err(CronError {
                message: format!("the day {day:?} is in no month {month:?}"),
                range: at(day),
            });
        }
        Ok(schedule)
    }

    /// Whether none of its months, in any year, has any of its days.
    fn has_no_day(&self) -> bool {
        const LEAP_YEAR: u32 = 2024;
        let longest = self
            .months
            .iter()
            .map(|month| days_of_month(LEAP_YEAR, *month))
            .max();
        match (&self.days, &self.weekdays) {
            (Meaning::Values(days), Meaning::Any) => days.first() > longest.as_ref(),
            (Meaning::NearestWorkday(day), Meaning::Any) => Some(*day) > longest,
            _ => false,
        }
    }

    /// The first time that is later than `time`; none when there is no more until the end of 2099.
    pub(crate) fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let now = Civil::of_platform(time);
        let start = Civil {
            time: now.time + 1,
            ..now
        };
        for &year in self.years.range(start.year..) {
            let this_year = year == start.year;
            let first_month = if this_year { start.month } else { 1 };
            for &month in self.months.range(first_month..) {
                let this_month = this_year && month == start.month;
                let first_day = if this_month { start.day } else { 1 };
                for day in first_day..=days_of_month(year, month) {
                    if !self.is_on(year, month, day) {
                        continue;
                    }
                    let today = this_month && day == start.day;
                    let first_time = if today { start.time } else { 0 };
                    if let Some(time) = self.time_from(first_time) {
                        let next = Civil {
                            year,
                            month,
                            day,
                            time,
                        };
                        return Some(next.on_platform());
                    }
                }
            }
        }
        None
    }

    /// Whether it fires on that day at all.
    fn is_on(&self, year: u32, month: u32, day: u32) -> bool {
        let is_day = || matches_day(&self.days, year, month, day);
        let is_weekday = || matches_weekday(&self.weekdays, year, month, day);
        match (&self.days, &self.weekdays) {
            (Meaning::Any, Meaning::Any) => true,
            (Meaning::Any, _) => is_weekday(),
            (_, Meaning::Any) => is_day(),
            _ => is_day() || is_weekday(),
        }
    }

    /// The first time of a day, in seconds, that is `from` or later.
    fn time_from(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        let (first_minute, first_second) = (self.minutes.first()?, self.seconds.first()?);
        if self.hours.contains(&hour) {
            if self.minutes.contains(&minute)
                && let Some(second) = self.seconds.range(second..).next()
            {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = self.minutes.range(minute + 1..).next() {
                return Some(hour * 3600 + minute * 60 + first_second);
            }
        }
        let hour = self.hours.range(hour + 1..).next()?;
        Some(hour * 3600 + first_minute * 60 + first_second)
    }
}

fn matches_day(days: &Meaning, year: u32, month: u32, day: u32) -> bool {
    let last = days_of_month(year, month);
    match days {
        Meaning::Values(days) => days.contains(&day),
        Meaning::LastDay => day == last,
        Meaning::LastWorkday => day == nearest_workday(year, month, last),
        Meaning::NearestWorkday(wanted) => {
            *wanted <= last && day == nearest_workday(year, month, *wanted)
        }
        _ => false,
    }
}

fn matches_weekday(weekdays: &Meaning, year: u32, month: u32, day: u32) -> bool {
    let of_week = weekday(year, month, day);
    match weekdays {
        Meaning::Values(weekdays) => weekdays.contains(&of_week),
        Meaning::LastWeekday(wanted) => of_week == *wanted && day + 7 > days_of_month(year, month),
        Meaning::NthWeekday(wanted, week) => of_week == *wanted && (day - 1) / 7 + 1 == *week,
        _ => false,
    }
}

/// The day from Monday to Friday that is nearest to `day` within its month. The platform's page
/// does not say what is done at the ends of a month; other schedulers stay in it.
fn nearest_workday(year: u32, month: u32, day: u32) -> u32 {
    match weekday(year, month, day) {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == days_of_month(year, month) => day - 2,
        0 => day + 1,
        _ => day,
    }
}
