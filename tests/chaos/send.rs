//! The cases of `send`, which sends a message a second time if it is repeated. So it is only where
//! nothing was sent, or the token was rejected.

use super::case::{Case, Outcome, Setting, fail, mixed, ok, send};

const NETWORK: i64 = -601_003;
const TIMEOUT: i64 = -604_102;
const REPLY: i64 = -604_103;
const NO_JSON: i64 = -601_001;

pub(super) fn cases() -> Vec<Case> {
    /// The API has not acted.
    fn lost(n: usize, code: i64) -> Outcome {
        fail(n, code).met(n)
    }
    /// It has, and only the answer is lost.
    fn unheard(n: usize) -> Outcome {
        fail(n, NETWORK).met(n).messages(n)
    }
    vec![
        send("busy", |_, n| {
            let met = n.min(2);
            mixed(n - met, met, -1).met(met).messages(n - met)
        }),
        send("rate-limited", |_, n| lost(n, 45009)),
        send("token-expired", |_, n| {
            ok(n).requests(2 * n).met(1).tokens(1).messages(n)
        }),
        send("expire-token", |_, n| {
            fail(n, 42001).requests(2 * n).met(2 * n).tokens(1)
        }),
        send("delay=100ms", |_, n| ok(n).met(n).messages(n)),
        send("no-answer", |_, n| lost(n, TIMEOUT)).with(Setting::TimeLimit),
        send("no-answer", |_, n| lost(n, TIMEOUT)).with(Setting::Deadline),
        send("no-answer", |_, n| lost(n, NETWORK)).with(Setting::Cleared),
        send("reset", |_, n| lost(n, NETWORK)),
        send("reset,once", |_, n| {
            mixed(n - 1, 1, NETWORK).met(1).messages(n - 1)
        }),
        send("reset=inside", |_, n| unheard(n)),
        send("reset=after", |_, n| unheard(n)),
        send("cut", |_, n| unheard(n)),
        send("cut=0,once", |_, n| {
            mixed(n - 1, 1, NETWORK).met(1).messages(n)
        }),
        send("garbage", |_, n| lost(n, NO_JSON)),
        send("status=503", |_, n| lost(n, REPLY)),
        send("drip=10/10ms", |_, n| ok(n).met(n).messages(n)),
        // Not a byte was sent: each call is made again, and once it is served, once.
        send("", |_, n| ok(n).messages(n)).with(Setting::ListensLate),
        send("", |_, n| fail(n, NETWORK).requests(0)).with(Setting::Silence),
        // Asking for the token may be repeated, whatever it is for.
        send("token:reset,times=2", |_, n| {
            ok(n).tokens(3).met(2).messages(n)
        })
        .cold(),
    ]
}
