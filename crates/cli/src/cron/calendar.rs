//! Dates of the Gregorian calendar, and the platform's clock: UTC+8, without daylight saving time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the platform's clock is ahead of UTC, in seconds.
const AHEAD: i64 = 8 * 3600;

pub(super) const SECONDS_OF_DAY: i64 = 24 * 3600;

/// A date and a time of the day, on some clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(super) year: u32,
    pub(super) month: u32,
    pub(super) day: u32,
    /// Seconds since midnight.
    pub(super) time: u32,
}

impl Civil {
    /// What the platform's clock shows at a time; the time is rounded down to a second.
    pub(crate) fn of_platform(time: SystemTime) -> Self {
        Self::of_seconds(unix_seconds(time) + AHEAD)
    }

    /// What a clock in UTC shows at a time.
    pub(crate) fn of_utc(time: SystemTime) -> Self {
        Self::of_seconds(unix_seconds(time))
    }

    /// `seconds` since 1970 on the clock itself.
    pub(super) fn of_seconds(seconds: i64) -> Self {
        let time = seconds.rem_euclid(SECONDS_OF_DAY);
        // Counted from 0000-03-01, so that a leap day is the last one of its year.
        let days = seconds.div_euclid(SECONDS_OF_DAY) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12 + 1;
        let year = year + 400 * era + i64::from(month <= 2);
        // Years before 0 are of no use to a schedule.
        let whole = |number: i64| u32::try_from(number).unwrap_or_default();
        Self {
            year: whole(year),
            month: whole(month),
            day: whole(day),
            time: whole(time),
        }
    }

    /// When the platform's clock shows this.
    pub(super) fn on_platform(self) -> SystemTime {
        let days = days_since_1970(self.year, self.month, self.day);
        let seconds = days * SECONDS_OF_DAY + i64::from(self.time) - AHEAD;
        let distance = Duration::from_secs(seconds.unsigned_abs());
        match seconds {
            0.. => UNIX_EPOCH + distance,
            _ => UNIX_EPOCH - distance,
        }
    }

    /// As in `2026-12-01 02:00:00`, with `between` in place of the space.
    pub(crate) fn text(self, between: char) -> String {
        let Self {
            year,
            month,
            day,
            time,
        } = self;
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
    }
}

/// Rounded down; a time that no calendar here reaches is cut to one that is far away.
fn unix_seconds(time: SystemTime) -> i64 {
    const FAR: u64 = 1_000_000_000_000;
    let seconds = |distance: u64| i64::try_from(distance.min(FAR)).unwrap_or_default();
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since.as_secs()),
        Err(before) => {
            let before = before.duration();
            -seconds(before.as_secs()) - i64::from(before.subsec_nanos() > 0)
        }
    }
}

fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// How many days a month has, from 1 on.
pub(super) fn days_of_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0 is Sunday.
pub(super) fn weekday(year: u32, month: u32, day: u32) -> u32 {
    // 1970-01-01 was a Thursday.
    let days = days_since_1970(year, month, day) + 4;
    u32::try_from(days.rem_euclid(7)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_until_2100_has_its_date() {
        let mut seconds = 0;
        for year in 1970..=2100 {
            for month in 1..=12 {
                for day in 1..=days_of_month(year, month) {
                    let expected = Civil {
                        year,
                        month,
                        day,
                        time: 86_399,
                    };
                    let last = seconds + SECONDS_OF_DAY - 1;
                    assert_eq!(Civil::of_seconds(last), expected);
                    assert_eq!(Civil::of_platform(expected.on_platform()), expected);
                    let of_week = u32::try_from((seconds / SECONDS_OF_DAY + 4) % 7);
                    assert_eq!(Ok(weekday(year, month, day)), of_week);
                    seconds += SECONDS_OF_DAY;
                }
            }
        }
    }

    #[test]
    fn known_times_are_told() {
        let time = UNIX_EPOCH + Duration::from_millis(1_550_749_740_999);
        assert_eq!(Civil::of_utc(time).text('T'), "2019-02-21T11:49:00");
        assert_eq!(Civil::of_platform(time).text(' '), "2019-02-21 19:49:00");
        assert_eq!(weekday(2024, 2, 29), 4);
        assert_eq!(weekday(2026, 11, 25), 3);
    }
}
