//! `cloudcall-micro NAME TIMES`: runs a case so many times, for a tool that counts instructions.
//! Without arguments the names of the cases are printed.

use std::process::ExitCode;

use cloudcall_micro::CASES;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, times] = &arguments[..] else {
        for case in CASES {
            println!("{case}");
        }
        return ExitCode::SUCCESS;
    };
    let (Some(case), Ok(times)) = (
        CASES.iter().find(|case| case.name == name),
        times.parse::<u32>(),
    ) else {
        eprintln!("cloudcall-micro: no case {name:?}, or not a number: {times:?}");
        return ExitCode::FAILURE;
    };
    let mut work = (case.prepare)();
    for _ in 0..times {
        work();
    }
    ExitCode::SUCCESS
}
