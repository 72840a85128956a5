//! The time of a line, in the platform's time zone: UTC+8, without daylight saving.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds and milliseconds in UTC+8.
pub(crate) struct Time {
    seconds: u64,
    millis: u32,
}

impl Time {
    /// A clock before 1970 counts as 1970.
    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            seconds: since.as_secs() + 8 * 60 * 60,
            millis: since.subsec_millis(),
        }
    }

    /// Like `12:03:07`.
    pub(crate) fn clock(&self) -> String {
        let of_day = self.seconds % 86_400;
        let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}", of_day % 60)
    }

    /// By RFC 3339, like `2026-12-01T12:03:07.005+08:00`.
    pub(crate) fn full(&self) -> String {
        let (year, month, day) = date(self.seconds / 86_400);
        let (clock, millis) = (self.clock(), self.millis);
        format!("{year:04}-{month:02}-{day:02}T{clock}.{millis:03}+08:00")
    }
}

/// Year, month and day by the days since 1970. Years begin in March here, so that the leap day is
/// the last of one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_based = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_the_platform() {
        for (seconds, full) in [
            (0, "1970-01-01T08:00:00.007+08:00"),
            (951_753_599, "2000-02-28T23:59:59.007+08:00"),
            (951_753_600, "2000-02-29T00:00:00.007+08:00"),
            (1_767_196_800, "2026-01-01T00:00:00.007+08:00"),
            (4_107_513_599, "2100-02-28T23:59:59.007+08:00"),
            (4_107_513_600, "2100-03-01T00:00:00.007+08:00"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(7);
            assert_eq!(Time::of(time).full(), full, "{seconds}");
        }
    }
}
