//! What `cloudcall dev` is made of: functions that serve over HTTP and are reloaded when they change.

mod answer;
#[expect(dead_code, reason = "it is not served yet")]
pub(crate) mod deliver;
#[expect(dead_code, reason = "it is not served yet")]
pub(crate) mod environment;
mod functions;
mod pool;
#[expect(dead_code, reason = "it is not served yet")]
pub(crate) mod push;
mod record;
mod reload;
pub(crate) mod server;
mod tasks;
#[expect(dead_code, reason = "it is not served yet")]
pub(crate) mod triggers;
mod watch;

pub(crate) use functions::{Calls, Functions, LateFunctions, Shown};
pub(crate) use pool::Limits;
pub(crate) use reload::Reload;
pub(crate) use tasks::Tasks;
pub(crate) use watch::Mode;
