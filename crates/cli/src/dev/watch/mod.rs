//! Changes of files, told once they have settled.
//!
//! Linux, macOS and Windows tell what changes; where they cannot, or shall not, all files are looked
//! at every half second. The other systems are always polled: kqueue would want each file opened.
//! Either way the files' times, sizes and identities are known, so that what changes no content
//! (reads, other permissions) is no change. `touch` is one.

mod changes;
mod debounce;
mod engine;
mod hints;
mod ignored;
mod native;
mod notice;
#[cfg(test)]
mod tests;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub(crate) use changes::Changes;
use engine::Engine;
use hints::Inbox;
pub(crate) use notice::Notice;

/// Whether of a file or folder of this name no change is told.
pub(crate) fn is_ignored(name: &str) -> bool {
    ignored::name(name)
}

/// What is watched. It need not exist yet, and may go and come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A folder with all that is in it, but for what [`ignored`] names. It may be a link; links
    /// within are not followed into folders.
    Folder(PathBuf),
    /// One file, whatever its name.
    File(PathBuf),
}

/// How changes are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The system tells, or, where it cannot, as with `Polling`.
    Native,
    /// All files are looked at: for network mounts and shared folders of virtual machines, of whose
    /// changes the system hears nothing.
    Polling,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// Changes are told when there was none for so long,
    quiet: Duration,
    /// or so long after the first of them.
    longest: Duration,
    /// Between two looks: at all files when polling, otherwise only at the roots themselves.
    look: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(50),
            longest: Duration::from_millis(500),
            look: Duration::from_millis(500),
        }
    }
}

/// Watches until it is dropped; then the receiver ends.
#[derive(Debug)]
pub(crate) struct Watcher {
    inbox: Arc<Inbox>,
}

impl Watcher {
    /// Every change from the return of this on is told. `notice` is called from another thread.
    ///
    /// Who receives slowly gets the changes that came meanwhile as one.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(crate) async fn start(
        roots: Vec<Root>,
        mode: Mode,
        notice: impl Fn(Notice) + Send + 'static,
    ) -> io::Result<(Self, mpsc::Receiver<Changes>)> {
        let open = (mode == Mode::Native).then_some(native::open as native::Open);
        Self::start_with(roots, open, Timing::default(), notice).await
    }

    async fn start_with(
        roots: Vec<Root>,
        open: Option<native::Open>,
        timing: Timing,
        notice: impl Fn(Notice) + Send + 'static,
    ) -> io::Result<(Self, mpsc::Receiver<Changes>)> {
        let watcher = Self {
            inbox: Arc::default(),
        };
        let (sender, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let inbox = Arc::clone(&watcher.inbox);
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || {
                let mut engine = Engine::new(inbox, open, timing, Box::new(notice), sender);
                engine.set_roots(roots);
                // Nobody waits any more when the start was given up; then the inbox is closed, too.
                let _ = ready.send(());
                engine.run();
            })?;
        // An error means that the thread is gone, which the receiver's end tells.
        let _ = is_ready.await;
        Ok((watcher, receiver))
    }

    /// Watches these roots instead. Changes below roots that were watched before are not lost; of
    /// new roots every change from the return of this on is told.
    pub(crate) async fn set_roots(&self, roots: Vec<Root>) {
        let (done, is_done) = oneshot::channel();
        self.inbox.set_roots(roots, done);
        let _ = is_done.await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.inbox.close();
    }
}
