//! What `cloudcall dev` is made of: functions that serve over HTTP and are reloaded when they change.

mod answer;
pub(crate) mod calls;
pub(crate) mod deliver;
pub(crate) mod environment;
mod functions;
pub(crate) mod journal;
mod pool;
pub(crate) mod push;
mod record;
mod reload;
pub(crate) mod running;
mod served;
pub(crate) mod server;
mod tasks;
pub(crate) mod triggers;
mod watch;
pub(crate) mod welcome;

pub(crate) use functions::{FunctionCalls, Functions, LateFunctions};
pub(crate) use pool::Limits;
pub(crate) use reload::Reload;
pub(crate) use served::Served;
pub(crate) use tasks::Tasks;
pub(crate) use watch::Mode;
