//! Large media, all at once: how much memory that takes at its peak.

use std::fs;

use cloudcall::openapi::customer_service_message::{
    GetTempMedia, get_temp_media, get_temp_media_to_file,
};
use tokio::task::JoinSet;

use super::client::cloud;
use crate::Failure;

/// Prints the most memory that this process has held, in bytes.
pub(crate) fn peak(kind: &str, url: &str, size: usize, at_once: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let cloud = cloud(url)?;
    let folder = tempfile::tempdir()?;
    runtime.block_on(async {
        match kind {
            "buffered" => {
                let mut calls = JoinSet::new();
                for _ in 0..at_once {
                    let cloud = cloud.clone();
                    calls.spawn(
                        async move { get_temp_media(&cloud, GetTempMedia::new("m0")).await },
                    );
                }
                // All of them are held until the last is there.
                let mut bytes = 0;
                for media in calls
                    .join_all()
                    .await
                    .into_iter()
                    .collect::<Result<Vec<_>, _>>()?
                {
                    bytes += media.buffer.len();
                }
                whole(bytes, size * at_once)
            }
            "streamed" => {
                let mut calls = JoinSet::new();
                for number in 0..at_once {
                    let cloud = cloud.clone();
                    let file = folder.path().join(number.to_string());
                    calls.spawn(async move {
                        get_temp_media_to_file(&cloud, GetTempMedia::new("m0"), file).await
                    });
                }
                for stored in calls.join_all().await {
                    stored?;
                }
                let mut bytes = 0;
                for number in 0..at_once {
                    bytes += fs::metadata(folder.path().join(number.to_string()))?.len();
                }
                whole(usize::try_from(bytes)?, size * at_once)
            }
            _ => Err(format!("no such way: {kind}").into()),
        }
    })?;
    println!("{}", high_water()? * 1024);
    Ok(())
}

fn whole(bytes: usize, expected: usize) -> Result<(), Failure> {
    if bytes == expected {
        Ok(())
    } else {
        Err(format!("{bytes} bytes instead of {expected}").into())
    }
}

/// In KiB, as the kernel has it.
fn high_water() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
    Ok(peak.parse()?)
}
