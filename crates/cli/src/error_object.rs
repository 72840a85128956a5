//! The error object of a function, in the platform's form: `errorMessage`, and the `stackTrace` of
//! one in Node.

use serde_json::Value;

/// What the platform says of a function that threw.
pub(crate) const THREW: &str = "user code exception caught";

/// Its message, with what was thrown. None if it is no object with an `errorMessage`.
pub(crate) fn message(error: &Value) -> Option<String> {
    let message = match error.get("errorMessage")? {
        Value::String(message) => message.clone(),
        other => other.to_string(),
    };
    // Of user code the platform says only that it threw; what it threw begins the stack trace.
    let thrown = trace(error).and_then(|trace| trace.lines().next());
    match thrown {
        Some(thrown) if message == THREW || !says(&message, thrown) => {
            Some(format!("{message}: {thrown}"))
        }
        _ => Some(message),
    }
}

/// The same for a line that says already that it is an error: what was thrown, and where.
pub(crate) fn brief(error: &Value) -> Option<String> {
    let message = message(error)?;
    let thrown = message
        .strip_prefix(THREW)
        .and_then(|it| it.strip_prefix(": "));
    let Some(thrown) = thrown else {
        return Some(message);
    };
    Some(match trace(error).and_then(place) {
        Some(place) => format!("{thrown} at {place}"),
        None => thrown.to_owned(),
    })
}

fn trace(error: &Value) -> Option<&str> {
    error.get("stackTrace").and_then(Value::as_str)
}

/// Where the function's own code is nearest to what threw, like `/a/index.js:1:2`.
fn place(trace: &str) -> Option<&str> {
    let frames = trace
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("at "));
    let mut places = frames.map(|frame| match frame.rsplit_once('(') {
        Some((_, place)) => place.trim_end_matches(')'),
        None => frame.trim_start_matches("async "),
    });
    let is_its_own = |place: &&str| {
        let is_ours = place.contains("invocation.cjs:") || place.contains("bootstrap.cjs:");
        let is_of_node = place.starts_with("node:") || !place.contains(':');
        !(is_ours || is_of_node || place.contains("node_modules"))
    };
    places.find(is_its_own)
}

/// Whether the message says already what was thrown: an error's text, perhaps after its name.
fn says(message: &str, thrown: &str) -> bool {
    let text = match thrown.split_once(": ") {
        Some((name, text)) if name.ends_with("Error") || name.ends_with(']') => text,
        _ => thrown,
    };
    message.contains(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_thrown_is_said_once() {
        for (text, trace, expected) in [
            (
                THREW,
                "Error: no\n    at f",
                "user code exception caught: Error: no",
            ),
            // Not taken for a part of the platform's own words.
            (
                THREW,
                "Error: code",
                "user code exception caught: Error: code",
            ),
            (
                "index.js exports no function",
                "TypeError: index.js exports no function\n    at f",
                "index.js exports no function",
            ),
            (
                "Cannot find module 'x': run `npm install` in f",
                "Error [ERR_X]: Cannot find module 'x'",
                "Cannot find module 'x': run `npm install` in f",
            ),
            ("it failed", "a: b", "it failed: a: b"),
        ] {
            let error = json!({"errorMessage": text, "stackTrace": trace});
            assert_eq!(message(&error).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_line_says_what_was_thrown_and_where_in_the_functions_own_code() {
        let trace = "Error: no
    at call (/p/node_modules/wx-server-sdk/index.js:559:27)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async exports.main (/p/functions/f/index.js:7:20)
    at async run (/t/invocation.cjs:15:19)";
        let brief_of = |trace| brief(&json!({"errorMessage": THREW, "stackTrace": trace}));
        let expected = "Error: no at /p/functions/f/index.js:7:20";
        assert_eq!(brief_of(trace).as_deref(), Some(expected));
        let unnamed = "Error: no\n    at async /p/f/index.js:1:2\n    at /p/f/index.js:3:4";
        let expected = "Error: no at /p/f/index.js:1:2";
        assert_eq!(brief_of(unnamed).as_deref(), Some(expected));
        let ours = "a text\n    at async main (/t/bootstrap.cjs:58:31)\n    at <anonymous>";
        assert_eq!(brief_of(ours).as_deref(), Some("a text"));
        let other = json!({"errorMessage": "it was asked to fail"});
        assert_eq!(brief(&other).as_deref(), Some("it was asked to fail"));
        assert_eq!(brief(&json!([])), None);
    }
}
