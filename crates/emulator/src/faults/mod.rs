//! Faults: what goes wrong on purpose, so that callers can rehearse it.
//!
//! `spec.rs` reads a SPEC; `place.rs`, `effect.rs` and `schedule.rs` are its three parts;
//! `active.rs` draws which fault a request meets; `disturb.rs` makes it happen, with `body.rs` and
//! `connection.rs`; `control.rs` is the way in over HTTP.

mod active;
mod body;
mod connection;
mod control;
mod disturb;
mod effect;
mod place;
mod preset;
mod schedule;
mod spec;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use active::{FaultStatus, Faults};
pub(crate) use body::Unsent;
pub(crate) use connection::{ConnectionControl, wrap};
pub(crate) use control::router;
pub(crate) use disturb::{disturb, held_back};
use effect::Effect;
use place::Place;
use schedule::Schedule;
pub use spec::FaultError;

/// What goes wrong with which requests, and when: `[WHERE:]WHAT[,OPTION]…`
///
/// ```
/// use cloudcall_emulator::{Emulator, Fault};
///
/// let every_third: Fault = "customerServiceMessage.getTempMedia:status=503,every=3".parse()?;
/// let emulator = Emulator::builder().fault(every_third).build()?;
///
/// let error = "errcode=many".parse::<Fault>().expect_err("not a number");
/// assert_eq!(error.to_string(), r#""many" is no errcode, in the fault "errcode=many""#);
/// assert_eq!(error.hint(), "write a number other than 0, such as errcode=45009");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # WHERE
///
/// | WHERE | requests | example |
/// |---|---|---|
/// | *left out* | every API except the two for tokens | `errcode=-1` |
/// | `token` | `/cgi-bin/token` and `/cgi-bin/stable_token` | `token:status=502` |
/// | `all` | every API | `all:delay=1s` |
/// | the name of a Cloud Call | that API | `customerServiceMessage.send:errcode=45047` |
/// | `/PATH` | that path, served or not, without a query | `/cgi-bin/media/get:garbage` |
///
/// What is not WeChat's meets no fault: the gateway, and `/_emulator/faults`.
///
/// # WHAT
///
/// "Instead" means that the API is not called: no message is sent, no token issued. "After" means
/// that it was called, and only the answer suffers.
///
/// | WHAT | the caller sees | | example |
/// |---|---|---|---|
/// | `errcode=N` | WeChat's error N with HTTP 200, with WeChat's words where they are known, or with option `errmsg` | instead | `errcode=45009` |
/// | `expire-token` | 42001: the access token of the request has expired, from now on | instead | `expire-token,once` |
/// | `revoke-token` | 40001: the access token of the request is unknown, from now on | instead | `revoke-token,once` |
/// | `delay=TIME` | nothing, for this time; then what comes without the fault, or from a fault behind it. Who gives up meanwhile is not served, and not in the journal | – | `delay=1s` |
/// | `no-answer` | nothing, until it gives up; then the connection ends | instead | `no-answer,once` |
/// | `reset` or `reset=before` | a connection reset (TCP RST) before any answer | instead | `reset,once` |
/// | `reset=inside` | a connection reset after the first 24 bytes of the answer, inside the headers | after | `reset=inside` |
/// | `reset=after` | a connection reset after the headers, before the body | after | `reset=after` |
/// | `cut`, `cut=BYTES` | a `Content-Length` for the whole body, but only the first half or that many bytes of it, then the end of the connection | after | `cut=100` |
/// | `garbage` | bytes that are not JSON, with the content type of JSON and HTTP 200 | instead | `garbage` |
/// | `content-type`, `content-type=TYPE` | the answer with another content type, `text/html` unless given | after | `content-type=image/png` |
/// | `status=N` | this HTTP status, 200 to 599, with a page of HTML, as of a proxy | instead | `status=503` |
/// | `drip`, `drip=BYTES/TIME` | the body in pieces of BYTES, one each TIME; 64 bytes each 100 ms unless given | after | `drip=1024/50ms` |
///
/// TIME is a whole number with its unit: `200ms`, `5s`, `2m`; a day at most. A request without an
/// access token does not meet `expire-token` and `revoke-token`. `cut` never leaves a body whole:
/// it takes the last byte at least, if there is one. When the faults are [cleared](Faults::clear) or
/// the server [closes](crate::EmulatorHandle::close), nobody waits any longer: what has no answer
/// ends, and what `delay` or `drip` holds up comes at once.
///
/// # OPTION
///
/// | OPTION | the fault happens | example |
/// |---|---|---|
/// | *none* | always | `errcode=-1` |
/// | `once` | to one request, as `times=1` | `reset,once` |
/// | `times=N` | to N requests, then no more | `errcode=-1,times=2` |
/// | `every=N` | to each Nth request only: the Nth, the 2Nth… | `status=503,every=3` |
/// | `after=N` | not to the first N requests; `every` counts from there | `errcode=45009,after=100` |
/// | `probability=P` | to a request with this probability, above 0 and up to 1 | `cut,probability=0.2` |
/// | `seed=N` | with `probability`: the same requests in each run. Unless given, drawn from the [emulator's seed](crate::EmulatorBuilder::seed), and told by [`Faults::list`] | `cut,probability=0.2,seed=7` |
/// | `errmsg=TEXT` | with `errcode`: TEXT is the whole `errmsg`. Comes last, and may hold commas | `errcode=1,errmsg=no, not now` |
///
/// They combine: a fault happens if `after`, `every`, `probability` and `times` all let it.
/// Counting is exact, whatever the concurrency.
///
/// # Presets
///
/// A preset takes WHERE and OPTION like any other; they replace its own, in all of its parts. With
/// a seed, the second part has the seed plus 1, and so on.
///
/// | WHAT | stands for | is |
/// |---|---|---|
/// | `busy` | `errcode=-1,times=2` | "system busy" twice, then WeChat has recovered |
/// | `token-expired` | `expire-token,once` | a token expires early; renewing it helps |
/// | `rate-limited` | `errcode=45009` | the day's quota of the API is used up |
/// | `flaky-network` | `all:delay=100ms,probability=0.3` and `all:reset,probability=0.1` and `all:cut,probability=0.05` | slow at times, and about one exchange in seven fails: of those that are tried up to three times, 99.7 % succeed |
///
/// # Several faults
///
/// They are asked in the order they were added, and the first that happens decides; those behind
/// it do not see, and do not count the request. A delay does not decide: the request goes on to
/// those behind it.
///
/// # Without a socket
///
/// Through [`Emulator::transport`](crate::Emulator::transport) the same faults are
/// [`TransportError`](cloudcall::transport::TransportError)s of the kind `Interrupted`: from the
/// exchange with `reset=before` and `reset=inside`, from the body with `reset=after` and `cut`.
/// `no-answer` waits for the same events.
///
/// `delay` and `drip` need a Tokio runtime with time enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// One, or the parts of a preset.
    rules: Vec<Rule>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    place: Place,
    effect: Effect,
    schedule: Schedule,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(spec: &str) -> Result<Self, FaultError> {
        spec::parse(spec).map(|rules| Self { rules })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.place, self.effect, self.schedule)?;
        match &self.effect {
            Effect::ErrCode {
                message: Some(message),
                ..
            } => write!(f, ",errmsg={message}"),
            _ => Ok(()),
        }
    }
}
