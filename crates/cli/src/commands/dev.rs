//! `cloudcall dev`: all functions of the project, served until Ctrl-C.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;

use super::Context;
use crate::cli::{DEV_PORT, DevArgs, LogFormat};
use crate::dev::calls::Calls;
use crate::dev::deliver::Deliverer;
use crate::dev::journal::{self, Journal, LIMIT};
use crate::dev::push::Pushes;
use crate::dev::running::Running;
use crate::dev::triggers::{Clock, Triggers};
use crate::dev::{FunctionCalls, Functions, LateFunctions, Limits, Mode, Reload, Served, Tasks};
use crate::dev::{environment, push, server, welcome};
use crate::failure::Failure;
use crate::runner::{Caller, Host, Project, Upstream, Ways};
use crate::target::Target;

/// Where `dev` is unless something else is asked for.
pub(crate) const PORT: u16 = DEV_PORT;

/// How many ports after that are tried.
const NEXT: u16 = 100;

pub(super) async fn run(args: DevArgs, context: Context) -> Result<(), Failure> {
    let Context {
        printer,
        env,
        root,
        spawner,
    } = context;
    if args.log_format == LogFormat::Json {
        printer.log_as_json();
    }
    printer
        .never_wait()
        .map_err(|error| Failure::tool(format_args!("no thread for stderr: {error}")))?;
    let target = Target::choose(&args.target, &env, &root)?;
    let target_text = target.to_string();
    let project = Project::find(&root, args.functions.as_deref())?;
    let folder = project.folder().to_owned();
    let who = args.caller.within(Some(&project));
    let (listener, is_other) = listen(args.port).await?;
    refuse_itself(&target, &listener)?;

    let calls = Calls {
        journal: Journal::new(printer, LIMIT),
        running: Running::default(),
        printer,
    };
    let late = LateFunctions::default();
    let served = Served::new(Arc::clone(&late));
    let pushes = Pushes {
        deliverer: Arc::new(served.clone()),
        clock: Arc::new(SystemTime::now),
    };
    let routes = server::router(Arc::clone(&late))
        .merge(journal::router(calls.journal.clone()))
        .merge(push::router(pushes))
        .merge(environment::router(served.clone()));
    let upstream = Upstream::open_on(
        listener,
        target,
        args.target.record,
        who.appid.as_deref(),
        Arc::new(calls.clone()),
        routes,
        printer,
    )
    .await?;
    let caller = Caller::new(who, upstream.app_id());
    let host = Host::new(
        Some(project),
        upstream,
        caller,
        env,
        spawner,
        printer,
        Ways::Apart,
    );
    let url = host.upstream.gateway_url();
    let limits = Limits {
        workers: args.concurrency.into(),
        starting: std::thread::available_parallelism().map_or(1, Into::into),
        queue: args.queue.into(),
        idle: Duration::from_secs(args.idle),
    };
    let mode = match args.poll {
        true => Mode::Polling,
        false => Mode::Native,
    };
    let reload = Reload::start(&folder, mode, printer)
        .await
        .map_err(|error| Failure::tool(format_args!("files cannot be watched: {error}")))?;
    let (functions, sources) = Functions::open(Arc::clone(&host), calls, limits, Tasks::default())?;
    // A signal drops this function where it waits.
    let _closing = Closing(Arc::clone(&functions));
    host.upstream
        .gateway()
        .set_invoker(FunctionCalls(Arc::downgrade(&functions)));
    if is_other {
        printer.note(format_args!(
            "port {PORT} is in use, by another `cloudcall dev` perhaps: this one has the next"
        ));
    }
    let clock: Clock = Arc::new(SystemTime::now);
    let deliverer = args.triggers.then(|| Arc::new(served) as Deliverer);
    let triggers = Triggers::new(deliverer, clock, printer);
    triggers.read(&functions.configs());
    for line in welcome::lines(&url, &target_text, &functions.list(), &triggers) {
        printer.done(line);
    }
    if late.set(Arc::downgrade(&functions)).is_err() {
        unreachable!("it is set here only");
    }
    reload.run(functions, sources, &triggers).await;
    Err(Failure::tool("files are no longer watched"))
}

/// Ends what runs.
struct Closing(Arc<Functions>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The port that was asked for, or else the usual one or the next that is free; and whether it is
/// not the usual one.
async fn listen(port: Option<u16>) -> Result<(TcpListener, bool), Failure> {
    if let Some(port) = port {
        return match bind(port).await {
            Ok(listener) => Ok((listener, false)),
            Err(error) => Err(
                Failure::usage(format_args!("--port {port} cannot be had: {error}"))
                    .hint("end what uses it, or leave out --port to get one that is free"),
            ),
        };
    }
    let mut last = None;
    for port in PORT..=PORT + NEXT {
        match bind(port).await {
            Ok(listener) => return Ok((listener, port != PORT)),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or(String::new(), |error| format!(": {error}"));
    let to = PORT + NEXT;
    Err(
        Failure::tool(format_args!("no port from {PORT} to {to} can be had{why}"))
            .hint("name another with --port, or let the system choose with --port 0"),
    )
}

/// A shell that `cloudcall env` has led to another `dev` leads this one to itself, if it has the port
/// of the other.
fn refuse_itself(target: &Target, listener: &TcpListener) -> Result<(), Failure> {
    let address = listener.local_addr().map(|it| format!("http://{it}"));
    match (target, address) {
        (Target::Server { api_base, .. }, Ok(address))
            if api_base.trim_end_matches('/') == address =>
        {
            Err(Failure::usage(format_args!(
                "Cloud Calls would reach {address}, which is this cloudcall dev itself"
            ))
            .hint("unset CLOUDCALL_API_BASE, which `cloudcall env` may have set in this shell"))
        }
        _ => Ok(()),
    }
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}
