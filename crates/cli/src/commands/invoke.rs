//! `cloudcall invoke`: one invocation of a function.

use cloudcall::Permissions;

use super::output_file::OutputFile;
use super::{Context, outcome, read_json};
use crate::cli::InvokeArgs;
use crate::failure::Failure;
use crate::ids;
use crate::printer::Printer;
use crate::runner::{
    self, Function, Outcome, Project, Settings, Upstream, Worker, WorkerError, WorkerSpec,
};
use crate::target::Target;

pub(super) async fn run(args: InvokeArgs, context: &Context) -> Result<(), Failure> {
    let Context {
        printer,
        env,
        root,
        spawner,
    } = context;
    let output = args.output.map(OutputFile::check).transpose()?;
    let target = Target::choose(&args.target, env, root)?;
    let project = Project::find(root, args.functions.as_deref())?;
    let function = project.function(&args.function)?;
    let event = read_json("--event", args.event).await?;

    let settings = Settings::load(&function.config());
    warn(&function, &settings, *printer);
    let upstream = Upstream::open(target, project.app_id()).await?;
    let spec = runner::prepare(&function, &settings, &upstream, env, spawner).await?;
    match serve_once(spec, event, context).await {
        Ok(outcome) => outcome::report(outcome, &function, output.as_ref(), *printer),
        Err(error) => Err(outcome::failure(&error, &function)),
    }
}

/// Says what is odd in the function's `config.json`.
fn warn(function: &Function, settings: &Settings, printer: Printer) {
    let permissions = Permissions::load(function.config());
    for warning in permissions.warnings() {
        printer.warning(warning);
    }
    // A function without Cloud Calls needs no config.json, but one that is there must be read.
    if let Some(problem) = permissions.problem().filter(|_| function.config().exists()) {
        printer.warning(format_args!("{problem}: no Cloud Call is permitted"));
    }
    for warning in &settings.warnings {
        printer.warning(warning);
    }
}

async fn serve_once(
    spec: WorkerSpec,
    event: String,
    context: &Context,
) -> Result<Outcome, WorkerError> {
    let mut worker = Worker::start(spec, &context.spawner, context.printer).await?;
    let outcome = worker.invoke(ids::request_id(), event.into()).await;
    worker.stop().await;
    outcome
}
