//! `cloudcall push`: a message of a user, sent to the function that handles it.

use http::{Method, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use super::dev_client::{Answer, ask};
use super::{Context, print};
use crate::cli::{MessageArgs, PushArgs};
use crate::dev::push::{Message, PATH, Push};
use crate::failure::Failure;

/// What is read of the answer. The result is printed as it came.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pushed<'a> {
    function: String,
    open_id: String,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    notes: Vec<String>,
}

pub(super) async fn run(args: PushArgs, context: Context) -> Result<(), Failure> {
    let printer = context.printer;
    let named = args.openid.is_some();
    let push = Push {
        message: message(args.message),
        open_id: args.openid,
        function: args.function,
    };
    let body = serde_json::to_vec(&push)
        .map_err(|error| Failure::tool(format_args!("the push cannot be written: {error}")))?;
    let Answer { status, body } = ask(args.port, Method::POST, PATH, body).await?;
    let Ok(pushed) = serde_json::from_slice::<Pushed<'_>>(&body) else {
        return Err(refused(status, &body));
    };
    let Pushed { function, .. } = &pushed;
    if !named {
        printer.note(format_args!(
            "written by the user {}: name another with --openid",
            pushed.open_id
        ));
    }
    for note in &pushed.notes {
        printer.warning(note);
    }
    match (pushed.result, pushed.error) {
        (Some(result), _) => print(printer, result.get()),
        (None, error) => {
            let text = error.map_or("null", RawValue::get);
            let error: Value = serde_json::from_str(text).unwrap_or_default();
            let line = reason(&error).lines().next().unwrap_or_default();
            Err(Failure::failed(
                text,
                format_args!("the function {function} failed: {line}"),
            ))
        }
    }
}

/// Of user code the platform says only that it threw; what it threw begins the stack trace.
fn reason(error: &Value) -> &str {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    match (text("errorMessage"), text("stackTrace")) {
        (Some("user code exception caught"), Some(thrown)) => thrown,
        (Some(message), _) => message,
        (None, _) => "it gave no reason",
    }
}

/// What the other side says about a request that reached no function.
fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    match (said["errorMessage"].as_str(), said["hint"].as_str()) {
        (Some(message), Some(hint)) => Failure::usage(message).hint(hint),
        _ => Failure::usage(format_args!(
            "what listens at this port is no cloudcall dev that takes pushes: it answered {status}"
        ))
        .hint("name the port that `cloudcall dev` has said, with --port"),
    }
}

fn message(args: MessageArgs) -> Message {
    match args {
        MessageArgs::Text { content } => Message::Text { content },
        MessageArgs::Image { media_id, pic_url } => Message::Image { media_id, pic_url },
        MessageArgs::Miniprogrampage {
            title,
            appid,
            pagepath,
            thumb_url,
            thumb_media_id,
        } => Message::MiniProgramPage {
            title,
            app_id: appid,
            page_path: pagepath,
            thumb_url,
            thumb_media_id,
        },
        MessageArgs::EnterSession { session_from } => Message::EnterSession { session_from },
    }
}
