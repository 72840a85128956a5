//! The task that makes the versions of one function: at the start, when requests wait for one, and
//! after changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::super::answer::{Refusal, Why};
use super::super::journal::Journal;
use super::super::pool::Pool;
use super::super::record;
use super::declared::Declared;
use super::staff::Workers;
use super::version::{Version, refusal_of, settled, stamps};
use super::{Shared, absolute};
use crate::runner::{
    Built, Function, Host, Kind, PrepareError, Prepared, Settings, build_function, prepare_node,
    sources_of,
};

pub(super) struct Manager {
    pub(super) host: Arc<Host>,
    pub(super) journal: Journal,
    pub(super) shared: Arc<Shared>,
    pub(super) function: Function,
    /// What it declares when it is served, before anybody is told that it is: an edit right after
    /// that may come before this task runs.
    pub(super) declared: Declared,
    pub(super) pool: Pool<Workers>,
    /// Requests wait for a version.
    pub(super) wanted: Arc<Notify>,
    /// What has changed; empty for everything.
    pub(super) changed: mpsc::UnboundedReceiver<BTreeSet<PathBuf>>,
}

/// What a function in Rust was made of, the last time.
#[derive(Default)]
struct Made {
    declared: Option<Declared>,
    sources: BTreeSet<PathBuf>,
}

/// Why the task runs on.
enum Cause {
    Wanted,
    Changed(BTreeSet<PathBuf>),
}

impl Manager {
    /// Until the function is gone, or the tool.
    pub(super) async fn run(self) {
        match self.function.kind {
            Kind::Node => self.run_node().await,
            Kind::Rust => self.run_rust().await,
        }
    }

    async fn cause(&mut self) -> Option<Cause> {
        tokio::select! {
            paths = self.changed.recv() => paths.map(Cause::Changed),
            () = self.wanted.notified() => Some(Cause::Wanted),
        }
    }

    /// Everything that has changed until now.
    fn and_further(&mut self, paths: &mut BTreeSet<PathBuf>) {
        while let Ok(more) = self.changed.try_recv() {
            if more.is_empty() || paths.is_empty() {
                paths.clear();
            } else {
                paths.extend(more);
            }
        }
    }

    /// Nothing is done until it is needed, and what fails is tried again with the next request:
    /// `npm install` changes nothing that is watched.
    async fn run_node(mut self) {
        let mut declared = self.declared.clone();
        while let Some(cause) = self.cause().await {
            let before = self.pool.version();
            let look = self.pool.look();
            let (mut paths, is_change) = match cause {
                Cause::Changed(paths) => (paths, true),
                Cause::Wanted => (BTreeSet::new(), false),
            };
            if let Some(version) = &before {
                let is_known = match is_change {
                    true => !paths.is_empty() && paths.iter().all(|path| version.looks_at(path)),
                    false => true,
                };
                if is_known && !look.is_held && version.is_current() {
                    continue;
                }
            } else if is_change {
                // Nothing runs that would have to be replaced, but the edit is told.
                let now = self.declared_now();
                let changes = declared.changes(&now);
                if !changes.is_empty() {
                    self.reloaded(&paths, look.version, &changes);
                }
                declared = now;
                continue;
            }
            self.pool.hold();
            self.and_further(&mut paths);
            if let Some(before) = &before {
                paths.extend(before.changed());
            }
            let stamps = match before {
                Some(_) => settled(&self.function).await,
                None => stamps(&self.function),
            };
            let settings = self.settings();
            let made = prepare_node(&self.host, &self.function, settings);
            let now = self.declared_now();
            let changes = declared.changes(&now);
            declared = now;
            match made {
                Ok(prepared) => {
                    let version = Version::new(prepared, stamps, None);
                    let number = self.pool.switch(Arc::new(version), look.workers > 0);
                    if before.is_some() {
                        self.reloaded(&paths, number, &changes);
                    }
                }
                Err(error) => self.pool.fail(&self.broken(error)),
            }
        }
    }

    /// It is built at once, so that the first request need not wait for long.
    async fn run_rust(mut self) {
        let mut made = Made {
            declared: Some(self.declared.clone()),
            ..Made::default()
        };
        self.build(&mut made, BTreeSet::new()).await;
        while let Some(cause) = self.cause().await {
            match cause {
                Cause::Wanted => self.renew_settings(&mut made.declared),
                Cause::Changed(paths) => {
                    if paths.is_empty() || paths.iter().any(|it| self.is_source(&made, it)) {
                        self.build(&mut made, paths).await;
                    } else {
                        self.renew_settings(&mut made.declared);
                    }
                }
            }
        }
    }

    fn is_source(&self, made: &Made, path: &Path) -> bool {
        let is_within = |folder: &Path| path.starts_with(folder);
        path != absolute(&self.function.config())
            && (is_within(&absolute(&self.function.folder))
                || made.sources.iter().any(|it| is_within(it)))
    }

    /// What it is built from, which is watched by the return of this.
    async fn learn(&self) -> Option<BTreeSet<PathBuf>> {
        let sources = sources_of(&self.host, &self.function).await?;
        let sources: BTreeSet<_> = sources.iter().map(|it| absolute(it)).collect();
        self.shared.watch(sources.clone()).await;
        Some(sources)
    }

    /// Builds until nothing changes meanwhile. The version before serves on.
    async fn build(&mut self, made: &mut Made, mut paths: BTreeSet<PathBuf>) {
        loop {
            self.and_further(&mut paths);
            let knows_none = made.sources.is_empty();
            let learns = knows_none || paths.iter().any(|it| is_of_cargo(it));
            let (result, sources) = {
                let mut build = pin!(async {
                    let _only_one = self.shared.cargo.lock().await;
                    let known = match learns {
                        true => self.learn().await,
                        false => None,
                    };
                    let result = build_function(&self.host, &self.function).await;
                    // What it needed is here now.
                    match known {
                        None if knows_none => (result, self.learn().await),
                        known => (result, known),
                    }
                });
                loop {
                    tokio::select! {
                        result = &mut build => break result,
                        () = self.wanted.notified() => self.renew_settings(&mut made.declared),
                    }
                }
            };
            if let Some(sources) = sources {
                made.sources = sources;
            }
            match result {
                Ok(built) => {
                    if let Ok(more) = self.changed.try_recv() {
                        paths.extend(more);
                        continue;
                    }
                    self.take_over(built, &mut made.declared, &paths).await;
                }
                Err(error) => {
                    let refusal = self.broken(error.into());
                    match self.pool.look().version {
                        version @ 1.. => record::not_reloaded(
                            &self.journal,
                            &self.function.name,
                            &paths,
                            version,
                            &refusal,
                        ),
                        0 => self.pool.refuse(refusal),
                    }
                }
            }
            return;
        }
    }

    /// Lets what was built serve, if it is anything new.
    async fn take_over(
        &self,
        built: Built,
        declared: &mut Option<Declared>,
        paths: &BTreeSet<PathBuf>,
    ) {
        // Of a function in Rust these are of its config.json alone.
        let stamps = stamps(&self.function);
        let settings = self.settings();
        let before = self.pool.version();
        let shared = Arc::clone(&self.shared);
        let running = before.as_ref().and_then(|it| it.executable.clone());
        let set_aside = tokio::task::spawn_blocking(move || match running {
            Some(running) if running.is_same(&built.executable)? => Ok((running, true)),
            _ => {
                let executable = shared.executables.set_aside(&built.executable)?;
                Ok::<_, std::io::Error>((Arc::new(executable), false))
            }
        });
        let (executable, is_same) = match set_aside.await {
            Ok(Ok(executable)) => executable,
            Ok(Err(error)) => {
                let message = format!("the built program cannot be copied: {error}");
                return self.pool.refuse(Refusal::new(Why::Broken, message));
            }
            // The tool is about to end.
            Err(_) => return,
        };
        if let Some(before) = &before
            && is_same
            && before.prepared.settings == settings
        {
            if self.pool.look().is_held {
                self.renew_settings(declared);
            }
            return;
        }
        let prepared = Prepared {
            function: self.function.clone(),
            settings,
            program: executable.path().to_owned(),
        };
        let version = Version::new(prepared, stamps, Some(executable));
        self.switch(version, declared, paths, before.is_some());
    }

    /// Takes over what `config.json` says now, with the same program.
    fn renew_settings(&self, declared: &mut Option<Declared>) {
        let Some(before) = self.pool.version() else {
            return;
        };
        if !self.pool.look().is_held && before.is_current() {
            return;
        }
        let stamps = stamps(&self.function);
        let prepared = Prepared {
            settings: self.settings(),
            ..Prepared::clone(&before.prepared)
        };
        let version = Version::new(prepared, stamps, before.executable.clone());
        let paths = BTreeSet::from([absolute(&self.function.config())]);
        self.switch(version, declared, &paths, true);
    }

    fn switch(
        &self,
        version: Version,
        declared: &mut Option<Declared>,
        paths: &BTreeSet<PathBuf>,
        is_another: bool,
    ) {
        let now = self.declared_now();
        let before = declared.replace(now.clone());
        let changes = before.map_or(Vec::new(), |before| before.changes(&now));
        let is_warm = self.pool.look().workers > 0;
        let number = self.pool.switch(Arc::new(version), is_warm);
        if is_another {
            self.reloaded(paths, number, &changes);
        }
    }

    fn settings(&self) -> Settings {
        self.host.settings(&self.function.config())
    }

    fn declared_now(&self) -> Declared {
        Declared::load(&self.function.config())
    }

    fn reloaded(&self, paths: &BTreeSet<PathBuf>, number: u64, changes: &[String]) {
        let name = &self.function.name;
        record::reloaded(&self.journal, name, paths, number, changes);
    }

    /// Says why there is no version, and gives it for those who wait.
    fn broken(&self, error: PrepareError) -> Refusal {
        let refusal = refusal_of(error);
        let name = &self.function.name;
        if !refusal.message.is_empty() {
            let text = &refusal.message;
            self.host.printer.error(format_args!("{name}: {text}"));
        }
        if let Some(hint) = &refusal.hint {
            self.host.printer.hint(hint);
        }
        refusal
    }
}

/// Whether it says what a package is built from.
fn is_of_cargo(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name == "Cargo.toml" || name == "Cargo.lock")
}
