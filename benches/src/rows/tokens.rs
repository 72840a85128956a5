//! How often many callers who all need the first access token ask for one.

use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
use cloudcall::{Cloud, Permissions};
use cloudcall_emulator::Emulator;
use tokio::task::JoinSet;

use crate::Failure;
use crate::roles::{APP_ID, APP_SECRET, media};
use crate::table::{Claim, Report, Target, Unit};

const CALLERS: usize = 10_000;

const CLAIM: Claim = Claim::new(
    "tokens: requests of concurrent first callers",
    "one request, answered after 200 ms",
    Target::Exactly(1.0),
    Unit::Count,
);

pub(super) fn rows(report: &mut Report) {
    let counts = (0..5).map(|_| Ok((requests()?, 1.0))).collect();
    report.row(&CLAIM, "10,000 callers", counts);
}

fn requests() -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // While the answer is held back, everyone has time to come.
    let emulator = Emulator::builder()
        .app(APP_ID, APP_SECRET)
        .media("m0", media(1_000))
        .fault("token:delay=200ms".parse()?)
        .journal_limit(CALLERS * 3)
        .build()?;
    let cloud = Cloud::builder()
        .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
        .app_secret(APP_ID, APP_SECRET)
        .transport(emulator.transport())
        .build()?;
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let cloud = cloud.clone();
            callers.spawn(async move { get_temp_media(&cloud, GetTempMedia::new("m0")).await });
        }
        for caller in callers.join_all().await {
            caller?;
        }
        Ok::<_, Failure>(())
    })?;
    let journal = emulator.journal();
    if journal.count("/cgi-bin/media/get") != CALLERS {
        return Err("not everyone has called".into());
    }
    let requests = journal.count("/cgi-bin/stable_token") + journal.count("/cgi-bin/token");
    Ok(requests as f64)
}
