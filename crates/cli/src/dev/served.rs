//! The functions that are served, for those who bring them events: timers and pushes; and what
//! another process needs to reach what they reach.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cloudcall_emulator::{Emulator, FunctionToken};
use http::StatusCode;

use super::answer::{Job, error_object};
use super::deliver::{Answered, By, Deliver, Delivery};
use super::environment::Offered;
use super::functions::{Functions, LateFunctions};
use crate::ids;
use crate::runner::Source;

/// What another process is called that takes no function's permissions, in messages.
const NO_FUNCTION: &str = "env";

/// What was offered, by function, or for none. The tokens in it are good for as long as `dev` runs.
type AllOffered = BTreeMap<Option<String>, (Offered, FunctionToken)>;

/// The functions, once they are there.
#[derive(Clone)]
pub(crate) struct Served {
    late: LateFunctions,
    offered: Arc<Mutex<AllOffered>>,
}

impl Served {
    pub(crate) fn new(late: LateFunctions) -> Self {
        Self {
            late,
            offered: Arc::default(),
        }
    }

    async fn wait(&self) -> Option<Arc<Functions>> {
        self.late.wait().await.upgrade()
    }

    /// What leads another process here, with the permissions of a function, if one is named, or
    /// else of the `config.json` beside the project.
    pub(crate) async fn offer(&self, function: Option<&str>) -> Result<Offered, String> {
        let ending = || "the tool is about to end".to_owned();
        let functions = self.wait().await.ok_or_else(ending)?;
        let host = functions.host();
        let (name, config) = match (function, &host.project) {
            (Some(name), Some(project)) => {
                let function = project.function(name).map_err(|error| error.to_string())?;
                (name, function.config())
            }
            (Some(name), None) => return Err(format!("there is no function {name:?}")),
            (None, _) => (NO_FUNCTION, PathBuf::from("config.json")),
        };
        let mut all = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        let key = function.map(str::to_owned);
        if let Some((offered, _)) = all.get(&key) {
            return Ok(offered.clone());
        }
        let config = std::path::absolute(config).map_err(|error| error.to_string())?;
        let scripts = host.scripts().map_err(|error| error.to_string())?;
        let node_options = scripts.node_options(None);
        let (variables, token) = host.offered_environment(name, &config);
        let mut offered = Offered {
            variables,
            node_options,
            notes: Vec::new(),
        };
        if host.upstream.is_another_server() {
            offered.notes.push(
                "WECHAT_SECRET is left out, because it is no emulator's: Cloud Calls of the Node SDK go through dev, those of Rust need it set"
                    .into(),
            );
        }
        all.insert(key, (offered.clone(), token));
        Ok(offered)
    }
}

#[async_trait]
impl Deliver for Served {
    async fn functions(&self) -> Vec<(String, PathBuf)> {
        let Some(functions) = self.wait().await else {
            return Vec::new();
        };
        functions.configs()
    }

    async fn app_id(&self) -> String {
        let functions = self.wait().await;
        let app_id = functions.and_then(|it| it.caller().app_id().map(str::to_owned));
        app_id.unwrap_or_default()
    }

    async fn emulator(&self) -> Option<Emulator> {
        self.wait().await?.host().upstream.emulator().cloned()
    }

    async fn deliver(&self, delivery: Delivery) -> Answered {
        let Some(functions) = self.wait().await else {
            return Answered {
                status: StatusCode::SERVICE_UNAVAILABLE,
                body: error_object("the tool is about to end"),
            };
        };
        let app = functions.caller().of_app();
        let (caller, source) = match delivery.by {
            By::Timer => (app, Source::Timer),
            By::User { open_id } => (app.with(Some(open_id), None, None), Source::Push),
        };
        let job = Job {
            request_id: ids::request_id(),
            event: delivery.event.into(),
            caller,
            source,
        };
        match functions.invoke(&delivery.function, job).await {
            Ok(answer) => Answered {
                status: answer.end.status(),
                body: answer.end.body(),
            },
            Err(refusal) => Answered {
                status: refusal.status(),
                body: refusal.body(),
            },
        }
    }
}
