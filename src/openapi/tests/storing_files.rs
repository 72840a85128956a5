//! Media that goes to a file: whole, or not at all.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Waker};

use tempfile::TempDir;

use super::super::customer_service_message::get_temp_media_to_file;
use super::storing::{broke, channel, pieces};
use super::*;

/// A folder, and a file to be in it.
struct Target {
    folder: TempDir,
    file: PathBuf,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let file = folder.path().join("image.png");
        Self { folder, file }
    }

    fn with(content: &str) -> Self {
        let target = Self::new();
        fs::write(&target.file, content).expect("written");
        target
    }

    /// What is in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    fn read(&self) -> String {
        fs::read_to_string(&self.file).expect("the file")
    }
}

fn media(body: Body) -> http::Response<Body> {
    let mut reply = media_reply("image/png", "");
    *reply.body_mut() = body;
    reply
}

fn serving(replies: Vec<http::Response<Body>>, policy: RetryPolicy) -> (MockTransport, Cloud) {
    let mock = MockTransport::replies(replies);
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .access_token("T")
        .retry(policy)
        .transport(mock.clone())
        .build()
        .expect("complete");
    (mock, cloud)
}

async fn store(cloud: &Cloud, file: &Path) -> Result<u64, Error> {
    let stored = get_temp_media_to_file(cloud, GetTempMedia::new("M"), file).await;
    stored.map(|media| media.size)
}

#[tokio::test]
async fn a_file_is_written_whole_with_the_permissions_of_any_new_file() {
    let target = Target::new();
    let body = pieces(vec![Ok("123".into()), Ok("45".into())]);
    let (_, cloud) = serving(vec![media(body)], RetryPolicy::none());
    assert_eq!(store(&cloud, &target.file).await.expect("stored"), 5);
    assert_eq!(target.read(), "12345");
    assert_eq!(target.names(), ["image.png"]);
    let other = target.folder.path().join("other");
    fs::write(&other, "").expect("written");
    let permissions = |path: &Path| fs::metadata(path).expect("a file").permissions();
    assert_eq!(permissions(&target.file), permissions(&other));
}

#[tokio::test]
async fn a_file_that_is_there_stays_until_the_new_one_is_whole() {
    let target = Target::with("old");
    let (sender, body) = channel();
    let (_, cloud) = serving(vec![media(body)], RetryPolicy::none());
    let call = tokio::spawn({
        let file = target.file.clone();
        async move { store(&cloud, &file).await }
    });
    // Each is taken only after the one before it has been written.
    for piece in ["1", "2", "3"] {
        sender.send(Ok(piece.into())).await.expect("read");
    }
    assert_eq!(target.read(), "old");
    assert_eq!(target.names().len(), 2, "{:?}", target.names());
    drop(sender);
    call.await.expect("no panic").expect("stored");
    assert_eq!(target.read(), "123");
    assert_eq!(target.names(), ["image.png"]);
}

#[tokio::test]
async fn a_failure_leaves_everything_as_it_was() {
    let cut = || {
        let mut reply = media(pieces(vec![Ok("123".into())]));
        let length = "4".parse().expect("a length");
        reply.headers_mut().insert(CONTENT_LENGTH, length);
        reply
    };
    let refusal = || json_reply(json!({"errcode": 40007, "errmsg": "invalid media_id"}));
    for (reply, err_code) in [
        (
            media(pieces(vec![Ok("123".into()), Err(broke())])),
            -601_003,
        ),
        (cut(), -601_003),
        (refusal(), 40_007),
        (media(Body::default()), -604_103),
    ] {
        let target = Target::with("old");
        let (_, cloud) = serving(vec![reply], RetryPolicy::none());
        let error = store(&cloud, &target.file).await.expect_err("fails");
        assert_eq!(error.err_code(), err_code);
        assert_eq!((target.read().as_str(), target.names().len()), ("old", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_breaks_off_is_begun_anew() {
    let target = Target::new();
    let broken = || media(pieces(vec![Ok("a longer beginning".into()), Err(broke())]));
    let fine = media(pieces(vec![Ok("123".into()), Ok("45".into())]));
    let (mock, cloud) = serving(vec![broken(), broken(), fine], RetryPolicy::new());
    assert_eq!(store(&cloud, &target.file).await.expect("stored"), 5);
    assert_eq!(
        (target.read().as_str(), mock.requests().len()),
        ("12345", 3)
    );

    let target = Target::new();
    let (mock, cloud) = serving(vec![broken(), broken(), broken()], RetryPolicy::new());
    let error = store(&cloud, &target.file)
        .await
        .expect_err("breaks off each time");
    assert!(
        error
            .err_msg()
            .ends_with("18 bytes of the media had been written"),
        "{error}"
    );
    assert!(
        error
            .hint()
            .expect("a hint")
            .ends_with("it was tried 3 times")
    );
    assert_eq!(mock.requests().len(), 3);
    assert!(target.names().is_empty());

    // And then refused: nothing of the beginning is left.
    let target = Target::with("old");
    let refusal = json_reply(json!({"errcode": 40007, "errmsg": "invalid media_id"}));
    let (_, cloud) = serving(vec![broken(), refusal], RetryPolicy::new());
    let error = store(&cloud, &target.file).await.expect_err("gone");
    assert_eq!(error.err_code(), 40_007);
    assert_eq!((target.read().as_str(), target.names().len()), ("old", 1));
}

#[tokio::test]
async fn what_cannot_be_a_file_is_an_error_with_its_reason() {
    let target = Target::with("old");
    let folder = target.folder.path();
    for path in [
        folder.join("nowhere/image.png"),
        folder.to_owned(),
        PathBuf::new(),
        "..".into(),
    ] {
        let (_, cloud) = serving(vec![media("12345".into())], RetryPolicy::none());
        let error = store(&cloud, &path).await.expect_err("no file");
        assert_eq!(error.err_code(), -601_001, "{}", path.display());
        assert!(
            error
                .source()
                .is_some_and(|source| source.is::<std::io::Error>())
        );
        assert!(
            error.err_msg().contains("the media cannot be written"),
            "{error}"
        );
    }
    assert_eq!((target.read().as_str(), target.names().len()), ("old", 1));
}

/// A link is replaced, whatever it leads to but a folder; a device or a pipe stays what it is.
#[cfg(unix)]
#[tokio::test]
async fn a_link_is_replaced_and_a_special_file_is_not() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let target = Target::with("old");
    let link = target.folder.path().join("link");
    for leads_to in [target.file.as_path(), Path::new("nowhere")] {
        symlink(leads_to, &link).expect("a link");
        let (_, cloud) = serving(vec![media("12345".into())], RetryPolicy::none());
        store(&cloud, &link).await.expect("stored");
        assert!(fs::symlink_metadata(&link).expect("a file").is_file());
        assert_eq!(fs::read_to_string(&link).expect("the file"), "12345");
        fs::remove_file(&link).expect("removed");
    }
    let special = target.folder.path().join("socket");
    let _listener = UnixListener::bind(&special).expect("a socket");
    symlink(target.folder.path(), &link).expect("a link");
    for path in [&special, &link] {
        let (_, cloud) = serving(vec![media("12345".into())], RetryPolicy::none());
        let error = store(&cloud, path).await.expect_err("not replaced");
        assert_eq!(error.err_code(), -601_001);
        assert!(!fs::symlink_metadata(path).expect("there").is_file());
    }
    assert_eq!(target.read(), "old");
    assert_eq!(target.names(), ["image.png", "link", "socket"]);
}

/// A step that waits for its thread is not called back when the call is dropped.
#[test]
fn who_gave_up_does_not_find_the_file_replaced_later() {
    let target = Target::with("old");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (sender, body) = channel();
        let (_, cloud) = serving(vec![media(body)], RetryPolicy::none());
        let mut call = Box::pin(store(&cloud, &target.file));
        let mut go_on = || {
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..10 {
                assert!(call.as_mut().poll(&mut context).is_pending());
            }
        };
        sender.send(Ok("12345".into())).await.expect("read");
        for _ in 0..10 {
            go_on();
            // There is one thread, so its steps have been done by then.
            tokio::task::spawn_blocking(|| ()).await.expect("no panic");
        }
        // It has something else to do now, and only then comes the end.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        drop(sender);
        go_on();
        drop(call);
        drop(release);
        busy.await.expect("no panic").expect_err("released");
        tokio::task::spawn_blocking(|| ()).await.expect("the last");
    });
    assert_eq!((target.read().as_str(), target.names().len()), ("old", 1));
}

/// Dropped after each number of steps, also while a thread writes, syncs or renames.
#[test]
fn dropped_at_any_moment_it_leaves_the_old_file_or_the_new_one() {
    let (mut old, mut new) = (0, 0);
    // The last one is sure to end by itself.
    for steps in (0..60).chain([9_999]) {
        let target = Target::with("old");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let body = pieces((0..10).map(|_| Ok("1234567890".into())).collect());
            let (_, cloud) = serving(vec![media(body)], RetryPolicy::none());
            let mut call = pin!(store(&cloud, &target.file));
            for _ in 0..steps {
                // Woken by nothing but the loop, so that a step is as often cut as it is awaited.
                let mut context = Context::from_waker(Waker::noop());
                if call.as_mut().poll(&mut context).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
                if steps % 2 == 0 {
                    std::thread::yield_now();
                } else {
                    tokio::task::spawn_blocking(|| ()).await.expect("no panic");
                }
            }
        });
        // Waits for the threads.
        drop(runtime);
        assert_eq!(target.names(), ["image.png"], "{steps}");
        match target.read() {
            content if content == "old" => old += 1,
            content => {
                assert_eq!(content, "1234567890".repeat(10));
                new += 1;
            }
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
}
