//! Runs a command, kills it at a moment, and waits until none of its descendants is left: the
//! system makes this process the parent of those whose own has ended, so no polling is needed.
//!
//! `reaper MOMENT PROGRAM ARGUMENTS…`, where the moment is a number of microseconds after the
//! start, or `told` for the end of stdin, or `never`.
//!
//! Exit codes: 0 it was killed; 10 it had ended before; 3 something was left after 20 seconds.

#[cfg(target_os = "linux")]
fn main() {
    std::process::exit(linux::run());
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("only Linux hands orphans to a process that asks for them");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;
    use std::time::Duration;
    use std::{fs, io, thread};

    use rustix::io::Errno;
    use rustix::process::{
        Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait,
    };

    /// Longer than the end of a few processes takes.
    const LIMIT: Duration = Duration::from_secs(20);

    pub(super) fn run() -> i32 {
        let mut arguments = std::env::args_os().skip(1);
        let moment = arguments.next().expect("a moment");
        let moment = moment.to_str().expect("UTF-8");
        set_child_subreaper(Some(getpid())).expect("Linux 3.4");
        let mut child = Command::new(arguments.next().expect("a program"))
            .args(arguments)
            .spawn()
            .expect("the program starts");
        match moment {
            "never" => {}
            "told" => {
                io::stdin().read_to_end(&mut Vec::new()).expect("stdin");
                child.kill().expect("it is not waited for");
            }
            micros => {
                // A moment is chosen here; nothing is waited for.
                thread::sleep(Duration::from_micros(micros.parse().expect("a number")));
                child.kill().expect("it is not waited for");
            }
        }
        let status = child.wait().expect("its end");
        thread::spawn(|| {
            thread::sleep(LIMIT);
            end_what_is_left();
            std::process::exit(3);
        });
        loop {
            match wait(WaitOptions::empty()) {
                Ok(_) => {}
                Err(Errno::CHILD) => break,
                Err(error) => panic!("{error}"),
            }
        }
        match status.signal() {
            Some(9) => 0,
            _ => 10,
        }
    }

    /// Says what lives on, and ends it.
    fn end_what_is_left() {
        for thread in fs::read_dir("/proc/self/task").expect("/proc") {
            let children = thread.expect("an entry").path().join("children");
            for child in fs::read_to_string(children)
                .expect("text")
                .split_whitespace()
            {
                let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
                eprintln!("left: {child}: {}", line.replace('\0', " "));
                if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
                    // It may have ended at last.
                    let _ = kill_process(child, Signal::KILL);
                }
            }
        }
    }
}
