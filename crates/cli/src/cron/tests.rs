//! What is an expression, what is wrong with one, and when the next time is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::calendar::Civil;
use super::{Schedule, days_of_month, weekday};

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
        assert_eq!(Schedule::parse(text).map(|_| ()), Ok(()), "{text}");
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
            "0 0 0 31W 4,6 ? *",
            "the day \"31W\" is in no month \"4,6\"",
            6..9,
        ),
        (
            "0 0 0 32W * ? *",
            "the day \"32W\" must be from 1 to 31",
            6..9,
        ),
    ] {
        let error = Schedule::parse(text).expect_err(text);
        assert_eq!(
            (error.message.as_str(), error.range),
            (message, range),
            "{text}"
        );
    }
}

/// The next `count` times after one, all as the platform's clock shows them.
fn next_times(text: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text).expect(text);
    let mut time = on_platform(after);
    let mut times = Vec::new();
    while times.len() < count
        && let Some(next) = schedule.next_after(time)
    {
        times.push(Civil::of_platform(next).text(' '));
        time = next;
    }
    times
}

fn on_platform(text: &str) -> SystemTime {
    let numbers: Vec<u32> = text
        .split(['-', ' ', ':'])
        .map(|part| part.parse().expect(text))
        .collect();
    let [year, month, day, hour, minute, second] = numbers[..] else {
        panic!("{text}");
    };
    let time = hour * 3600 + minute * 60 + second;
    let civil = Civil {
        year,
        month,
        day,
        time,
    };
    civil.on_platform()
}

#[test]
fn the_next_times_are_found() {
    const NONE: &[&str] = &[];
    let table: [(&str, &str, &[&str]); 25] = [
        // Times of the day, and the turn of a day, month and year.
        (
            "*/25 * * * * * *",
            "2026-12-31 23:59:49",
            &["2026-12-31 23:59:50", "2027-01-01 00:00:00"],
        ),
        (
            "*/25 * * * * * *",
            "2026-12-31 23:59:50",
            &["2027-01-01 00:00:00"],
        ),
        (
            "30 59 23 * * * *",
            "2024-02-28 23:59:30",
            &["2024-02-29 23:59:30"],
        ),
        (
            "0 5/20 9-10 * * * *",
            "2026-01-01 09:30:00",
            &["2026-01-01 09:45:00", "2026-01-01 10:05:00"],
        ),
        (
            "0 0 10,14,16 * * * *",
            "2026-01-01 16:00:00",
            &["2026-01-02 10:00:00"],
        ),
        (
            "0 0 2 1 * * *",
            "2026-11-25 08:00:00",
            &["2026-12-01 02:00:00"],
        ),
        // Leap days, and days that a month does not have.
        (
            "0 0 0 29 2 ? *",
            "2024-02-29 00:00:00",
            &["2028-02-29 00:00:00"],
        ),
        ("0 0 0 29 2 ? *", "2096-03-01 00:00:00", NONE),
        (
            "0 0 0 31 * ? *",
            "2026-01-31 00:00:00",
            &["2026-03-31 00:00:00"],
        ),
        (
            "0 0 0 L * ? *",
            "2024-02-01 00:00:00",
            &["2024-02-29 00:00:00", "2024-03-31 00:00:00"],
        ),
        // The last working day: 2026-01-31 is a Saturday, 2026-05-31 a Sunday.
        (
            "0 0 0 LW * ? *",
            "2026-01-01 00:00:00",
            &["2026-01-30 00:00:00"],
        ),
        (
            "0 0 0 LW * ? *",
            "2026-05-01 00:00:00",
            &["2026-05-29 00:00:00"],
        ),
        // The nearest: 2026-08-01 is a Saturday, 2026-11-01 and 2026-05-31 are Sundays.
        (
            "0 0 0 1W * ? *",
            "2026-07-31 00:00:00",
            &["2026-08-03 00:00:00"],
        ),
        (
            "0 0 0 1W * ? *",
            "2026-10-31 00:00:00",
            &["2026-11-02 00:00:00"],
        ),
        (
            "0 0 0 31W * ? *",
            "2026-05-01 00:00:00",
            &["2026-05-29 00:00:00", "2026-07-31 00:00:00"],
        ),
        (
            "0 0 0 15W * ? *",
            "2026-08-01 00:00:00",
            &["2026-08-14 00:00:00"],
        ),
        // The last Friday, the third Saturday, and the fifth Friday, which few months have.
        (
            "0 0 0 ? * 5L *",
            "2026-01-01 00:00:00",
            &["2026-01-30 00:00:00", "2026-02-27 00:00:00"],
        ),
        (
            "0 0 0 ? * 6#3 *",
            "2026-01-01 00:00:00",
            &["2026-01-17 00:00:00"],
        ),
        (
            "0 0 0 ? * FRI#5 *",
            "2026-02-01 00:00:00",
            &["2026-05-29 00:00:00", "2026-07-31 00:00:00"],
        ),
        // Either a day or a weekday; `*` and `?` are neither.
        (
            "0 0 0 15 * MON *",
            "2026-01-01 00:00:00",
            &[
                "2026-01-05 00:00:00",
                "2026-01-12 00:00:00",
                "2026-01-15 00:00:00",
            ],
        ),
        (
            "0 0 0 * * MON *",
            "2026-01-01 00:00:00",
            &["2026-01-05 00:00:00"],
        ),
        (
            "0 0 0 31 2 MON *",
            "2026-02-02 00:00:00",
            &["2026-02-09 00:00:00"],
        ),
        // Years.
        (
            "33 22 11 6 7 * 2021",
            "2021-07-06 11:22:32",
            &["2021-07-06 11:22:33"],
        ),
        ("33 22 11 6 7 * 2021", "2021-07-06 11:22:33", NONE),
        (
            "0 0 0 1 JAN ? 2024-2030/3",
            "2024-01-01 00:00:00",
            &["2027-01-01 00:00:00", "2030-01-01 00:00:00"],
        ),
    ];
    for (text, after, expected) in table {
        let found = next_times(text, after, expected.len().max(1));
        assert_eq!(found, expected, "{text} after {after}");
    }
}

#[test]
fn the_first_and_the_last_second_of_all_are_found() {
    let schedule = Schedule::parse("* * * * * * *").expect("right");
    let first = schedule.next_after(UNIX_EPOCH - Duration::from_secs(1_000_000));
    assert_eq!(first, Some(on_platform("1970-01-01 00:00:00")));
    let last = on_platform("2099-12-31 23:59:59");
    let before = last - Duration::from_nanos(1);
    assert_eq!(schedule.next_after(before), Some(last));
    assert_eq!(schedule.next_after(last), None);
    let far = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 1_000_000);
    assert_eq!(schedule.next_after(far), None);
}

/// The values of a field, by the letter: a second reading, which the first is compared with.
fn has(part: &str, value: u32, most: u32) -> bool {
    part.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, ""));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().expect(item), to.parse().expect(item)),
            None if range == "*" => (u32::from(most == 31 || most == 12), most),
            None => {
                let from: u32 = range.parse().expect(item);
                (from, if step.is_empty() { from } else { most })
            }
        };
        let step: u32 = if step.is_empty() {
            1
        } else {
            step.parse().expect(item)
        };
        (from..=to).contains(&value) && (value - from).is_multiple_of(step)
    })
}

/// The days from Monday to Friday of a month.
fn workdays(year: u32, month: u32) -> impl Iterator<Item = u32> {
    (1..=days_of_month(year, month))
        .filter(move |day| (1..=5).contains(&weekday(year, month, *day)))
}

fn is_day(part: &str, year: u32, month: u32, day: u32) -> bool {
    let last = days_of_month(year, month);
    match (part, part.strip_suffix('W')) {
        ("L", _) => day == last,
        ("LW", _) => Some(day) == workdays(year, month).last(),
        (_, Some(wanted)) => {
            let wanted: u32 = wanted.parse().expect(part);
            // No two are equally near: a weekend has two days.
            let nearest = workdays(year, month).min_by_key(|it| it.abs_diff(wanted));
            wanted <= last && Some(day) == nearest
        }
        (_, None) => has(part, day, 31),
    }
}

fn is_weekday(part: &str, year: u32, month: u32, day: u32) -> bool {
    let of_week = weekday(year, month, day);
    let same = |other: &u32| weekday(year, month, *other) == of_week;
    let mut all = (1..=days_of_month(year, month)).filter(same);
    if let Some(wanted) = part.strip_suffix('L') {
        return wanted == of_week.to_string() && Some(day) == all.next_back();
    }
    if let Some((wanted, week)) = part.split_once('#') {
        let week: usize = week.parse().expect(part);
        return wanted == of_week.to_string() && Some(day) == all.nth(week - 1);
    }
    has(part, of_week, 6)
}

/// Whether it fires at that second.
fn fires(fields: &[String], at: Civil) -> bool {
    let Civil {
        year,
        month,
        day,
        time,
    } = at;
    let free = |part: &str| matches!(part, "*" | "?");
    let days = match (free(&fields[3]), free(&fields[5])) {
        (true, true) => true,
        (true, false) => is_weekday(&fields[5], year, month, day),
        (false, true) => is_day(&fields[3], year, month, day),
        (false, false) => {
            is_day(&fields[3], year, month, day) || is_weekday(&fields[5], year, month, day)
        }
    };
    days && has(&fields[0], time % 60, 59)
        && has(&fields[1], time / 60 % 60, 59)
        && has(&fields[2], time / 3600, 23)
        && has(&fields[4], month, 12)
}

fn item(least: u32, most: u32) -> impl Strategy<Value = String> {
    let value = least..=most;
    prop_oneof![
        value.clone().prop_map(|at| at.to_string()),
        (value.clone(), value.clone())
            .prop_map(|(one, other)| { format!("{}-{}", one.min(other), one.max(other)) }),
        (value, 1..=most).prop_map(|(from, step)| format!("{from}/{step}")),
        (1..=most).prop_map(|step| format!("*/{step}")),
        Just("*".to_owned()),
    ]
}

fn list(least: u32, most: u32) -> impl Strategy<Value = String> {
    proptest::collection::vec(item(least, most), 1..3).prop_map(|items| items.join(","))
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => list(1, 31),
        1 => (1..=31).prop_map(|day| format!("{day}W")),
        2 => prop::sample::select(vec!["?", "*", "L", "LW"]).prop_map(str::to_owned),
    ]
}

fn of_week() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => list(0, 6),
        1 => (0..=6).prop_map(|day| format!("{day}L")),
        1 => (0..=6, 1..=5).prop_map(|(day, week)| format!("{day}#{week}")),
        3 => prop::sample::select(vec!["?", "*"]).prop_map(str::to_owned),
    ]
}

/// The first time found by trying every second, in the span that is looked through.
fn naive(fields: &[String], after: SystemTime, seconds: u64) -> Option<SystemTime> {
    let after = on_platform(&Civil::of_platform(after).text(' '));
    (1..=seconds)
        .map(|second| after + Duration::from_secs(second))
        .find(|time| fires(fields, Civil::of_platform(*time)))
}

/// Likewise, where the time of the day is midnight: by trying every day.
fn naive_days(fields: &[String], after: SystemTime, days: u64) -> Option<SystemTime> {
    let today = Civil {
        time: 0,
        ..Civil::of_platform(after)
    };
    (1..=days)
        .map(|day| today.on_platform() + Duration::from_secs(day * 86_400))
        .find(|time| fires(fields, Civil::of_platform(*time)))
}

fn seed() -> Config {
    Config {
        cases: 256,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(seed())]

    #[test]
    fn seconds_are_those_of_a_naive_search(
        second in list(0, 59), minute in list(0, 59), hour in list(0, 23),
        day in day(), of_week in of_week(),
        after in 0..4_070_000_000_u64,
    ) {
        let fields = [second, minute, hour, day, "*".into(), of_week, "*".into()];
        let text = fields.join(" ");
        let after = UNIX_EPOCH + Duration::from_secs(after);
        let span = 3 * 3600;
        let schedule = Schedule::parse(&text).expect("right");
        let found = schedule.next_after(after);
        let within = found.filter(|time| *time <= after + Duration::from_secs(span));
        prop_assert_eq!(within, naive(&fields, after, span), "{}", text);
    }

    #[test]
    fn days_are_those_of_a_naive_search(
        day in day(), month in list(1, 12), of_week in of_week(),
        after in 0..4_000_000_000_u64,
    ) {
        let fields = ["0".into(), "0".into(), "0".into(), day, month, of_week, "*".into()];
        let text = fields.join(" ");
        let after = UNIX_EPOCH + Duration::from_secs(after);
        let Ok(schedule) = Schedule::parse(&text) else {
            // A day that no month has.
            prop_assert_eq!(naive_days(&fields, after, 1500), None, "{}", text);
            return Ok(());
        };
        let found = schedule.next_after(after);
        let limit = after + Duration::from_secs(730 * 86_400);
        prop_assert_eq!(found.filter(|it| *it <= limit), naive_days(&fields, after, 730), "{}", text);
    }
}
