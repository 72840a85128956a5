//! What `cloudcall dev` is made of: functions that serve over HTTP and are reloaded when they change.

mod answer;
pub(crate) mod calls;
mod functions;
pub(crate) mod journal;
mod pool;
mod record;
mod reload;
pub(crate) mod running;
pub(crate) mod server;
mod tasks;
mod watch;

pub(crate) use functions::{FunctionCalls, Functions, LateFunctions, Shown};
pub(crate) use pool::Limits;
pub(crate) use reload::Reload;
pub(crate) use tasks::Tasks;
pub(crate) use watch::Mode;
