//! `cloudcall exec`: a command of the user's, with emulator and gateway up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Context;
use crate::cli::ExecArgs;
use crate::env::CONFIG;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::runner::{Caller, Host, Project, ProjectError, Upstream};
use crate::target::Target;

/// What a command without a function is called, in messages.
const NO_FUNCTION: &str = "exec";

pub(super) async fn run(args: ExecArgs, context: Context) -> Result<(), Failure> {
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
        _ => (NO_FUNCTION.to_owned(), config(&root, env.os(CONFIG))),
    };
    let program = program(&args.command, env.os("PATH"))?;

    let of_project = project.as_ref().and_then(Project::app_id);
    let app_id = args
        .caller
        .appid
        .as_deref()
        .or(of_project)
        .map(str::to_owned);
    let upstream = Upstream::open(target, app_id.as_deref(), printer).await?;
    let caller = Caller::new(args.caller, upstream.app_id());
    let host = Host::new(project, upstream, caller, env, spawner, printer);
    let config = std::path::absolute(config).map_err(|error| {
        Failure::tool(format_args!("the current folder cannot be told: {error}"))
    })?;
    let (environment, _token) = host.command_environment(&name, &config)?;

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
    match process.ended().await.code() {
        0 => Ok(()),
        code => Err(Failure::silent(Exit::Command(code))),
    }
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

fn config(root: &Path, given: Option<&std::ffi::OsStr>) -> PathBuf {
    root.join(given.unwrap_or("config.json".as_ref()))
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
