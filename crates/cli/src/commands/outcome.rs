//! What came of an invocation, for the user: the result, or the error with what to do next.

use std::time::Duration;

use cloudcall::Buffer;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::output_file::OutputFile;
use super::print;
use crate::error_object::{self, THREW};
use crate::failure::Failure;
use crate::json;
use crate::printer::Printer;
use crate::runner::{Function, Kind, LARGEST, Outcome, WorkerError};

/// The platform's limit for the response of a synchronous invocation, in bytes.
const PLATFORM_LIMIT: usize = 6 << 20;

/// What reaches a mini program, in bytes.
const MINI_PROGRAM_LIMIT: usize = 1 << 20;

/// The shortest time limit that a hint suggests.
const GENEROUS: Duration = Duration::from_secs(20);

/// Prints the result, or gives the error that the function reported.
pub(super) fn report(
    outcome: Outcome,
    function: &Function,
    output: Option<&OutputFile>,
    printer: Printer,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Response(body) => {
            let result = result(&body, function)?;
            warn_of_size(body.len(), printer);
            match output {
                None => print(printer, &result),
                Some(output) => print_without_buffer(result, output, printer),
            }
        }
        Outcome::Error(body) => Err(reported(&body, function)),
        Outcome::TooLarge => {
            let message = format!("the function's result is larger than {} MiB", LARGEST >> 20);
            let hint = "the platform takes 6 MB at most: hand larger data over in storage";
            Err(failed(function, &message, "").hint(hint))
        }
    }
}

/// The function could not be run to its end.
pub(super) fn failure(error: &WorkerError, function: &Function) -> Failure {
    let failed = |error: &WorkerError| failed(function, &error.to_string(), &error.last_lines());
    match error {
        WorkerError::TimedOut(limit) => failed(error).hint(format!(
            "raise the limit in {}: \"timeout\": {} (seconds)",
            function.config().display(),
            limit.saturating_mul(2).max(GENEROUS).as_secs()
        )),
        WorkerError::NeverReady | WorkerError::Died { started: false, .. } => {
            let folder = function.folder.display();
            failed(error).hint(match function.kind {
                Kind::Rust => format!(
                    "main in {folder} must call cloudcall::runtime::run(handler) and wait for it"
                ),
                Kind::Node => format!("see what {folder} does while it is loaded"),
            })
        }
        WorkerError::Died { started: true, .. } => failed(error).hint(match function.kind {
            Kind::Rust => {
                "its output is above; with RUST_BACKTRACE=1 a panic shows where it came from"
            }
            Kind::Node => "its output is above; look for a process.exit(), or memory that ran out",
        }),
        WorkerError::Port(_) => {
            Failure::tool(error).hint("try again; a firewall or sandbox may forbid loopback ports")
        }
        WorkerError::Spawn { .. } => {
            Failure::tool(error).hint("see whether the program runs by itself")
        }
    }
}

/// A failure in the platform's form; `report` follows the message as data.
fn failed(function: &Function, message: &str, report: &str) -> Failure {
    let json = json!({"errorCode": -1, "errorMessage": format!("{message}{report}")});
    Failure::failed(
        json.to_string(),
        format_args!("{} failed: {message}", function.name),
    )
}

/// The response as one line of JSON.
fn result(body: &[u8], function: &Function) -> Result<String, Failure> {
    let checked = match str::from_utf8(body) {
        Ok(text) => json::one_line(text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    checked.map_err(|why| {
        let message = if body.is_empty() {
            "the function's response is empty, which is not JSON".to_owned()
        } else {
            let start = json::beginning(body, 100);
            format!("the function's response is not JSON ({why}); it starts with: {start}")
        };
        failed(function, &message, "").hint(format!(
            "the handler in {} must return a value that becomes JSON",
            function.folder.display()
        ))
    })
}

fn warn_of_size(size: usize, printer: Printer) {
    let reaches = if size > PLATFORM_LIMIT {
        "on the platform a synchronous response is 6 MB at most"
    } else if size > MINI_PROGRAM_LIMIT {
        "on the platform 1 MB at most reaches a mini program, else error -604001"
    } else {
        return;
    };
    printer.warning(format_args!("the result has {size} bytes: {reaches}"));
}

/// Writes the result's `buffer` to the file, and prints the rest.
fn print_without_buffer(
    result: String,
    output: &OutputFile,
    printer: Printer,
) -> Result<(), Failure> {
    let mut fields = match serde_json::from_str(&result) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => {
            let kind = json::kind(&other);
            let why = format!("the result is {kind}, not an object with a buffer");
            return Err(output.not_written(result, why));
        }
        Err(error) => return Err(output.not_written(result, error)),
    };
    let Some(buffer) = fields.get_mut("buffer") else {
        let why = match fields.get("errMsg") {
            Some(Value::String(message)) => format!("the result has no buffer: {message}"),
            _ => "the result has no buffer".to_owned(),
        };
        return Err(output.not_written(result, why));
    };
    match Buffer::deserialize(&*buffer) {
        Ok(bytes) => *buffer = output.write(&bytes)?,
        Err(error) => {
            let why = format!("the result's buffer cannot be read: {error}");
            return Err(output.not_written(result, why));
        }
    }
    print(printer, &Value::Object(fields).to_string())
}

/// The function has reported an error.
fn reported(body: &[u8], function: &Function) -> Failure {
    let text = String::from_utf8_lossy(body);
    let (json, message) = with_message(&text).unwrap_or_else(|| {
        let json = json!({"errorCode": 1, "errorMessage": text});
        (json.to_string(), text.clone().into_owned())
    });
    let failure = Failure::failed(&json, format_args!("{} failed: {message}", function.name));
    if json.contains("-604101") {
        let config = function.config();
        failure.hint(format!(
            "add the API to permissions.openapi in {}",
            config.display()
        ))
    } else if function.kind == Kind::Node && !message.starts_with(THREW) {
        // Our script in Node says itself what is wrong and where: the function was not loaded, say.
        failure
    } else {
        let folder = function.folder.display();
        failure.hint(format!("the error is that of the code in {folder}"))
    }
}

/// The text in one line, and its message, if it is an object with an `errorMessage`.
fn with_message(text: &str) -> Option<(String, String)> {
    let error: Value = serde_json::from_str(text).ok()?;
    let message = error_object::message(&error)?;
    Some((json::one_line(text).ok()?, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_a_message_stays_as_it_is() {
        assert_eq!(
            with_message(r#"{"stackTrace": "s", "errorMessage": "m"}"#),
            Some((
                r#"{"stackTrace":"s","errorMessage":"m"}"#.into(),
                "m: s".into()
            ))
        );
        for other in ["plain text", "{}", "[]", "\"errorMessage\"", ""] {
            assert_eq!(with_message(other), None, "{other}");
        }
    }
}
