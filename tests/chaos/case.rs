//! What a case of the table is: a fault, how the callers are set up, and what has to come of it.

use std::collections::BTreeMap;
use std::fmt;

/// How many attempts a call has, unless its callers are [patient](Setting::Patient). The default of
/// the SDK's policy.
pub(super) const ATTEMPTS: usize = 3;

/// A fault, and what becomes of calls that meet it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) api: Api,
    /// The SPEC; empty for none.
    pub(super) fault: &'static str,
    pub(super) setting: Setting,
    /// There is no access token before the calls.
    pub(super) cold: bool,
    /// How many calls are made one after another, if any.
    pub(super) in_a_row: usize,
    /// Whether there is a run with many calls at once.
    pub(super) at_once: bool,
    /// How media is labelled.
    pub(super) content_type: &'static str,
    /// What comes of this many calls of a client.
    pub(super) expected: fn(Client, usize) -> Outcome,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// `getTempMedia`, which may be made twice.
    Media,
    /// `send`, which may not.
    Send,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// The typed function.
    Typed,
    /// `openapi::call`.
    Generic,
    /// wx-server-sdk 4.0.2, through the gateway.
    Node,
    /// `get_temp_media_to`, into memory.
    Writer,
    /// `get_temp_media_to_file`.
    File,
}

/// How the callers are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// Three attempts, and more time than anything takes.
    Plain,
    /// As many attempts as it takes.
    Patient,
    /// The transport gives an exchange little time.
    TimeLimit,
    /// The calls have a deadline, soon.
    Deadline,
    /// The calls have a deadline before the second attempt would begin.
    NoTimeToRepeat,
    /// The faults are cleared as soon as all were met that are expected.
    Cleared,
    /// Nobody listens at the address until an attempt has failed.
    ListensLate,
    /// Nobody listens there.
    Silence,
}

/// How many calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// One after another.
    InARow(usize),
    /// All begun before any has an answer.
    AtOnce(usize),
}

/// What came of the calls of a run, and how much of it reached the emulator, by its journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Calls with the right result.
    ok: usize,
    /// Calls whose result is not that of the API, but what a fault put in its place.
    altered: usize,
    /// Calls with an error, by `errCode`.
    errors: BTreeMap<i64, usize>,
    /// Requests to the API.
    requests: usize,
    /// Requests for an access token.
    tokens: usize,
    /// Requests, of both kinds, that met the fault.
    met: usize,
    /// Messages that users were sent.
    messages: usize,
}

/// A case with `getTempMedia`.
pub(super) fn media(fault: &'static str, expected: fn(Client, usize) -> Outcome) -> Case {
    Case {
        api: Api::Media,
        fault,
        setting: Setting::Plain,
        cold: false,
        in_a_row: 1,
        at_once: true,
        content_type: "image/jpeg",
        expected,
    }
}

/// A case with `send`.
pub(super) fn send(fault: &'static str, expected: fn(Client, usize) -> Outcome) -> Case {
    Case {
        api: Api::Send,
        ..media(fault, expected)
    }
}

impl Case {
    pub(super) fn with(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    pub(super) fn cold(self) -> Self {
        Self { cold: true, ..self }
    }

    pub(super) fn in_a_row(self, in_a_row: usize) -> Self {
        Self { in_a_row, ..self }
    }

    pub(super) fn never_at_once(self) -> Self {
        Self {
            at_once: false,
            ..self
        }
    }

    pub(super) fn only_at_once(self) -> Self {
        self.in_a_row(0)
    }

    pub(super) fn labelled(self, content_type: &'static str) -> Self {
        Self {
            content_type,
            ..self
        }
    }

    pub(super) fn clients(&self) -> &'static [Client] {
        use Client::{File, Generic, Node, Typed, Writer};
        match self.api {
            Api::Media => &[Typed, Generic, Node, Writer, File],
            Api::Send => &[Typed, Generic, Node],
        }
    }

    /// Whether it is one of those that users meet most.
    pub(super) fn is_preset(&self) -> bool {
        const PRESETS: [&str; 4] = ["busy", "token-expired", "rate-limited", "flaky-network"];

        PRESETS.iter().any(|preset| self.fault.starts_with(preset))
    }

    /// Whether it takes the time that some limit gives.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.setting, Setting::TimeLimit | Setting::Deadline)
    }
}

impl Calls {
    pub(super) fn number(self) -> usize {
        match self {
            Self::InARow(number) | Self::AtOnce(number) => number,
        }
    }
}

/// All calls come to the right end; each makes one request.
pub(super) fn ok(calls: usize) -> Outcome {
    Outcome {
        ok: calls,
        requests: calls,
        ..Outcome::default()
    }
}

/// All calls fail with this `errCode`; each makes one request.
pub(super) fn fail(calls: usize, code: i64) -> Outcome {
    mixed(0, calls, code)
}

/// Some calls succeed and some fail; each makes one request.
pub(super) fn mixed(ok: usize, failed: usize, code: i64) -> Outcome {
    let mut outcome = Outcome {
        requests: ok + failed,
        ..Outcome::default()
    };
    outcome.succeed(ok);
    outcome.fail(failed, code);
    outcome
}

/// All calls give what a fault put in the place of the result; each makes one request.
pub(super) fn altered(calls: usize) -> Outcome {
    Outcome {
        altered: calls,
        requests: calls,
        ..Outcome::default()
    }
}

impl Outcome {
    pub(super) fn requests(self, requests: usize) -> Self {
        Self { requests, ..self }
    }

    pub(super) fn tokens(self, tokens: usize) -> Self {
        Self { tokens, ..self }
    }

    pub(super) fn met(self, met: usize) -> Self {
        Self { met, ..self }
    }

    pub(super) fn messages(self, messages: usize) -> Self {
        Self { messages, ..self }
    }

    pub(super) fn succeed(&mut self, calls: usize) {
        self.ok += calls;
    }

    pub(super) fn alter(&mut self, calls: usize) {
        self.altered += calls;
    }

    pub(super) fn fail(&mut self, calls: usize, code: i64) {
        if calls > 0 {
            *self.errors.entry(code).or_default() += calls;
        }
    }

    /// How many requests met the fault.
    pub(super) fn faults_met(&self) -> usize {
        self.met
    }

    /// How many calls gave a result, right or not.
    pub(super) fn results(&self) -> usize {
        self.ok + self.altered
    }

    /// Whether no call noticed the fault.
    pub(super) fn is_survived(&self) -> bool {
        self.altered == 0 && self.errors.is_empty()
    }

    /// All requests that were sent.
    pub(super) fn sent(&self) -> usize {
        self.requests + self.tokens
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut results = Vec::new();
        if self.ok > 0 {
            results.push(format!("{} ok", self.ok));
        }
        if self.altered > 0 {
            results.push(format!("{} altered", self.altered));
        }
        for (code, calls) in &self.errors {
            results.push(format!("{calls} errCode {code}"));
        }
        write!(f, "{}; {} sent", results.join(", "), self.requests)?;
        if self.tokens > 0 {
            write!(f, " + {} for tokens", self.tokens)?;
        }
        write!(f, ", {} faulted", self.met)?;
        if self.messages > 0 {
            write!(f, ", {} delivered", self.messages)?;
        }
        Ok(())
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Typed => "typed",
            Self::Generic => "generic",
            Self::Node => "node",
            Self::Writer => "writer",
            Self::File => "file",
        })
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InARow(1) => f.pad("1"),
            Self::InARow(number) => f.pad(&format!("{number} in a row")),
            Self::AtOnce(number) => f.pad(&format!("{number} at once")),
        }
    }
}

/// The fault, and what else is special.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            "" => "no fault",
            fault => fault,
        };
        let setting = match self.setting {
            Setting::Plain => "",
            Setting::Patient => "; many attempts",
            Setting::TimeLimit => "; a time limit",
            Setting::Deadline => "; a deadline",
            Setting::NoTimeToRepeat => "; no time to repeat",
            Setting::Cleared => "; cleared when met",
            Setting::ListensLate => "; refused until an attempt has failed",
            Setting::Silence => "; refused",
        };
        let cold = if self.cold { "; no token yet" } else { "" };
        f.pad(&format!("{fault}{setting}{cold}"))
    }
}
