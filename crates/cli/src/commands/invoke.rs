//! `cloudcall invoke`: one invocation of a function.

use super::output_file::OutputFile;
use super::{Context, outcome, read_json};
use crate::cli::InvokeArgs;
use crate::failure::Failure;
use crate::runner::{Caller, Host, InvocationError, Kind, Project, Upstream, Ways};
use crate::target::Target;

pub(super) async fn run(args: InvokeArgs, context: Context) -> Result<(), Failure> {
    let Context {
        printer,
        env,
        root,
        spawner,
    } = context;
    let output = args.output.map(OutputFile::check).transpose()?;
    let target = Target::choose(&args.target, &env, &root)?;
    let project = Project::find(&root, args.functions.as_deref())?;
    let function = project.function(&args.function)?;
    if args.inspect.is_some() && function.kind == Kind::Rust {
        return Err(
            Failure::usage("--inspect is Node's debugger, and this is a Rust function")
                .hint("leave out --inspect"),
        );
    }
    let event = read_json("--event", args.event).await?;

    let who = args.caller.within(Some(&project));
    let upstream =
        Upstream::open(target, args.target.record, who.appid.as_deref(), printer).await?;
    let caller = Caller::new(who, upstream.app_id());
    let host = Host::new(
        Some(project),
        upstream,
        caller,
        env,
        spawner,
        printer,
        Ways::Shared,
    );
    match host.invoke(&function, event, args.inspect).await {
        Ok(outcome) => outcome::report(outcome, &function, output.as_ref(), printer),
        Err(InvocationError::Prepare(error)) => Err(error.into()),
        Err(InvocationError::Worker(error)) => Err(outcome::failure(&error, &function)),
    }
}
