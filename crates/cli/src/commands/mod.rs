//! The commands, one file each, and what they share: the runtime, and the end on Ctrl-C.

mod call;
mod check;
mod dev;
pub(crate) mod dev_client;
mod env;
mod exec;
#[cfg(unix)]
mod guard;
mod invoke;
mod outcome;
mod output_file;
mod push;

use std::path::{Path, PathBuf};

use crate::cli::{Cli, Command};
use crate::env::{CONFIG, Env};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::runner::{Groups, Processes, Spawner};
use crate::signals::Signals;

/// The name of the command that is none of the user's.
#[cfg(unix)]
pub(crate) const GUARD: &str = "guard";

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
    // It takes signals otherwise, and should start fast.
    #[cfg(unix)]
    if let Command::Guard(args) = cli.command {
        return guard::run(args, printer);
    }
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
    printer.flush();
    exit
}

/// Runs the command until its end or a signal; either way returns when no process is left.
async fn until_interrupted(cli: Cli, printer: Printer) -> Result<(), Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::tool(format_args!("cannot listen for signals: {error}")))?;
    let processes = Processes::new(Groups::new(printer));
    let context = Context {
        printer,
        env: Env::of_process(),
        root: PathBuf::new(),
        spawner: processes.spawner(),
    };
    let result = match cli.command {
        Command::Invoke(args) => unless(&mut signals, invoke::run(args, context)).await,
        Command::Call(args) => unless(&mut signals, call::run(args, context)).await,
        Command::Check(args) => unless(&mut signals, check::run(args, context)).await,
        Command::Dev(args) => unless(&mut signals, dev::run(args, context)).await,
        Command::Env(args) => unless(&mut signals, env::run(args, context)).await,
        Command::Push(args) => unless(&mut signals, push::run(args, context)).await,
        // It passes signals on.
        Command::Exec(args) => exec::run(args, context, &mut signals).await,
        #[cfg(unix)]
        Command::Guard(_) => unreachable!("it runs without this runtime"),
    };
    processes.ended().await;
    result
}

/// Does the work, or drops it on a signal.
async fn unless<T>(
    signals: &mut Signals,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        signal = signals.next() => Err(interrupted(signal)),
    }
}

fn interrupted(signal: u8) -> Failure {
    Failure::silent(Exit::Interrupted(signal))
}

/// The config.json that permits. One that was named must be there; without the usual one nothing
/// is permitted, and the SDK says how to change that.
fn config(given: Option<PathBuf>, env: &Env, root: &Path) -> Result<PathBuf, Failure> {
    let named = match given {
        Some(given) => Some((given, "--config")),
        None => env.os(CONFIG).map(|path| (PathBuf::from(path), CONFIG)),
    };
    match named {
        None => Ok(root.join("config.json")),
        Some((path, _)) if path.exists() => Ok(path),
        Some((path, by)) => Err(Failure::usage(format_args!(
            "{by}: there is no file {}",
            path.display()
        ))
        .hint("name a config.json whose permissions.openapi lists the API")),
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
