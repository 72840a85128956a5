//! The cases of `getTempMedia`, which may be made twice, so that it is.
//!
//! How to read a line: `n` is the number of calls, and the numbers follow from the tables at
//! `RetryPolicy` and `Fault`. `ok(n)` and `fail(n, code)` are `n` calls that make one request each;
//! `requests` says otherwise. Where `n` calls are made at once, all of them have begun before any
//! has an answer: they wait for the same access token, and are sent with the same.

use super::case::{ATTEMPTS, Case, Client, Outcome, Setting, altered, fail, media, mixed, ok};
use super::drawn::{Drawn, walk};

const NETWORK: i64 = -601_003;
const TIMEOUT: i64 = -604_102;
const REPLY: i64 = -604_103;
const NO_JSON: i64 = -601_001;

/// Calls that are made one after another where it matters which of them meets the fault.
const ROW: usize = 6;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(refusals());
    cases.extend(tokens());
    cases.extend(time());
    cases.extend(connections());
    cases.extend(bodies());
    cases.extend(statuses());
    cases.extend(chance());
    cases.extend(places());
    cases.extend(asking_for_tokens());
    cases
}

/// -1 is repeated, any other number is final.
fn refusals() -> Vec<Case> {
    vec![
        // Two faulted requests, each of which is repeated; nobody can meet more than two of three.
        media("busy", |_, n| ok(n).requests(n + 2).met(2)),
        media("errcode=-1", |_, n| {
            fail(n, -1).requests(ATTEMPTS * n).met(ATTEMPTS * n)
        }),
        media("rate-limited", |_, n| fail(n, 45009).met(n)),
        media("errcode=45009,times=2", |_, n| {
            mixed(n - 2, 2, 45009).met(2)
        })
        .in_a_row(ROW),
        media("errcode=45009,once,errmsg=no, not now", |_, n| {
            mixed(n - 1, 1, 45009).met(1)
        }),
        media("errcode=45009,every=3", |_, n| {
            mixed(n - n / 3, n / 3, 45009).met(n / 3)
        })
        .in_a_row(ROW),
        media("errcode=45009,after=3", |_, n| {
            mixed(3, n - 3, 45009).met(n - 3)
        })
        .in_a_row(ROW),
        // The 6th, 10th, 14th, …: from the third on each fourth, and no more than 5 of them.
        media("errcode=45009,after=2,every=4,times=5", |_, n| {
            let met = ((n - 2) / 4).min(5);
            mixed(n - met, met, 45009).met(met)
        })
        .in_a_row(ROW),
    ]
}

/// A token that is rejected is renewed once for all, and each call made once more.
fn tokens() -> Vec<Case> {
    vec![
        // All are sent with the token that the first of them ends.
        media("token-expired", |_, n| {
            ok(n).requests(2 * n).met(1).tokens(1)
        }),
        media("revoke-token,once", |_, n| {
            ok(n).requests(2 * n).met(1).tokens(1)
        }),
        // The new token ends, too, and the call is not made a third time.
        media("expire-token", |_, n| {
            fail(n, 42001).requests(2 * n).met(2 * n).tokens(1)
        }),
        media("revoke-token", |_, n| {
            fail(n, 40001).requests(2 * n).met(2 * n).tokens(1)
        }),
        // WeChat hands out the token again that it rejected, so that a new one is forced. That ends
        // the old one for all, which calls at once may meet or not.
        media("errcode=40001,once", |_, n| {
            ok(n).requests(n + 1).met(1).tokens(2)
        })
        .in_a_row(ROW)
        .never_at_once(),
    ]
}

/// A time that passes is final: it was all there was.
fn time() -> Vec<Case> {
    vec![
        media("delay=100ms", |_, n| ok(n).met(n)),
        media("no-answer", |_, n| fail(n, TIMEOUT).met(n)).with(Setting::TimeLimit),
        media("no-answer", |_, n| fail(n, TIMEOUT).met(n)).with(Setting::Deadline),
        media("no-answer,once", |_, n| mixed(n - 1, 1, TIMEOUT).met(1))
            .with(Setting::TimeLimit)
            .only_at_once(),
        // The connection ends without an answer, and the repeated request gets one.
        media("no-answer", |_, n| ok(n).requests(2 * n).met(n)).with(Setting::Cleared),
        media("drip", |_, n| ok(n).met(n)),
        media("drip=100/10ms", |_, n| ok(n).met(n)),
        // The first 100 bytes come, and then nothing until the deadline.
        media("drip=100/1m", |_, n| fail(n, TIMEOUT).met(n)).with(Setting::Deadline),
    ]
}

/// A connection that breaks is repeated.
fn connections() -> Vec<Case> {
    fn each_time(_: Client, n: usize) -> Outcome {
        fail(n, NETWORK).requests(ATTEMPTS * n).met(ATTEMPTS * n)
    }
    fn twice(_: Client, n: usize) -> Outcome {
        ok(n).requests(n + 2).met(2)
    }
    vec![
        media("reset", each_time),
        media("reset,times=2", twice),
        media("reset=inside", each_time),
        media("reset=inside,times=2", twice),
        media("reset=after", each_time),
        media("reset=after,times=2", twice),
        media("flaky-network,times=3,seed=5", |client, n| {
            walk("flaky-network,times=3,seed=5", n, |drawn| {
                drawn.of_media(client)
            })
        })
        .with(Setting::Patient),
    ]
}

/// A body that breaks off is repeated, except into a writer that has been given a part of it. One
/// that is whole, but not what it says, is final.
fn bodies() -> Vec<Case> {
    fn each_time(client: Client, n: usize) -> Outcome {
        match client {
            Client::Writer => fail(n, NETWORK).met(n),
            _ => fail(n, NETWORK).requests(ATTEMPTS * n).met(ATTEMPTS * n),
        }
    }
    vec![
        media("cut", each_time),
        media("cut=100", each_time),
        // The last byte is missing.
        media("cut=1000000", each_time),
        media("cut=0", |_, n| {
            fail(n, NETWORK).requests(ATTEMPTS * n).met(ATTEMPTS * n)
        }),
        media("cut,times=2", |client, n| match client {
            Client::Writer => mixed(n - 2, 2, NETWORK).met(2),
            _ => ok(n).requests(n + 2).met(2),
        })
        .in_a_row(ROW),
        media("garbage", |_, n| fail(n, NO_JSON).met(n)),
        media("garbage,every=2", |_, n| {
            mixed(n - n / 2, n / 2, NO_JSON).met(n / 2)
        })
        .in_a_row(ROW),
        media("content-type", |_, n| ok(n).met(n)).labelled("text/html"),
        media("content-type=image/png", |_, n| ok(n).met(n)).labelled("image/png"),
        media("content-type=application/json", |_, n| {
            fail(n, NO_JSON).met(n)
        }),
        // wx-server-sdk makes a text of it, which spoils the bytes.
        media("content-type=text/plain", |client, n| match client {
            Client::Node => altered(n).met(n),
            _ => ok(n).met(n),
        })
        .labelled("text/plain"),
    ]
}

/// 5xx is repeated; other errors of HTTP are final.
fn statuses() -> Vec<Case> {
    vec![
        media("status=503", |_, n| {
            fail(n, REPLY).requests(ATTEMPTS * n).met(ATTEMPTS * n)
        }),
        media("status=502,times=2", |_, n| ok(n).requests(n + 2).met(2)),
        // The first number of requests of which two thirds are as many as the calls.
        media("status=503,every=3", |_, n| {
            let enough = |requests: &usize| requests - requests / 3 == n;
            let requests = (n..).find(enough).expect("there is one");
            ok(n).requests(requests).met(requests - n)
        })
        .with(Setting::Patient)
        .in_a_row(ROW),
        media("status=503", |_, n| fail(n, REPLY).met(n)).with(Setting::NoTimeToRepeat),
        media("status=404", |_, n| fail(n, REPLY).met(n)),
        media("status=301", |_, n| fail(n, REPLY).met(n)),
        // A proxy's page with a status that says it is media.
        media("status=200", |_, n| altered(n).met(n)),
        // wx-server-sdk takes nothing for media; the SDK does not.
        media("status=204", |client, n| match client {
            Client::Node => altered(n).met(n),
            _ => fail(n, REPLY).met(n),
        }),
    ]
}

/// Which requests meet a fault is what the same fault draws without a socket.
fn chance() -> Vec<Case> {
    vec![
        media("errcode=45009,probability=0.3,seed=7", |client, n| {
            walk("errcode=45009,probability=0.3,seed=7", n, |drawn| {
                drawn.of_media(client)
            })
        })
        .in_a_row(ROW),
        media("reset,probability=0.2,seed=7", |client, n| {
            walk("reset,probability=0.2,seed=7", n, |drawn| {
                drawn.of_media(client)
            })
        })
        .with(Setting::Patient)
        .in_a_row(ROW),
        media("flaky-network,seed=1", |client, n| {
            walk("flaky-network,seed=1", n, |drawn| drawn.of_media(client))
        })
        .with(Setting::Patient)
        .in_a_row(ROW),
    ]
}

/// Faults of one place leave the others alone.
fn places() -> Vec<Case> {
    vec![
        media("customerServiceMessage.send:reset", |_, n| ok(n)),
        media("token:reset", |_, n| ok(n)),
        media("customerServiceMessage.getTempMedia:busy", |_, n| {
            ok(n).requests(n + 2).met(2)
        }),
        media("/cgi-bin/media/get:garbage", |_, n| fail(n, NO_JSON).met(n)),
        // The token is asked for first, and once for all: both faults are its.
        media("all:busy", |_, n| ok(n).tokens(3).met(2)).cold(),
        // What has no token cannot lose it.
        media("all:token-expired", |_, n| {
            ok(n).requests(2 * n).met(1).tokens(2)
        })
        .cold(),
    ]
}

/// One request asks for the token of all, again where that may help; all get what came of it.
fn asking_for_tokens() -> Vec<Case> {
    /// Nobody gets as far as the API.
    fn none(calls: usize, code: i64, tokens: usize) -> Outcome {
        fail(calls, code).requests(0).tokens(tokens).met(tokens)
    }
    let cases = vec![
        media("token:busy", |_, n| ok(n).tokens(3).met(2)),
        media("token:reset=after,times=2", |_, n| ok(n).tokens(3).met(2)),
        media("token:cut,once", |_, n| ok(n).tokens(2).met(1)),
        media("token:errcode=-1", |_, n| none(n, -1, ATTEMPTS)),
        media("token:status=503", |_, n| none(n, REPLY, ATTEMPTS)),
        media("token:reset", |_, n| none(n, NETWORK, ATTEMPTS)),
        media("token:reset=inside", |_, n| none(n, NETWORK, ATTEMPTS)),
        media("token:cut", |_, n| none(n, NETWORK, ATTEMPTS)),
        media("token:errcode=40125", |_, n| none(n, 40125, 1)),
        media("token:rate-limited", |_, n| none(n, 45009, 1)),
        media("token:garbage", |_, n| none(n, REPLY, 1)),
        media("token:status=404", |_, n| none(n, REPLY, 1)),
        media("token:no-answer", |_, n| none(n, TIMEOUT, 1)).with(Setting::TimeLimit),
        media("token:no-answer", |_, n| ok(n).tokens(2).met(1)).with(Setting::Cleared),
        media("token:delay=100ms", |_, n| ok(n).tokens(1).met(1)),
        media("token:drip=10/5ms", |_, n| ok(n).tokens(1).met(1)),
        // How it is labelled does not matter.
        media("token:content-type", |_, n| ok(n).tokens(1).met(1)),
        media("token:expire-token", |_, n| ok(n).tokens(1)),
    ];
    cases.into_iter().map(Case::cold).collect()
}

impl Drawn {
    /// What becomes of a request: none where it is repeated.
    fn of_media(self, client: Client) -> Option<Result<(), i64>> {
        match self {
            Self::Nothing => Some(Ok(())),
            Self::Refused(code) => Some(Err(code)),
            Self::CutShort if client == Client::Writer => Some(Err(NETWORK)),
            Self::CutShort | Self::Lost => None,
        }
    }
}
