//! End-to-end tests: the real binary, the real SDKs, real sockets.

mod api_base;
mod call;
mod chaos;
mod check;
mod conversions;
mod dev;
mod dev_journal;
mod dev_load;
mod dev_server;
mod environment;
mod faults;
mod help;
#[cfg(unix)]
mod hostile;
mod https;
mod invoke;
#[cfg(target_os = "linux")]
mod kill;
mod large_project;
#[cfg(target_os = "linux")]
mod live;
mod node_functions;
mod push;
mod readme;
mod record;
#[cfg(unix)]
mod redis;
mod secrets;
mod seen;
mod servers;
mod sockets;
mod storing;
mod timers;
mod tool;
mod two_clients;
mod worker;
