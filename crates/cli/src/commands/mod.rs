//! The commands, one file each, and what they share: the runtime, and the end on Ctrl-C.

mod call;
mod exec;
mod invoke;
mod outcome;
mod output_file;

use std::path::PathBuf;

use crate::cli::{Cli, Command};
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::runner::{Processes, Spawner};
use crate::signals::Signals;

/// What every command is given.
struct Context {
    printer: Printer,
    env: Env,
    /// The project's folder: the current one. Empty, so that paths are shown as they are typed.
    root: PathBuf,
    spawner: Spawner,
}

/// Runs the command and reports how it ended.
pub(crate) fn run(cli: Cli) -> Exit {
    let printer = Printer;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failure::tool(format_args!("cannot start: {error}")).report(printer),
    };
    let exit = match runtime.block_on(until_interrupted(cli, printer)) {
        Ok(()) => Exit::Done,
        Err(failure) => failure.report(printer),
    };
    // A thread may still wait for stdin, and nobody waits for it.
    runtime.shutdown_background();
    exit
}

/// Runs the command, or drops it on a signal; either way returns when no process is left.
async fn until_interrupted(cli: Cli, printer: Printer) -> Result<(), Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::tool(format_args!("cannot listen for signals: {error}")))?;
    let processes = Processes::new();
    let context = Context {
        printer,
        env: Env::of_process(),
        root: PathBuf::new(),
        spawner: processes.spawner(),
    };
    let result = tokio::select! {
        result = dispatch(cli, context) => result,
        exit = signals.next() => Err(Failure::silent(exit)),
    };
    processes.ended().await;
    result
}

async fn dispatch(cli: Cli, context: Context) -> Result<(), Failure> {
    match cli.command {
        Command::Invoke(args) => invoke::run(args, context).await,
        Command::Call(args) => call::run(args, &context).await,
        Command::Exec(args) => exec::run(args, context).await,
    }
}

/// Reads JSON that the user gave. On a thread of its own: stdin may keep it waiting, and Ctrl-C
/// must get through.
async fn read_json(flag: &'static str, value: String) -> Result<String, Failure> {
    match tokio::task::spawn_blocking(move || crate::input::read(flag, &value)).await {
        Ok(read) => Ok(read?),
        Err(panic) => Err(Failure::tool(format_args!("{flag} was not read: {panic}"))),
    }
}

/// Prints the result.
fn print(printer: Printer, document: &str) -> Result<(), Failure> {
    printer
        .json(document)
        .map_err(|error| Failure::tool(format_args!("stdout cannot be written: {error}")))
}
