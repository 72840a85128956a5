//! Real files, watched natively and polled.
//!
//! That something is no change is shown by a change after it, which is the first to be told.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as sync;
use std::time::{Duration, SystemTime};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::hints::Inbox;
use super::{Changes, Mode, Notice, Root, Timing, Watcher, native};

const BOTH: [Mode; 2] = [Mode::Native, Mode::Polling];

/// Only for a test that hangs.
const GUARD: Duration = Duration::from_secs(20);

struct Watched {
    folder: TempDir,
    watcher: Watcher,
    changes: mpsc::Receiver<Changes>,
    notices: sync::Receiver<Notice>,
    /// What was expected last: a slow writer's file may be told twice, as created and as written.
    last: Vec<PathBuf>,
}

impl Watched {
    /// `roots` are names in a folder, those of folders with a slash at the end.
    async fn start(folder: TempDir, mode: Mode, roots: &[&str]) -> Self {
        let open = (mode == Mode::Native).then_some(native::open as native::Open);
        Self::start_with(folder, open, roots).await
    }

    async fn start_with(folder: TempDir, open: Option<native::Open>, roots: &[&str]) -> Self {
        let roots = roots.iter().map(|name| root(&folder, name)).collect();
        let timing = Timing {
            look: Duration::from_millis(20),
            ..Timing::default()
        };
        let (notice, notices) = sync::channel();
        let notice = move |said| notice.send(said).expect("the test listens");
        let (watcher, changes) =
            (Watcher::start_with(roots, open, timing, notice).await).expect("a thread");
        Self {
            folder,
            watcher,
            changes,
            notices,
            last: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.folder, name, text);
    }

    async fn next(&mut self) -> Changes {
        (timeout(GUARD, self.changes.recv()).await)
            .expect("changes in time")
            .expect("a watcher that runs")
    }

    /// Collects what is told until these have been, and expects no others.
    async fn expect(&mut self, names: &[&str]) {
        let expected: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        let mut missing = expected.clone();
        while !missing.is_empty() {
            let changes = self.next().await;
            assert!(!changes.everything);
            for path in changes.paths {
                let is_expected = expected.contains(&path) || self.last.contains(&path);
                assert!(is_expected, "{path:?} is none of {names:?}");
                missing.retain(|other| *other != path);
            }
        }
        self.last = expected;
    }
}

fn root(folder: &TempDir, name: &str) -> Root {
    match name.strip_suffix('/') {
        Some(name) => Root::Folder(folder.path().join(name)),
        None => Root::File(folder.path().join(name)),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, text).expect("a file");
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).expect("a file");
    file.set_modified(time).expect("a time");
}

#[tokio::test]
async fn each_way_to_save_tells_the_file() {
    for mode in BOTH {
        let folder = folder();
        for name in ["a.js", "b.js", "c.js", "lib/d.js"] {
            write(&folder, &format!("f/{name}"), "1");
        }
        let mut watched = Watched::start(folder, mode, &["f/"]).await;
        watched.write("f/a.js", "longer");
        watched.expect(&["f/a.js"]).await;
        // As Vim and JetBrains do.
        watched.write("f/b.js~", "new");
        fs::rename(watched.path("f/b.js~"), watched.path("f/b.js")).expect("a rename");
        watched.expect(&["f/b.js"]).await;
        set_modified(&watched.path("f/c.js"), SystemTime::UNIX_EPOCH);
        watched.expect(&["f/c.js"]).await;
        fs::rename(watched.path("f/lib/d.js"), watched.path("f/e.js")).expect("a rename");
        watched.expect(&["f/lib/d.js", "f/e.js"]).await;
        fs::remove_file(watched.path("f/a.js")).expect("a removal");
        watched.expect(&["f/a.js"]).await;
    }
}

#[tokio::test]
async fn a_save_of_the_same_size_is_a_change() {
    let folder = folder();
    write(&folder, "f/a.js", "0");
    let mut watched = Watched::start(folder, Mode::Native, &["f/"]).await;
    for number in 1..10 {
        // The time is that of the save before, as the clock of a file system may have it.
        watched.write("f/a.js", &number.to_string());
        set_modified(&watched.path("f/a.js"), SystemTime::UNIX_EPOCH);
        watched.expect(&["f/a.js"]).await;
    }
}

#[tokio::test]
async fn what_is_ignored_is_no_change() {
    for mode in BOTH {
        let folder = folder();
        write(&folder, "f/node_modules/a/index.js", "1");
        write(&folder, "f/a.js", "1");
        let mut watched = Watched::start(folder, mode, &["f/"]).await;
        for name in [
            "f/node_modules/a/index.js",
            "f/node_modules/b/index.js",
            "f/target/debug/x",
            "f/.git/index",
            "f/.a.js.swp",
            "f/4913",
            "f/a.js~",
            "f/npm-debug.log",
            "beside.js",
        ] {
            watched.write(name, "22");
        }
        fs::create_dir(watched.path("f/empty")).expect("a folder");
        fs::read(watched.path("f/a.js")).expect("a file");
        watched.write("f/marker.js", "1");
        watched.expect(&["f/marker.js"]).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn other_permissions_are_no_change() {
    use std::os::unix::fs::PermissionsExt as _;
    for mode in BOTH {
        let folder = folder();
        write(&folder, "f/a.js", "1");
        let mut watched = Watched::start(folder, mode, &["f/"]).await;
        let permissions = fs::Permissions::from_mode(0o600);
        fs::set_permissions(watched.path("f/a.js"), permissions).expect("permissions");
        watched.write("f/marker.js", "1");
        watched.expect(&["f/marker.js"]).await;
    }
}

#[tokio::test]
async fn folders_come_move_and_go_with_their_files() {
    for mode in BOTH {
        let folder = folder();
        write(&folder, "f/index.js", "1");
        write(&folder, "outside/x/y/z.js", "1");
        let mut watched = Watched::start(folder, mode, &["f/"]).await;
        watched.write("f/a/b/c.js", "1");
        watched.expect(&["f/a/b/c.js"]).await;
        watched.write("f/a/b/c.js", "22");
        watched.expect(&["f/a/b/c.js"]).await;
        fs::rename(watched.path("outside/x"), watched.path("f/x")).expect("a move");
        watched.expect(&["f/x/y/z.js"]).await;
        fs::rename(watched.path("f/x"), watched.path("f/a/x")).expect("a move");
        watched.expect(&["f/x/y/z.js", "f/a/x/y/z.js"]).await;
        watched.write("f/a/x/y/z.js", "22");
        watched.expect(&["f/a/x/y/z.js"]).await;
        fs::remove_dir_all(watched.path("f/a")).expect("a removal");
        watched.expect(&["f/a/b/c.js", "f/a/x/y/z.js"]).await;
        watched.write("f/a/b/c.js", "1");
        watched.expect(&["f/a/b/c.js"]).await;
    }
}

#[tokio::test]
async fn roots_may_come_go_and_come_back() {
    for mode in BOTH {
        let roots = ["p/f/", "p/config.json"];
        let mut watched = Watched::start(folder(), mode, &roots).await;
        watched.write("p/f/a.js", "1");
        watched.expect(&["p/f/a.js"]).await;
        watched.write("p/config.json", "{}");
        watched.write("p/other.json", "{}");
        watched.expect(&["p/config.json"]).await;
        fs::rename(watched.path("p"), watched.path("q")).expect("a move");
        watched.expect(&["p/f/a.js", "p/config.json"]).await;
        watched.write("q/f/a.js", "22");
        watched.write("p/f/b.js", "1");
        watched.expect(&["p/f/b.js"]).await;
        fs::remove_dir_all(watched.path("p")).expect("a removal");
        watched.expect(&["p/f/b.js"]).await;
        fs::rename(watched.path("q"), watched.path("p")).expect("a move");
        watched.expect(&["p/f/a.js", "p/config.json"]).await;
        watched.write("p/f/a.js", "333");
        watched.expect(&["p/f/a.js"]).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_to_roots_are_followed_and_links_within_are_not() {
    use std::os::unix::fs::symlink;
    for mode in BOTH {
        let folder = folder();
        write(&folder, "real/a.js", "1");
        write(&folder, "other/b.js", "1");
        symlink(folder.path().join("real"), folder.path().join("f")).expect("a link");
        symlink(folder.path().join("real"), folder.path().join("real/loop")).expect("a link");
        symlink(
            folder.path().join("other"),
            folder.path().join("real/other"),
        )
        .expect("a link");
        let mut watched = Watched::start(folder, mode, &["f/", "real/"]).await;
        watched.write("other/b.js", "22");
        watched.write("real/a.js", "22");
        watched.expect(&["f/a.js", "real/a.js"]).await;
        fs::remove_file(watched.path("f")).expect("a removal");
        symlink(watched.path("other"), watched.path("f")).expect("a link");
        // What the link led to counts as gone.
        watched
            .expect(&["f/a.js", "f/b.js", "f/loop", "f/other"])
            .await;
        watched.write("other/b.js", "333");
        watched.expect(&["f/b.js"]).await;
    }
}

#[tokio::test]
async fn roots_can_be_replaced() {
    for mode in BOTH {
        let folder = folder();
        for name in ["a/1.js", "b/1.js", "c/1.js"] {
            write(&folder, name, "1");
        }
        let mut watched = Watched::start(folder, mode, &["a/", "b/"]).await;
        let roots = ["b/", "c/"].map(|name| root(&watched.folder, name));
        watched.watcher.set_roots(roots.into()).await;
        watched.write("a/1.js", "22");
        watched.write("b/1.js", "22");
        watched.write("c/1.js", "22");
        watched.expect(&["b/1.js", "c/1.js"]).await;
    }
}

#[tokio::test]
async fn a_burst_is_told_whole_even_if_nobody_receives_yet() {
    for mode in BOTH {
        let mut watched = Watched::start(folder(), mode, &["f/"]).await;
        let names: Vec<String> = (0..5_000)
            .map(|number| format!("f/{}/{number}.js", number % 50))
            .collect();
        names.iter().for_each(|name| watched.write(name, "1"));
        let mut missing: std::collections::BTreeSet<_> =
            names.iter().map(|name| watched.path(name)).collect();
        while !missing.is_empty() {
            let changes = watched.next().await;
            if changes.everything {
                break;
            }
            missing.retain(|path| !changes.paths.contains(path));
        }
    }
}

#[tokio::test]
async fn what_the_system_lost_is_everything() {
    let mut watched = Watched::start(folder(), Mode::Native, &["f/"]).await;
    watched.watcher.inbox.lost();
    assert_eq!(watched.next().await, Changes::everything());
    watched.write("f/a.js", "1");
    watched.expect(&["f/a.js"]).await;
}

#[tokio::test]
async fn dropping_the_watcher_ends_it() {
    for mode in BOTH {
        let folder = folder();
        let roots = vec![root(&folder, "f/")];
        let started = Watcher::start(roots, mode, |notice| panic!("{notice}")).await;
        let (watcher, mut changes) = started.expect("a thread");
        write(&folder, "f/a.js", "1");
        let change = timeout(GUARD, changes.recv()).await.expect("in time");
        assert!(change.is_some_and(|change| change.concern(&folder.path().join("f"))));
        drop(watcher);
        let end = async { while changes.recv().await.is_some() {} };
        let end = timeout(GUARD, end).await;
        end.expect("an end in time");
    }
}

#[tokio::test]
async fn roots_can_be_replaced_when_nobody_receives_any_more() {
    let watched = Watched::start(folder(), Mode::Native, &["f/"]).await;
    drop(watched.changes);
    for _ in 0..3 {
        let replaced = watched.watcher.set_roots(Vec::new());
        timeout(GUARD, replaced).await.expect("an end in time");
    }
}

/// As when inotify's watches are used up below a folder named `deep`.
#[derive(Debug)]
struct Limited(RecommendedWatcher);

impl notify::Watcher for Limited {
    fn new<F: notify::EventHandler>(handler: F, config: notify::Config) -> notify::Result<Self> {
        RecommendedWatcher::new(handler, config).map(Self)
    }

    fn watch(&mut self, path: &Path, mode: RecursiveMode) -> notify::Result<()> {
        if path.ends_with("deep") {
            return Err(notify::Error::new(ErrorKind::MaxFilesWatch));
        }
        self.0.watch(path, mode)
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        self.0.unwatch(path)
    }

    fn kind() -> notify::WatcherKind {
        RecommendedWatcher::kind()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_watches_files_are_polled_which_is_said_once() {
    fn limited(inbox: Arc<Inbox>) -> notify::Result<Box<dyn notify::Watcher + Send>> {
        native::open_as::<Limited>(inbox)
    }
    let mut watched = Watched::start_with(folder(), Some(limited), &["f/"]).await;
    watched.write("f/a.js", "1");
    watched.expect(&["f/a.js"]).await;
    assert!(watched.notices.try_recv().is_err());
    watched.write("f/deep/b.js", "1");
    watched.write("f/other/deep/c.js", "1");
    watched.expect(&["f/deep/b.js", "f/other/deep/c.js"]).await;
    watched.write("f/deep/b.js", "22");
    watched.expect(&["f/deep/b.js"]).await;
    let notice = watched.notices.try_recv().expect("a notice");
    assert_eq!(notice, Notice::TooManyFolders);
    assert!(
        notice.to_string().contains("fs.inotify.max_user_watches"),
        "{notice}"
    );
    assert!(
        notice
            .hint()
            .is_some_and(|hint| hint.contains("max_user_watches"))
    );
    assert!(watched.notices.try_recv().is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_the_system_files_are_polled() {
    fn none(_: Arc<Inbox>) -> notify::Result<Box<dyn notify::Watcher + Send>> {
        Err(notify::Error::io(std::io::Error::other(
            "too many open files",
        )))
    }
    let mut watched = Watched::start_with(folder(), Some(none), &["f/"]).await;
    let notice = watched.notices.try_recv().expect("a notice");
    assert!(
        notice.to_string().contains("too many open files"),
        "{notice}"
    );
    watched.write("f/a.js", "1");
    watched.expect(&["f/a.js"]).await;
}
