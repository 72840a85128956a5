//! What can happen, and its JSON.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The longest text of a function or of WeChat, in characters.
const LONGEST_TEXT: usize = 1024;

/// The longest parameters, in bytes of JSON.
const LONGEST_PARAMETERS: usize = 8 << 10;

/// The `type` of each.
pub(super) const KINDS: [&str; 3] = ["invocation", "call", "reload"];

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum What {
    Invocation(Invocation),
    Call(Call),
    Reload(Reload),
}

/// A function was to serve an event.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invocation {
    pub(crate) function: String,
    pub(crate) request_id: String,
    /// `http`, `call-function`, `timer` or `push`.
    pub(crate) source: &'static str,
    pub(crate) caller: User,
    /// `ok`, `error`, `timeout`, `died`; or why it did not begin: `invalid`, `unknown`, `refused`,
    /// `broken`, `closed`.
    pub(crate) outcome: &'static str,
    /// That of the HTTP answer.
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_message: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) queued_ms: u64,
    pub(crate) duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<u64>,
    pub(crate) version: u64,
}

/// Who called.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) union_id: Option<String>,
}

/// A Cloud Call ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    pub(crate) function: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    pub(crate) api: String,
    pub(crate) parameters: Parameters,
    pub(crate) verdict: Verdict,
    pub(crate) err_code: i64,
    pub(crate) err_msg: String,
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    pub(crate) duration_ms: u64,
}

/// The parameters of a call, as JSON that is not long: as a text, which takes less than what it means.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Parameters(Box<RawValue>);

impl From<&Value> for Parameters {
    fn from(value: &Value) -> Self {
        let text = to_raw_value(value).unwrap_or_default();
        if text.get().len() <= LONGEST_PARAMETERS {
            return Self(text);
        }
        Self(to_raw_value("…").unwrap_or_default())
    }
}

impl Parameters {
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Permitted,
    Denied,
    UnknownApi,
}

/// A function changed.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reload {
    pub(crate) function: String,
    /// The files that changed.
    pub(crate) why: Vec<String>,
    pub(crate) version: u64,
    /// What is different, such as `permissions: + customerServiceMessage.send`.
    pub(crate) changes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl What {
    pub(super) fn kind(&self) -> &'static str {
        let [invocation, call, reload] = KINDS;
        match self {
            Self::Invocation(_) => invocation,
            Self::Call(_) => call,
            Self::Reload(_) => reload,
        }
    }

    pub(super) fn function(&self) -> Option<&str> {
        let function = match self {
            Self::Invocation(it) => &it.function,
            Self::Call(it) => &it.function,
            Self::Reload(it) => &it.function,
        };
        Some(function)
            .filter(|it| !it.is_empty())
            .map(String::as_str)
    }

    /// The same with nothing in it that is long.
    pub(super) fn bounded(mut self) -> Self {
        match &mut self {
            Self::Invocation(it) => {
                // It may be that of no function there is.
                clip(&mut it.function);
                clip(&mut it.request_id);
                it.error_message.iter_mut().for_each(clip);
                let User {
                    open_id,
                    app_id,
                    union_id,
                } = &mut it.caller;
                let of_user = [open_id, app_id, union_id];
                of_user.into_iter().flatten().for_each(clip);
            }
            Self::Call(it) => {
                clip(&mut it.api);
                clip(&mut it.err_msg);
                it.content_type.iter_mut().for_each(clip);
            }
            Self::Reload(it) => {
                it.why.truncate(64);
                it.changes.truncate(64);
                let texts = it.why.iter_mut().chain(&mut it.changes);
                texts.chain(&mut it.error).for_each(clip);
            }
        }
        self
    }
}

fn clip(text: &mut String) {
    // As nearly always, and then no character has to be counted.
    if text.len() <= LONGEST_TEXT {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
        text.push('…');
    }
}

/// The entry as JSON, in one line.
pub(super) fn json(id: u64, time: &str, what: &What) -> String {
    #[derive(Serialize)]
    struct Whole<'a> {
        id: u64,
        time: &'a str,
        #[serde(flatten)]
        what: &'a What,
    }
    serde_json::to_string(&Whole { id, time, what }).expect("texts and numbers only")
}
