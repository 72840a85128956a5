//! From changed files to the functions that are made of them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::functions::{Functions, Sources};
use super::triggers::Triggers;
use super::watch::{Changes, Mode, Notice, Root, Watcher};
use crate::printer::Printer;

/// Watches the folder of the functions, and what they are built from, until it is dropped.
pub(crate) struct Reload {
    folder: PathBuf,
    watcher: Watcher,
    changes: mpsc::Receiver<Changes>,
}

impl Reload {
    /// Every change from the return of this on is seen.
    ///
    /// # Errors
    ///
    /// When no thread can be started, or the current folder cannot be told.
    pub(crate) async fn start(folder: &Path, mode: Mode, printer: Printer) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let say = move |notice: Notice| {
            printer.warning(&notice);
            if let Some(hint) = notice.hint() {
                printer.hint(hint);
            }
        };
        let roots = roots(&folder, &BTreeSet::new());
        let (watcher, changes) = Watcher::start(roots, mode, say).await?;
        Ok(Self {
            folder,
            watcher,
            changes,
        })
    }

    /// Tells the functions and their timers of changes; `sources` is what they say that they are built from.
    pub(crate) async fn run(
        mut self,
        functions: Arc<Functions>,
        mut sources: mpsc::UnboundedReceiver<Sources>,
        triggers: &Triggers,
    ) {
        let mut outside = BTreeSet::new();
        loop {
            tokio::select! {
                Some(Sources { paths, are_watched }) = sources.recv() => {
                    let is_outside = |path: &PathBuf| !path.starts_with(&self.folder);
                    let before = outside.len();
                    outside.extend(paths.into_iter().filter(is_outside));
                    if outside.len() > before {
                        self.watcher.set_roots(roots(&self.folder, &outside)).await;
                    }
                    // Its manager may have ended with the tool.
                    let _ = are_watched.send(());
                }
                changed = self.changes.recv() => match changed {
                    Some(changed) => {
                        functions.changed(&changed);
                        triggers.follow(&functions.configs());
                    }
                    // The watcher has ended, which it does not by itself.
                    None => return,
                },
            }
        }
    }
}

fn roots(folder: &Path, outside: &BTreeSet<PathBuf>) -> Vec<Root> {
    let mut roots = vec![Root::Folder(folder.to_owned())];
    roots.extend(outside.iter().map(|path| match path.is_dir() {
        true => Root::Folder(path.clone()),
        false => Root::File(path.clone()),
    }));
    roots
}
