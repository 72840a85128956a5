//! `cloudcall dev` with warm workers, against the frameworks that serve a Node function, and with
//! more functions.

use super::{Rounds, figure, in_turn, two_rows};
use crate::Failure;
use crate::peers::{Cores, Language, Peer, cloudbase, dev, dev_that_builds, google, plain};
use crate::process::Rate;
use crate::table::{Claim, Pair, Report, Target, Unit};

/// Requests of one round.
const REQUESTS: usize = 1_600;

/// Requests before the rounds, to each function: each worker compiles the code for itself.
const FIRST: usize = 16_000;
const FIRST_OF_MANY: usize = 2_000;

const GOOGLE: &str = "@google-cloud/functions-framework";
const CLOUDBASE: &str = "@cloudbase/functions-framework";

const IDLE: Claim = Claim::new(
    "dev: idle memory, no worker",
    "one process of @google-cloud/functions-framework",
    Target::AtMost(0.2),
    Unit::Mebibytes,
);

/// Functions that are called in turn, all of them.
const IN_TURN: [Claim; 2] = [
    rate(
        "dev: warm invocations/s, in turn",
        "1 function",
        Target::AtLeast(0.9),
    ),
    rate(
        "dev: warm invocations in a core-second, in turn",
        "1 function",
        Target::Stated,
    ),
];

/// How much of that is the machine's: processes that take turns on a core.
const WITHOUT_DEV: [Claim; 2] = [
    rate(
        "without dev: requests/s, in turn",
        "1 server",
        Target::Stated,
    ),
    rate(
        "without dev: requests in a core-second, in turn",
        "1 server",
        Target::Stated,
    ),
];

const fn rate(what: &'static str, against: &'static str, target: Target) -> Claim {
    Claim::new(what, against, target, Unit::PerSecond)
}

const WARM: &str = "dev: warm invocations/s";

pub(super) fn rows(report: &mut Report) {
    for (language, peer, against, least) in [
        (Language::Rust, google as fn(_) -> _, GOOGLE, 3.0),
        (Language::Node, google, GOOGLE, 1.0),
        (Language::Node, cloudbase, CLOUDBASE, 1.0),
    ] {
        let claims = [
            rate(WARM, against, Target::AtLeast(least)),
            rate(
                "dev: warm invocations in a core-second",
                against,
                Target::Stated,
            ),
        ];
        let shared = rate(
            "dev: warm invocations/s, both cores for all",
            against,
            Target::Stated,
        );
        let on = |cores| Ok((dev(cores, language, 1)?, peer(cores)?));
        for connections in [1, 8] {
            let rates = on(Cores::Apart).and_then(|both| rates(&both, FIRST, connections));
            let case = format!("a {language} function, {connections} at once");
            two_rows(report, claims, &case, &rates);
        }
        let rates = on(Cores::Shared).and_then(|both| rates(&both, FIRST, 8));
        let case = format!("a {language} function, 8 at once");
        report.row(&shared, case, figure(&rates, |rate| rate.second));
    }
    let debug = rate(WARM, GOOGLE, Target::Stated);
    for connections in [1, 8] {
        let both = dev_that_builds().and_then(|dev| Ok((dev, google(Cores::Apart)?)));
        let rates = both.and_then(|both| rates(&both, FIRST, connections));
        let case = format!("a Rust function without optimisations, {connections} at once");
        report.row(&debug, case, figure(&rates, |rate| rate.second));
    }
    report.row(&IDLE, "10 functions", idle());
    for language in [Language::Rust, Language::Node] {
        for count in [10, 100] {
            let rates = many(count, |count| dev(Cores::Apart, language, count));
            let case = format!("{count} {language} functions");
            two_rows(report, IN_TURN, &case, &rates);
            let rates = many(count, |count| plain(language, count));
            let case = format!("{count} {language} servers");
            two_rows(report, WITHOUT_DEV, &case, &rates);
        }
    }
}

/// Rates of both in turn, after first requests that do not count.
fn rates((one, other): &(Peer, Peer), first: usize, connections: usize) -> Rounds<Rate> {
    for peer in [one, other] {
        peer.rate(connections, first * peer.functions())?;
    }
    in_turn(
        || one.rate(connections, REQUESTS),
        || other.rate(connections, REQUESTS),
    )
}

/// Rates of so many functions, and of one.
fn many(count: usize, peer: impl Fn(usize) -> Result<Peer, Failure>) -> Rounds<Rate> {
    rates(&(peer(count)?, peer(1)?), FIRST_OF_MANY, 1)
}

fn idle() -> Result<Vec<Pair>, Failure> {
    (0..3)
        .map(|_| {
            let functions = dev(Cores::Apart, Language::Node, 10)?;
            Ok((functions.memory()?, google(Cores::Apart)?.memory()?))
        })
        .collect()
}
