//! The functions of the project, each with its workers, for as long as `dev` runs.
//!
//! | file | is |
//! |---|---|
//! | `version.rs` | a function as it was at one time, and whether it still is |
//! | `staff.rs` | its workers, for the pool |
//! | `manager.rs` | the task that makes versions: at the start, when asked, and after changes |
//! | `executable.rs` | a built program, set aside so that it can be built anew while it runs |
//! | `calls.rs` | `cloud.callFunction` from one function to another |

mod calls;
mod declared;
mod executable;
mod manager;
mod staff;
#[cfg(test)]
mod tests;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::answer::{Answer, Job, Refusal, Why};
use super::calls::Calls;
use super::pool::{Limits, Look, Pool};
use super::tasks::Tasks;
use super::watch::Changes;
use crate::runner::{Caller, Function, Host, Kind, ProjectError, WorkerId};
pub(crate) use calls::FunctionCalls;
pub(crate) use declared::Declared;
use executable::Executables;
use manager::Manager;
use staff::Workers;

/// What is served.
pub(crate) struct Functions {
    host: Arc<Host>,
    calls: Calls,
    limits: Limits,
    tasks: Tasks,
    shared: Arc<Shared>,
    entries: RwLock<BTreeMap<String, Entry>>,
}

/// What functions have in common.
struct Shared {
    executables: Executables,
    /// One cargo at a time: they would wait for each other anyway, and say so.
    cargo: tokio::sync::Mutex<()>,
    sources: mpsc::UnboundedSender<Sources>,
}

/// Paths that are to be watched besides the functions: what they are built from.
pub(crate) struct Sources {
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Told, or let go of, when each change is seen from then on.
    pub(crate) are_watched: oneshot::Sender<()>,
}

impl Shared {
    /// Waits until these are watched, or nobody does.
    async fn watch(&self, paths: BTreeSet<PathBuf>) {
        let (are_watched, watched) = oneshot::channel();
        let sources = Sources { paths, are_watched };
        if self.sources.send(sources).is_ok() {
            let _ = watched.await;
        }
    }
}

/// One function.
#[derive(Clone)]
struct Entry {
    function: Function,
    pool: Pool<Workers>,
    /// For its manager: what has changed. Empty for everything.
    changes: mpsc::UnboundedSender<BTreeSet<PathBuf>>,
}

/// A function, to be shown.
pub(crate) struct Shown {
    pub(crate) function: Function,
    pub(crate) declared: Declared,
    pub(crate) look: Look,
}

impl Functions {
    /// Serves the functions of the host's project. Those in Rust are built, in the background.
    /// Also gives what they are built from, as that becomes known.
    pub(crate) fn open(
        host: Arc<Host>,
        calls: Calls,
        limits: Limits,
        tasks: Tasks,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Sources>), ProjectError> {
        let (sources, to_watch) = mpsc::unbounded_channel();
        let functions = Arc::new(Self {
            shared: Arc::new(Shared {
                executables: Executables::new(host.spawner.clone()),
                cargo: tokio::sync::Mutex::default(),
                sources,
            }),
            host,
            calls,
            limits,
            tasks,
            entries: RwLock::default(),
        });
        functions.rescan()?;
        Ok((functions, to_watch))
    }

    /// Serves new functions, and no longer those that are gone. Gives their names.
    pub(crate) fn rescan(&self) -> Result<(Vec<String>, Vec<String>), ProjectError> {
        let found = match &self.host.project {
            Some(project) => project.functions()?,
            None => Vec::new(),
        };
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        entries.retain(|name, entry| {
            let is_there = found.contains(&entry.function);
            if !is_there {
                gone.push((name.clone(), entry.clone()));
            }
            is_there
        });
        let mut new = Vec::new();
        for function in found {
            if !entries.contains_key(&function.name) {
                new.push(function.name.clone());
                entries.insert(function.name.clone(), self.serve(function));
            }
        }
        drop(entries);
        let mut names = Vec::new();
        for (name, entry) in gone {
            entry.pool.close();
            if !new.contains(&name) {
                names.push(name);
            }
        }
        Ok((new, names))
    }

    fn serve(&self, function: Function) -> Entry {
        let (changes, changed) = mpsc::unbounded_channel();
        let (staff, wanted) =
            Workers::new(Arc::clone(&self.host), self.calls.clone(), function.clone());
        let pool = Pool::new(staff, self.limits, self.tasks.clone());
        let manager = Manager {
            host: Arc::clone(&self.host),
            journal: self.calls.journal.clone(),
            shared: Arc::clone(&self.shared),
            declared: Declared::load(&function.config()),
            function: function.clone(),
            pool: pool.clone(),
            wanted,
            changed,
        };
        self.tasks.spawn(manager.run());
        Entry {
            function,
            pool,
            changes,
        }
    }

    /// Where they run.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Who calls when a request does not say.
    pub(crate) fn caller(&self) -> &Caller {
        &self.host.caller
    }

    /// Who calls when the worker of this id does: whoever made that run.
    fn caller_of(&self, worker: Option<u64>) -> Caller {
        let current = worker.and_then(|id| self.calls.running.of(WorkerId(id)));
        match current {
            Some(current) => current.caller,
            None => self.caller().clone(),
        }
    }

    /// Has an event worked on by the function of this name.
    pub(crate) async fn invoke(&self, name: &str, job: Job) -> Result<Answer, Refusal> {
        let job = Arc::new(job);
        let result = match self.pool(name) {
            Some(pool) => pool.invoke(Arc::clone(&job)).await,
            None => Err(self.unknown(name)),
        };
        if let Err(refusal) = &result {
            super::record::refused(&self.calls.journal, name, &job, refusal);
        }
        result
    }

    /// Notes a request to the function of this name that was none.
    pub(crate) fn not_asked(
        &self,
        name: &str,
        request_id: &str,
        status: StatusCode,
        message: &str,
    ) {
        super::record::not_asked(&self.calls.journal, (name, request_id), status, message);
    }

    fn pool(&self, name: &str) -> Option<Pool<Workers>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(name).map(|entry| entry.pool.clone())
    }

    fn unknown(&self, name: &str) -> Refusal {
        let known = match &self.host.project {
            Some(project) => project.function(name).err(),
            None => None,
        };
        let nearest = match known {
            Some(ProjectError::Unknown { nearest, .. }) => nearest,
            _ => None,
        };
        let refusal = Refusal::new(Why::Unknown, format!("there is no function {name:?}"));
        match nearest {
            Some(nearest) => refusal.hint(format!("did you mean {nearest}?")),
            None => refusal.hint("GET /functions lists them"),
        }
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<Shown> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let shown = |entry: &Entry| Shown {
            function: entry.function.clone(),
            declared: Declared::load(&entry.function.config()),
            look: entry.pool.look(),
        };
        entries.values().map(shown).collect()
    }

    /// Their `config.json`s, by name.
    pub(crate) fn configs(&self) -> Vec<(String, PathBuf)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let config = |entry: &Entry| (entry.function.name.clone(), entry.function.config());
        entries.values().map(config).collect()
    }

    /// Files have changed.
    pub(crate) fn changed(&self, changes: &Changes) {
        let paths = &changes.paths;
        match self.rescan() {
            Ok((new, gone)) => super::record::rescanned(self.host.printer, &new, &gone),
            Err(error) => self.host.printer.warning(error),
        }
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.values() {
            let folder = absolute(&entry.function.folder);
            // A function in Rust knows itself what else it is built from.
            let is_rust = entry.function.kind == Kind::Rust;
            if is_rust || changes.concern(&folder) {
                let is_its_own = |path: &&PathBuf| is_rust || path.starts_with(&folder);
                let its_own = paths.iter().filter(is_its_own).cloned().collect();
                // Its manager may have ended with the tool.
                let _ = entry.changes.send(its_own);
            }
        }
    }

    /// Serves nobody any more, and ends what runs.
    pub(crate) fn close(&self) {
        self.tasks.end();
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.values() {
            entry.pool.close();
        }
    }
}

/// Without resolving links, as files are watched.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The functions, once they are there, for those who must not keep them.
pub(crate) type LateFunctions = Arc<tokio::sync::SetOnce<Weak<Functions>>>;
