//! An entry as one line for a person.

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::what::{Call, Invocation, Reload, What};
use crate::printer::{EntryLine, Tone};

/// How wide the column of function names is; a longer name takes what it needs.
const FUNCTION: usize = 16;

/// The longest value of a parameter that is shown, and all of them, in columns.
const VALUE: usize = 40;
const PARAMETERS: usize = 80;

/// The longest message, in columns.
const MESSAGE: usize = 200;

pub(super) fn line(clock: &str, what: &What) -> EntryLine {
    let function = padded(what.function().unwrap_or("?"), FUNCTION);
    let (text, outcome, tone, rest) = match what {
        What::Invocation(it) => invocation(it),
        What::Call(it) => call(it),
        What::Reload(it) => reload(it),
    };
    EntryLine {
        begin: format!("{clock}  {function}  "),
        text,
        outcome,
        tone,
        rest,
    }
}

type Parts = (String, String, Tone, String);

fn invocation(it: &Invocation) -> Parts {
    let source = match it.source {
        "http" => "POST",
        other => other,
    };
    let tone = if it.outcome == "ok" {
        Tone::Good
    } else {
        Tone::Bad
    };
    let mut rest = format!("  {} ms", it.duration_ms);
    if it.queued_ms > 0 {
        rest.push_str(&format!(" after {} ms in the queue", it.queued_ms));
    }
    if let Some(user) = &it.caller.open_id {
        rest.push_str(&format!("  {user}"));
    }
    if let Some(message) = &it.error_message {
        // What the process wrote last follows, and stands above already.
        let message = message.lines().next().unwrap_or_default();
        let message = message.strip_suffix("; its last lines:").unwrap_or(message);
        rest.push_str(&format!("  {}", shortened(message, MESSAGE)));
    }
    let outcome = match it.outcome {
        "ok" | "error" => it.status.to_string(),
        other => format!("{} {other}", it.status),
    };
    (format!("{source}  "), outcome, tone, rest)
}

fn call(it: &Call) -> Parts {
    // The category is the same nearly always; the JSON has all of it.
    let name = it
        .api
        .strip_prefix("customerServiceMessage.")
        .unwrap_or(&it.api);
    let text = format!("  {name}{}   ", parameters(&it.parameters.value()));
    if it.err_code != 0 {
        let outcome = format!("{} {}", it.err_code, shortened(&it.err_msg, MESSAGE));
        return (text, outcome, Tone::Bad, String::new());
    }
    let kind = it.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let rest = format!("  {kind} {} bytes  {} ms", it.bytes, it.duration_ms);
    (text, "ok".into(), Tone::Good, rest)
}

fn reload(it: &Reload) -> Parts {
    let why = it.why.join(", ");
    match &it.error {
        Some(error) => (
            format!("{why}  "),
            "not reloaded".into(),
            Tone::Bad,
            format!(": {error}"),
        ),
        None => {
            let changes = it.changes.join("; ");
            let gap = if changes.is_empty() { "" } else { "  " };
            (
                format!("{why}  "),
                "reloaded".into(),
                Tone::Good,
                format!("{gap}{changes}"),
            )
        }
    }
}

/// Like ` touser=o1 msgtype=text`: what is nested is only hinted at.
fn parameters(parameters: &Value) -> String {
    let mut text = String::new();
    let Some(fields) = parameters.as_object() else {
        return text;
    };
    for (name, value) in fields {
        let value = match value {
            Value::String(value) => shortened(value, VALUE),
            Value::Object(file) if file.contains_key("size") => {
                let kind = file.get("contentType").and_then(Value::as_str);
                format!("({} {} bytes)", kind.unwrap_or("file"), file["size"])
            }
            Value::Object(_) => "{…}".into(),
            Value::Array(_) => "[…]".into(),
            other => other.to_string(),
        };
        let more = format!(" {name}={value}");
        if text.width() + more.width() > PARAMETERS {
            text.push_str(" …");
            break;
        }
        text.push_str(&more);
    }
    text
}

fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + 2 > columns {
            break;
        }
        short.push(character);
    }
    short + "…"
}

/// Chinese characters take two columns.
fn padded(text: &str, columns: usize) -> String {
    let gap = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(gap))
}
