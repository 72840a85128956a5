//! The watching thread: knows the trees, hears what the system says, looks, and tells changes.

use std::collections::BTreeSet;
use std::ops::Bound::{Included, Unbounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use notify::Watcher as Native;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::debounce::Debounce;
use super::hints::{Hints, Inbox};
use super::tree::Tree;
use super::{Changes, Notice, Root, Timing, native};

/// The fields are dropped in this order: the receiver ends when all else has.
pub(super) struct Engine {
    /// None when polling.
    native: Option<Box<dyn Native + Send>>,
    /// The real folders that the system watches.
    watched: BTreeSet<PathBuf>,
    trees: Vec<Tree>,
    inbox: Arc<Inbox>,
    timing: Timing,
    debounce: Debounce,
    notice: Box<dyn Fn(Notice) + Send>,
    sender: mpsc::Sender<Changes>,
}

impl Engine {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        open: Option<native::Open>,
        timing: Timing,
        notice: Box<dyn Fn(Notice) + Send>,
        sender: mpsc::Sender<Changes>,
    ) -> Self {
        let mut engine = Self {
            native: None,
            watched: BTreeSet::new(),
            trees: Vec::new(),
            inbox,
            timing,
            debounce: Debounce::new(timing),
            notice,
            sender,
        };
        if let Some(open) = open.filter(|_| native::AVAILABLE) {
            match open(Arc::clone(&engine.inbox)) {
                Ok(native) => engine.native = Some(native),
                Err(error) => (engine.notice)(Notice::new(&error)),
            }
        }
        engine
    }

    /// Until the inbox is closed, or nobody receives.
    pub(super) fn run(mut self) {
        let mut next_look = Instant::now() + self.timing.look;
        loop {
            let until = (self.debounce.due()).map_or(next_look, |due| due.min(next_look));
            let mail = self.inbox.take(until);
            if mail.closed || self.sender.is_closed() {
                return;
            }
            let mut changes = Changes::default();
            if let Some(error) = mail.error.filter(|error| !native::is_of_the_folder(error)) {
                self.poll_because(&error);
            }
            self.hear(mail.hints, &mut changes);
            if let Some(roots) = mail.roots {
                self.set_roots(roots);
            }
            for waiting in mail.waiting {
                let _ = waiting.send(());
            }
            let start = Instant::now();
            if start >= next_look {
                self.look(&mut changes);
                // Large trees on slow disks: a fifth of the time at most.
                next_look = Instant::now() + self.timing.look.max(4 * start.elapsed());
            }
            let now = Instant::now();
            self.debounce.add(changes, now);
            if self.debounce.due().is_some_and(|due| due <= now) && !self.tell(now) {
                return;
            }
        }
    }

    /// Gives whether somebody receives.
    fn tell(&mut self, now: Instant) -> bool {
        match self.sender.try_reserve() {
            Ok(permit) => permit.send(self.debounce.take()),
            Err(TrySendError::Full(())) => self.debounce.postpone(now),
            Err(TrySendError::Closed(())) => return false,
        }
        true
    }

    /// Trees of roots that stay are kept as they are.
    pub(super) fn set_roots(&mut self, roots: Vec<Root>) {
        let mut old = std::mem::take(&mut self.trees);
        for root in roots {
            if self.trees.iter().any(|tree| tree.root == root) {
                continue;
            }
            match old.iter().position(|tree| tree.root == root) {
                Some(index) => self.trees.push(old.swap_remove(index)),
                None => {
                    self.trees.push(Tree::new(root));
                    let index = self.trees.len() - 1;
                    self.settle(index, &mut Changes::default());
                }
            }
        }
        let needed = |folder: &Path, tree: &Tree| {
            let place = tree.place.as_ref();
            place.is_some_and(|place| match tree.root {
                Root::Folder(_) => folder.starts_with(&place.folder),
                Root::File(_) => folder == place.folder,
            })
        };
        let watched = std::mem::take(&mut self.watched);
        for folder in watched {
            if self.trees.iter().any(|tree| needed(&folder, tree)) {
                self.watched.insert(folder);
            } else if let Some(native) = &mut self.native {
                let _ = native.unwatch(&folder);
            }
        }
    }

    /// What the system said.
    fn hear(&mut self, hints: Hints, changes: &mut Changes) {
        if hints.lost {
            self.unwatch(None);
            for index in 0..self.trees.len() {
                self.settle(index, changes);
            }
            *changes = Changes::everything();
            return;
        }
        // Of a folder that was moved, the old path goes before the new one comes: the system knows
        // them as the same.
        let mut folders = Vec::new();
        for path in hints.paths.keys() {
            if path.is_dir() || self.watched.contains(path) {
                self.unwatch(Some(path));
                folders.push(path.clone());
            }
        }
        for index in 0..self.trees.len() {
            // A folder is looked at with all below it.
            let mut last: Option<&Path> = None;
            for (real, certain) in &hints.paths {
                let is_folder = folders.binary_search(real).is_ok();
                if is_folder && self.is_root(index, real) {
                    self.settle(index, changes);
                } else if let Some(path) = self.trees[index].shown(real) {
                    if is_folder && last.is_some_and(|last| real.starts_with(last)) {
                        continue;
                    }
                    self.look_at(index, &path, *certain, changes);
                } else {
                    continue;
                }
                if is_folder {
                    last = Some(real);
                }
            }
        }
    }

    fn is_root(&self, index: usize, real: &Path) -> bool {
        (self.trees[index].place.as_ref()).is_some_and(|place| place.folder == real)
    }

    /// At all files when polling. Otherwise at the roots: a folder that is watched does not hear when
    /// one above it is moved, and what does not exist cannot be watched.
    fn look(&mut self, changes: &mut Changes) {
        for index in 0..self.trees.len() {
            let tree = &self.trees[index];
            let is_moved = tree.find() != tree.place;
            if is_moved || self.native.is_none() {
                if let Some(place) = tree.place.clone().filter(|_| is_moved) {
                    self.unwatch(Some(&place.folder));
                }
                self.settle(index, changes);
            } else if matches!(tree.root, Root::File(_)) {
                // It may be a link.
                let path = tree.path().to_owned();
                self.look_at(index, &path, false, changes);
            }
        }
    }

    /// Finds where a root is, watches that, and looks at all of it.
    fn settle(&mut self, index: usize, changes: &mut Changes) {
        let tree = &mut self.trees[index];
        tree.place = tree.find();
        let path = tree.path().to_owned();
        if let Some(place) = tree.place.clone()
            && (native::RECURSIVE || matches!(tree.root, Root::File(_)))
        {
            self.watch(&place.folder);
        }
        self.look_at(index, &path, false, changes);
    }

    fn look_at(&mut self, index: usize, path: &Path, certain: bool, changes: &mut Changes) {
        let Self {
            native,
            watched,
            trees,
            inbox,
            ..
        } = self;
        let mut failed = None;
        trees[index].look(path, certain, changes, &mut |folder| {
            if let Some(native) = native.as_mut().filter(|_| failed.is_none())
                && !native::RECURSIVE
                && !watched.contains(folder)
            {
                match native::watch(&mut **native, folder) {
                    Ok(()) => drop(watched.insert(folder.to_owned())),
                    Err(error) => failed = Some(error),
                }
            }
            !inbox.is_closed()
        });
        if let Some(error) = failed {
            self.poll_because(&error);
        }
    }

    fn watch(&mut self, folder: &Path) {
        if let Some(native) = &mut self.native
            && !self.watched.contains(folder)
        {
            match native::watch(&mut **native, folder) {
                Ok(()) => drop(self.watched.insert(folder.to_owned())),
                Err(error) => self.poll_because(&error),
            }
        }
    }

    /// At a folder and below, or everywhere.
    fn unwatch(&mut self, below: Option<&Path>) {
        let Some(native) = &mut self.native else {
            return;
        };
        let gone: Vec<PathBuf> = match below {
            Some(path) => (self.watched.range::<Path, _>((Included(path), Unbounded)))
                .take_while(|folder| folder.starts_with(path))
                .cloned()
                .collect(),
            None => self.watched.iter().cloned().collect(),
        };
        for folder in gone {
            // The system may have done so itself.
            let _ = native.unwatch(&folder);
            self.watched.remove(&folder);
        }
    }

    /// What was seen before stays known, so that no change is lost. It is said once.
    fn poll_because(&mut self, error: &notify::Error) {
        if self.native.take().is_some() {
            self.watched.clear();
            (self.notice)(Notice::new(error));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inbox.close();
    }
}
