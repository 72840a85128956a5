//! What triggers and pushes need of the functions that are served: their names, and invocations.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cloudcall_emulator::Emulator;
use http::StatusCode;

/// Invokes functions for those who are no client of theirs.
#[async_trait]
pub(crate) trait Deliver: Send + Sync + 'static {
    /// The functions that are served, by name, each with its `config.json`.
    async fn functions(&self) -> Vec<(String, PathBuf)>;

    /// The app that the functions are of.
    async fn app_id(&self) -> String;

    /// The emulator that Cloud Calls reach. None where they reach something else: nothing is known
    /// of users and media then.
    async fn emulator(&self) -> Option<Emulator>;

    /// Hands an event to a function, and gives its answer.
    async fn deliver(&self, delivery: Delivery) -> Answered;
}

/// Someone who invokes.
pub(crate) type Deliverer = Arc<dyn Deliver>;

/// An event for a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) function: String,
    /// A JSON object, without `userInfo`: whoever delivers says in it who calls.
    pub(crate) event: String,
    pub(crate) by: By,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The app, because the time has come.
    Timer,
    /// WeChat, on behalf of a user.
    User { open_id: String },
}

/// What came of it: the status and the body that `POST /functions/NAME` would have had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// The result, or an object with `errorMessage`: JSON.
    pub(crate) body: Bytes,
}
