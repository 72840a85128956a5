//! `cloudcall exec`: a command of the user's, with emulator and gateway up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloudcall_emulator::FunctionToken;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Context, config, interrupted, unless};
use crate::cli::ExecArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::runner::{Caller, Host, Process, Project, ProjectError, Upstream, Ways};
use crate::signals::Signals;
use crate::target::Target;

/// What a command without a function is called, in messages.
const NO_FUNCTION: &str = "exec";

/// How long the command may take to end in order, after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// The command, and what it reaches while this lives.
struct Running {
    process: Process,
    _token: FunctionToken,
    _host: Arc<Host>,
}

/// Runs the command until its end. A signal is passed on to it.
pub(super) async fn run(
    args: ExecArgs,
    context: Context,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let mut running = unless(signals, start(args, context)).await?;
    let ending = tokio::select! {
        // First, because the command may have taken the same Ctrl-C.
        biased;
        signal = signals.next() => {
            end(&mut running.process, signal, signals).await;
            return Err(interrupted(signal));
        }
        ending = running.process.ended() => ending,
    };
    match ending.code() {
        0 => Ok(()),
        code => Err(Failure::silent(Exit::Command(code))),
    }
}

/// Lets the command end in order, and kills it if that takes too long or at another signal.
async fn end(process: &mut Process, signal: u8, signals: &mut Signals) {
    process.pass_on(signal);
    tokio::select! {
        _ = timeout(GRACE, process.ended()) => {}
        _ = signals.next() => {}
    }
    process.stop();
    process.ended().await;
}

async fn start(args: ExecArgs, context: Context) -> Result<Running, Failure> {
    let Context {
        printer,
        env,
        root,
        spawner,
    } = context;
    let target = Target::choose(&args.target, &env, &root)?;
    let project = project(&root, args.functions.as_deref(), args.function.is_some())?;
    let (name, config) = match (&args.function, &project) {
        (Some(name), Some(project)) => {
            let function = project.function(name)?;
            (function.name.clone(), function.config())
        }
        _ => (NO_FUNCTION.to_owned(), config(None, &env, &root)?),
    };
    let program = program(&args.command, env.os("PATH"))?;

    let who = args.caller.within(project.as_ref());
    let upstream =
        Upstream::open(target, args.target.record, who.appid.as_deref(), printer).await?;
    let caller = Caller::new(who, upstream.app_id());
    let host = Host::new(
        project,
        upstream,
        caller,
        env,
        spawner,
        printer,
        Ways::Shared,
    );
    host.settings(&config);
    let config = std::path::absolute(config).map_err(|error| {
        Failure::tool(format_args!("the current folder cannot be told: {error}"))
    })?;
    let (environment, token) = host.command_environment(&name, &config)?;

    let mut command = Command::new(&program);
    command
        .args(&args.command[1..])
        .env_clear()
        .envs(environment);
    let process = host.spawner.spawn_in_foreground(command).map_err(|error| {
        Failure::usage(format_args!(
            "{} does not start: {error}",
            program.display()
        ))
        .hint("see whether it runs by itself")
    })?;
    Ok(Running {
        process,
        _token: token,
        _host: host,
    })
}

/// The project. A command needs none, unless it takes a function's permissions.
fn project(
    root: &Path,
    functions: Option<&Path>,
    needed: bool,
) -> Result<Option<Project>, ProjectError> {
    match Project::find(root, functions) {
        Ok(project) => Ok(Some(project)),
        Err(ProjectError::NoFolder(_)) if !needed => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the command is. Looked up here, because Windows finds `npm` only as `npm.cmd`.
fn program(command: &[OsString], path: Option<&std::ffi::OsStr>) -> Result<PathBuf, Failure> {
    let not_found = |name: &OsString| {
        Failure::usage(format_args!("the command {} is not found", name.display()))
            .hint("check its spelling and the PATH")
    };
    let name = &command[0];
    let here = std::env::current_dir().map_err(|_| not_found(name))?;
    which::which_in(name, path, here).map_err(|_| not_found(name))
}
