//! The system's own way to tell changes.

use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, Event, EventKind, ModifyKind};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Result, Watcher};

use super::hints::Inbox;

/// Whether one watch covers a folder with all below it. inotify's is for one folder, so that the
/// large ones that nobody looks at (`node_modules`) cost nothing.
pub(super) const RECURSIVE: bool = cfg!(any(target_os = "macos", windows));

/// Whether a watch of a folder tells what happens to the files in it.
pub(super) const AVAILABLE: bool =
    RECURSIVE || cfg!(any(target_os = "linux", target_os = "android"));

pub(super) type Open = fn(Arc<Inbox>) -> Result<Box<dyn Watcher + Send>>;

pub(super) fn open(inbox: Arc<Inbox>) -> Result<Box<dyn Watcher + Send>> {
    open_as::<RecommendedWatcher>(inbox)
}

pub(super) fn open_as<W: Watcher + Send + 'static>(
    inbox: Arc<Inbox>,
) -> Result<Box<dyn Watcher + Send>> {
    let handler = move |event: Result<Event>| match event {
        Ok(event) => tell(&inbox, event),
        Err(error) => inbox.fail(error),
    };
    let config = Config::default().with_follow_symlinks(false);
    Ok(Box::new(W::new(handler, config)?))
}

/// Never waits: it runs on the thread that `watch` waits for.
fn tell(inbox: &Inbox, event: Event) {
    if event.need_rescan() {
        return inbox.lost();
    }
    let certain = match event.kind {
        // A file that was open for writing may have been written through a mapping.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => return,
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Name(_)) => true,
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => false,
    };
    for path in event.paths {
        inbox.hint(path, certain);
    }
}

/// Starts to watch a folder. What has just gone, or may not be read, is not watched; that is no error,
/// as looking at it would show no more.
pub(super) fn watch(watcher: &mut dyn Watcher, folder: &Path) -> Result<()> {
    let mode = if RECURSIVE {
        RecursiveMode::Recursive
    } else {
        RecursiveMode::NonRecursive
    };
    match watcher.watch(folder, mode) {
        Err(error) if is_of_the_folder(&error) => Ok(()),
        result => result,
    }
}

/// Whether an error is one of a folder, and not of watching.
pub(super) fn is_of_the_folder(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => true,
        ErrorKind::Io(error) => {
            matches!(error.kind(), NotFound | PermissionDenied | NotADirectory)
        }
        _ => false,
    }
}
