//! End-to-end tests: the real binary, the real SDKs, real sockets.

mod call;
mod https;
mod invoke;
#[cfg(target_os = "linux")]
mod live;
mod node_functions;
mod tool;
mod two_clients;
