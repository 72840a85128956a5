//! `cloudcall dev` with warm workers, against the frameworks that serve a Node function, and with
//! more functions.

use super::{Rounds, figure, in_turn};
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

pub(super) fn rows(report: &mut Report) {
    for (language, peer, against, least) in [
        (Language::Rust, google as fn(_) -> _, GOOGLE, 3.0),
        (Language::Node, google, GOOGLE, 1.0),
        (Language::Node, cloudbase, CLOUDBASE, 1.0),
    ] {
        let claim = |what, target| Claim::new(what, against, target, Unit::PerSecond);
        let second = claim("dev: warm invocations/s", Target::AtLeast(least));
        let core_second = claim("dev: warm invocations in a core-second", Target::Stated);
        let shared = claim(
            "dev: warm invocations/s, both cores for all",
            Target::Stated,
        );
        let on = |cores| Ok((dev(cores, language, 1)?, peer(cores)?));
        for connections in [1, 8] {
            let rates = on(Cores::Apart).and_then(|both| rates(&both, FIRST, connections));
            let case = format!("a {language} function, {connections} at once");
            report.row(&second, &case, figure(&rates, |rate| rate.second));
            report.row(&core_second, &case, figure(&rates, |rate| rate.core_second));
        }
        let rates = on(Cores::Shared).and_then(|both| rates(&both, FIRST, 8));
        let case = format!("a {language} function, 8 at once");
        report.row(&shared, case, figure(&rates, |rate| rate.second));
    }
    let debug = Claim::new(
        "dev: warm invocations/s",
        GOOGLE,
        Target::Stated,
        Unit::PerSecond,
    );
    for connections in [1, 8] {
        let both = dev_that_builds().and_then(|dev| Ok((dev, google(Cores::Apart)?)));
        let rates = both.and_then(|both| rates(&both, FIRST, connections));
        let case = format!("a Rust function without optimisations, {connections} at once");
        report.row(&debug, case, figure(&rates, |rate| rate.second));
    }
    report.row(&IDLE, "10 functions", idle());
    for language in [Language::Rust, Language::Node] {
        for count in [10, 100] {
            let in_dev = many(count, |count| dev(Cores::Apart, language, count));
            let case = format!("{count} {language} functions");
            let claim = |what, target| Claim::new(what, "1 function", target, Unit::PerSecond);
            let second = claim(
                "dev: warm invocations/s, called in turn",
                Target::AtLeast(0.9),
            );
            let core_second = claim("dev: in a core-second, called in turn", Target::Stated);
            report.row(&second, &case, figure(&in_dev, |rate| rate.second));
            report.row(
                &core_second,
                &case,
                figure(&in_dev, |rate| rate.core_second),
            );

            // How much of that is the machine's: processes that take turns on a core.
            let without = many(count, |count| plain(language, count));
            let case = format!("{count} {language} servers");
            let claim = |what| Claim::new(what, "1 server", Target::Stated, Unit::PerSecond);
            let second = claim("without dev: requests/s, called in turn");
            let core_second = claim("without dev: in a core-second, called in turn");
            report.row(&second, &case, figure(&without, |rate| rate.second));
            report.row(
                &core_second,
                &case,
                figure(&without, |rate| rate.core_second),
            );
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
