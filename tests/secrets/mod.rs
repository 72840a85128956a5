//! No secret in any output: everything that can fail fails, with canaries as app secret, access token
//! and function token, and everything printed, logged, panicked with and written is searched.
//!
//! | file | drives |
//! |---|---|
//! | `sdk.rs` | every operation of the SDK against a server that quotes what it was sent, in each way in which a reply can be wrong |
//! | `kinds.rs` | every other kind of error of the SDK, and the `Debug` of all that holds a secret |
//! | `faults.rs` | every fault of the emulator, with and without sockets |
//! | `gateway.rs` | refusals of the gateway, and what its observer is told |
//! | `cassette.rs` | a recorder and a replayer before the same server: the cassette, its media, and their errors |
//! | `redis.rs` | a Redis that is wrong, refuses or quotes, and what is sent to one that works |
//! | `dev.rs` | the journal and the stderr of `cloudcall dev`, before the same server |
//! | `binary.rs` | the `cloudcall` binary: its stdout, stderr, files, and the command lines of its children |
//!
//! `canaries.rs` searches, `capture.rs` collects logs and panics, `quoting.rs` is the server,
//! `replies.rs` what it says, and `project.rs` where the binary runs.
//!
//! To search one more thing, such as another place where tokens are kept, add a row to a table.
//!
//! # What is not searched
//!
//! - What a function prints on purpose: its own environment, or what Node prints for the user's
//!   `NODE_DEBUG`. Functions need the app's secret or a token in their environment.
//! - Media. Its bytes are handed on as they came, also where they are a page that quotes the URL.
//! - What a user writes into the command line, which others can see anyway. No flag takes a secret.
//! - A part of a secret, and one that a server has encoded twice, turned around or encrypted.

#[cfg(target_os = "linux")]
mod binary;
mod canaries;
mod capture;
mod cassette;
#[cfg(unix)]
mod dev;
mod faults;
mod gateway;
mod kinds;
#[cfg(target_os = "linux")]
mod project;
pub(crate) mod quoting;
#[cfg(unix)]
mod redis;
pub(crate) mod replies;
mod sdk;
