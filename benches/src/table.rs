//! The table: rows with a ratio, its target and the verdict.

use std::fmt;

use crate::Failure;

/// What a ratio is to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
    /// Nothing is promised; the ratio is told.
    Stated,
}

impl Target {
    fn verdict(self, ratio: f64) -> &'static str {
        let is_met = match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
            // A count, which is whole.
            Self::Exactly(exactly) => (ratio - exactly).abs() < 0.5,
            Self::Stated => return "stated",
        };
        if is_met { "ok" } else { "**short**" }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::Exactly(exactly) => write!(f, "exactly {exactly}"),
            Self::Stated => f.write_str("–"),
        }
    }
}

/// One comparison: what is measured, against what, and what the ratio is to be.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) against: &'static str,
    pub(crate) target: Target,
    pub(crate) unit: Unit,
}

/// What both sides are measured in, for the column that shows them.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Mebibytes,
    PerSecond,
    Count,
}

impl Unit {
    /// Of nanoseconds, bytes or a plain number.
    fn show(self, value: f64) -> String {
        match self {
            Self::Microseconds => format!("{:.1} µs", value / 1e3),
            Self::Milliseconds => format!("{:.1} ms", value / 1e6),
            Self::Mebibytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// Both sides of one round, in the order in which the ratio divides them.
pub(crate) type Pair = (f64, f64);

pub(crate) const HEAD: &str = "\
| what | against | ratio: median (min–max) | target | verdict | medians of both sides |
|---|---|---|---|---|---|";

/// A row as it stands in the table.
pub(crate) fn line(row: &Row, pairs: &Result<Vec<Pair>, Failure>) -> String {
    let Row {
        what,
        against,
        target,
        unit,
    } = row;
    match pairs {
        Err(why) => format!("| {what} | {against} | – | {target} | not measured | {why} |"),
        Ok(pairs) => {
            let ratios: Vec<_> = pairs.iter().map(|(one, other)| one / other).collect();
            let (least, ratio, most) = spread(ratios);
            let verdict = target.verdict(ratio);
            let one = spread(pairs.iter().map(|pair| pair.0).collect()).1;
            let other = spread(pairs.iter().map(|pair| pair.1).collect()).1;
            format!(
                "| {what} | {against} | {ratio:.2} ({least:.2}–{most:.2}) | {target} | {verdict} | {}, {} |",
                unit.show(one),
                unit.show(other)
            )
        }
    }
}

/// The least, the median and the most.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    (values[0], median, values[values.len() - 1])
}
