//! `cloudcall env`: variables that lead what a shell starts to a running `cloudcall dev`.

use http::{Method, StatusCode};
use serde_json::Value;

use super::dev_client::{Answer, ask};
use super::{Context, print};
use crate::cli::EnvArgs;
use crate::dev::environment::{Offered, Shell, path_for};
use crate::env::NODE_OPTIONS;
use crate::failure::Failure;

pub(super) async fn run(args: EnvArgs, context: Context) -> Result<(), Failure> {
    let (printer, shell) = (context.printer, args.shell);
    let given = give(args, context).await;
    // The shell takes no notice of the exit code, but of what it evaluates: `eval "$(…)" && npm test`
    // must not test without the variables.
    if let (Err(_), Some(script)) = (&given, shell.failing_script()) {
        printer
            .data(script)
            .map_err(|error| Failure::tool(format_args!("stdout cannot be written: {error}")))?;
    }
    given
}

async fn give(args: EnvArgs, context: Context) -> Result<(), Failure> {
    let Context { printer, env, .. } = context;
    let path = path_for(args.function.as_deref());
    let Answer { status, body } = ask(args.port, Method::GET, &path, "").await?;
    let offered = match serde_json::from_slice::<Offered>(&body) {
        Ok(offered) if status == StatusCode::OK => offered,
        _ => return Err(refused(args.port, status, &body)),
    };
    for note in &offered.notes {
        printer.note(note);
    }
    let before = env.os(NODE_OPTIONS).and_then(|it| it.to_str());
    let script = args.shell.script(&offered.with_node_options(before));
    if args.shell == Shell::Json {
        return print(printer, script.trim_end());
    }
    printer
        .data(&script)
        .map_err(|error| Failure::tool(format_args!("stdout cannot be written: {error}")))
}

fn refused(port: u16, status: StatusCode, body: &[u8]) -> Failure {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    match said["errorMessage"].as_str() {
        Some(message) => Failure::usage(message).hint("name one of the functions with --function"),
        None => Failure::usage(format_args!(
            "what listens at port {port} is no cloudcall dev: it answered {status}"
        ))
        .hint("name the port that `cloudcall dev` has said, with --port"),
    }
}
