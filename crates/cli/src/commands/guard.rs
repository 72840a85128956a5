//! `cloudcall guard`, a part of the tool: leads the process group of something that the tool has
//! started, and ends it when the tool is gone.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::process::{Pid, Signal, getpgrp, getpid, kill_current_process_group, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::GuardArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// The number of the last signal that is not one of the real-time signals, on all systems.
const LAST_SIGNAL: i32 = 31;

/// Waits for the end of stdin, which is the tool's, and then ends all that it guards; itself last.
pub(super) fn run(args: GuardArgs, printer: Printer) -> Exit {
    // Else the group is not its own, and to end it would hit those who have started it.
    if getpgrp() != getpid() || io::stdin().is_terminal() {
        return Failure::usage("guard is a part of the tool, which starts it itself")
            .hint("see cloudcall --help for what there is to use")
            .report(printer);
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
    else {
        return Exit::Tool;
    };
    {
        // A signal to the whole group is meant for the others. Those that cannot be caught fail.
        let _context = runtime.enter();
        for number in 1..=LAST_SIGNAL {
            let _ = signal(SignalKind::from_raw(number));
        }
    }
    // The tool waits for this before it sends one. It fails when the tool is gone.
    let _ = io::stdout()
        .write_all(b"\n")
        .and_then(|()| io::stdout().flush());
    let processes: Vec<Pid> = io::stdin()
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Pid::from_raw(line.parse().ok()?))
        .collect();

    // Each fails where there is nothing left to do.
    for process in processes {
        let _ = kill_process(process, Signal::KILL);
    }
    if let Some(folder) = args.folder {
        let _ = std::fs::remove_dir_all(folder);
    }
    let _ = kill_current_process_group(Signal::KILL);
    Exit::Tool
}
