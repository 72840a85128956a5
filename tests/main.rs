//! End-to-end tests: the real binary, the real SDKs, real sockets.

mod node_functions;
mod tool;
mod two_clients;
