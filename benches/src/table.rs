//! The table: claims with their target, the ratio that each case has, and the verdict.

use std::fmt;

use crate::Failure;

/// What a ratio is to be.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
    /// Nothing is promised; the ratio is told.
    Stated,
}

impl Target {
    fn verdict(self, ratio: f64) -> &'static str {
        if self == Self::Stated {
            "stated"
        } else if self.lacks(ratio) <= 0.0 {
            "ok"
        } else {
            "**short**"
        }
    }

    /// What it goes by: the median, or, where one round is as good as any, the worst.
    fn goes_by(self, (least, median, most): (f64, f64, f64)) -> f64 {
        match self {
            Self::Exactly(_) if self.lacks(least) > self.lacks(most) => least,
            Self::Exactly(_) => most,
            Self::AtMost(_) | Self::AtLeast(_) | Self::Stated => median,
        }
    }

    /// How far a ratio is from meeting it; the larger, the worse.
    fn lacks(self, ratio: f64) -> f64 {
        match self {
            Self::AtMost(most) => ratio - most,
            Self::AtLeast(least) => least - ratio,
            // A count, which is whole.
            Self::Exactly(exactly) => (ratio - exactly).abs() - 0.5,
            Self::Stated => 0.0,
        }
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

/// What both sides are measured in, for the column that shows them.
#[derive(Clone, Copy, PartialEq)]
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

/// What is measured, against what, and what the ratio is to be: in each of its cases.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Claim {
    what: &'static str,
    against: &'static str,
    target: Target,
    unit: Unit,
}

impl Claim {
    pub(crate) const fn new(
        what: &'static str,
        against: &'static str,
        target: Target,
        unit: Unit,
    ) -> Self {
        Self {
            what,
            against,
            target,
            unit,
        }
    }
}

/// Both sides of one round, in the order in which the ratio divides them.
pub(crate) type Pair = (f64, f64);

/// The table while it is printed.
#[derive(Default)]
pub(crate) struct Report {
    /// Each row's claim, its case, and what the verdict goes by where it could be measured.
    rows: Vec<(Claim, String, Option<f64>)>,
}

impl Report {
    /// Prints what stands above the rows.
    pub(crate) fn head(&self) {
        println!(
            "| what | against | ratio: median (min–max) | target | verdict | medians of both sides |"
        );
        println!("|---|---|---|---|---|---|");
    }

    /// Prints the row of a case.
    pub(crate) fn row(
        &mut self,
        claim: &Claim,
        case: impl Into<String>,
        pairs: Result<Vec<Pair>, Failure>,
    ) {
        let case = case.into();
        let Claim {
            what,
            against,
            target,
            unit,
        } = claim;
        let ratio = match pairs {
            Err(why) => {
                println!("| {what}, {case} | {against} | – | {target} | not measured | {why} |");
                None
            }
            Ok(pairs) => {
                let of = |figure: fn(&Pair) -> f64| spread(pairs.iter().map(figure).collect());
                let ratios = of(|(one, other)| one / other);
                let (least, median, most) = ratios;
                let ratio = target.goes_by(ratios);
                println!(
                    "| {what}, {case} | {against} | {median:.2} ({least:.2}–{most:.2}) | {target} | {} | {}, {} |",
                    target.verdict(ratio),
                    unit.show(of(|pair| pair.0).1),
                    unit.show(of(|pair| pair.1).1),
                );
                Some(ratio)
            }
        };
        self.rows.push((*claim, case, ratio));
    }

    /// Prints a line for each claim that has a target, with the worst of its cases.
    pub(crate) fn in_short(&self) {
        println!("| what | against | target | ratio, in the worst case | verdict |");
        println!("|---|---|---|---|---|");
        for line in self.worst_cases() {
            println!("{line}");
        }
    }

    fn worst_cases(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, (claim, ..)) in self.rows.iter().enumerate() {
            let is_told = self.rows[..at].iter().any(|(told, ..)| told == claim);
            if claim.target == Target::Stated || is_told {
                continue;
            }
            let cases = self.rows.iter().filter(|(of, ..)| of == claim);
            // One that could not be measured is worse than any.
            let lacks = |ratio: Option<f64>| ratio.map_or(f64::MAX, |it| claim.target.lacks(it));
            let worst = cases.max_by(|one, other| lacks(one.2).total_cmp(&lacks(other.2)));
            let Some((_, case, ratio)) = worst else {
                continue;
            };
            let (ratio, verdict) = match ratio {
                Some(ratio) => (format!("{ratio:.2}"), claim.target.verdict(*ratio)),
                None => ("–".to_owned(), "not measured"),
            };
            let Claim {
                what,
                against,
                target,
                ..
            } = claim;
            lines.push(format!(
                "| {what} | {against} | {target} | {ratio} ({case}) | {verdict} |"
            ));
        }
        lines
    }

    /// Whether every row could be measured.
    pub(crate) fn is_whole(&self) -> bool {
        self.rows.iter().all(|(.., ratio)| ratio.is_some())
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

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Claim = Claim::new("fast", "peer", Target::AtLeast(3.0), Unit::PerSecond);
    const SMALL: Claim = Claim::new("small", "peer", Target::AtMost(1.1), Unit::Mebibytes);
    const ONCE: Claim = Claim::new("once", "one", Target::Exactly(1.0), Unit::Count);
    const TOLD: Claim = Claim::new("told", "peer", Target::Stated, Unit::PerSecond);

    type Measured = Result<Vec<Pair>, Failure>;

    fn short<const N: usize>(rows: [(Claim, &str, Measured); N]) -> Vec<String> {
        let mut report = Report::default();
        for (claim, case, pairs) in rows {
            report.row(&claim, case, pairs);
        }
        report.worst_cases()
    }

    #[test]
    fn a_claim_is_told_by_the_worst_of_its_cases() {
        let rows = [
            (FAST, "a", Ok(vec![(8.0, 2.0)])),
            (SMALL, "a", Ok(vec![(1.0, 1.0), (3.0, 2.0), (9.0, 1.0)])),
            (TOLD, "a", Ok(vec![(1.0, 9.0)])),
            (FAST, "b", Ok(vec![(5.0, 2.0)])),
            (SMALL, "b", Ok(vec![(11.0, 10.0)])),
            (ONCE, "a", Ok(vec![(1.0, 1.0)])),
            (ONCE, "b", Ok(vec![(1.0, 1.0), (1.0, 1.0), (2.0, 1.0)])),
        ];
        let expected = [
            "| fast | peer | ≥ 3 | 2.50 (b) | **short** |",
            "| small | peer | ≤ 1.10 | 1.50 (a) | **short** |",
            "| once | one | exactly 1 | 2.00 (b) | **short** |",
        ];
        assert_eq!(short(rows), expected);
        let met = [(FAST, "a", Ok(vec![(3.0, 1.0)]))];
        assert_eq!(short(met), ["| fast | peer | ≥ 3 | 3.00 (a) | ok |"]);
    }

    #[test]
    fn what_was_not_measured_meets_nothing() {
        let rows = [
            (SMALL, "a", Ok(vec![(9.0, 1.0)])),
            (SMALL, "b", Err("no nginx".into())),
        ];
        let expected = ["| small | peer | ≤ 1.10 | – (b) | not measured |"];
        assert_eq!(short(rows), expected);
    }
}
