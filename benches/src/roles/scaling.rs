//! SDK and emulator in one process without a socket, so that nothing but them decides what a
//! second core brings.

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::Emulator;
use tokio::task::JoinSet;

use super::{API, APP_ID, APP_SECRET, Stopwatch, media};
use crate::Failure;

/// Callers at a time, more than any machine has cores.
const AT_ONCE: usize = 64;

/// Makes calls on so many threads, and tells what they took.
pub(crate) fn call(workers: usize, calls: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    let emulator = Emulator::builder()
        .app(APP_ID, APP_SECRET)
        .media("m0", media(100_000))
        .build()?;
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([API]))
        .app_secret(APP_ID, APP_SECRET)
        .transport(emulator.transport())
        .build()?;
    runtime.block_on(async {
        get_temp_media(&cloud, GetTempMedia::new("m0")).await?;
        let stopwatch = Stopwatch::start();
        let mut callers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let cloud = cloud.clone();
            callers.spawn(async move {
                for _ in 0..calls / AT_ONCE {
                    get_temp_media(&cloud, GetTempMedia::new("m0")).await?;
                }
                Ok::<_, cloudcall::Error>(())
            });
        }
        for caller in callers.join_all().await {
            caller?;
        }
        stopwatch.tell(calls / AT_ONCE * AT_ONCE);
        Ok(())
    })
}
