//! What `/proc` says that a process and all that it has started have used.

use std::path::Path;

use crate::Failure;

/// The CPU time of all of their threads so far, in ns. The scheduler counts in nanoseconds, where
/// `/proc/PID/stat` has hundredths of a second. Threads that have ended are missing; the servers
/// here keep theirs.
pub(crate) fn cpu_ns(process: u32) -> Result<f64, Failure> {
    let of_one = |process: u32| -> Result<f64, Failure> {
        let mut sum = 0.0;
        for thread in Path::new(&format!("/proc/{process}/task")).read_dir()? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let ran = text.split(' ').next().ok_or("an empty schedstat")?;
            sum += ran.parse::<f64>()?;
        }
        Ok(sum)
    };
    family(process)?.into_iter().map(of_one).sum()
}

/// The memory that they hold, in bytes. What they share counts for each.
pub(crate) fn memory(process: u32) -> Result<f64, Failure> {
    let of_one = |process: u32| -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held = held.ok_or("no VmRSS")?.trim().trim_end_matches(" kB");
        Ok(held.parse::<f64>()? * 1024.0)
    };
    family(process)?.into_iter().map(of_one).sum()
}

/// A process and those that it has started, as far as they run.
fn family(process: u32) -> Result<Vec<u32>, Failure> {
    let mut all = vec![process];
    for thread in Path::new(&format!("/proc/{process}/task")).read_dir()? {
        let children = std::fs::read_to_string(thread?.path().join("children"))?;
        for child in children.split_whitespace() {
            all.append(&mut family(child.parse()?)?);
        }
    }
    Ok(all)
}
