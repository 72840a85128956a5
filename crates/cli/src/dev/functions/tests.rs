use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::super::journal::{Journal, LIMIT};
use super::super::running::Running;
use super::*;
use crate::env::Env;
use crate::printer::{Printer, Told as _};
use crate::runner::{Processes, Project, Upstream, Ways, groups_in_tests};
use crate::target::Target;

/// A Node function whose `config.json` permits these, served for as long as the first are kept.
async fn serve(apis: &[&str]) -> (TempDir, Arc<Functions>, Journal) {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("functions/f");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("index.js"), "").expect("written");
    permit(&root, apis);
    let calls = Calls {
        journal: Journal::new(Printer, LIMIT),
        running: Running::default(),
        printer: Printer,
    };
    let journal = calls.journal.clone();
    let target = Target::Emulator {
        media: None,
        faults: Vec::new(),
    };
    let upstream = Upstream::open_on(
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        target,
        None,
        None,
        Arc::new(calls.clone()),
        Router::new(),
        Printer,
    );
    let host = Host::new(
        Some(Project::find(root.path(), None).expect("a project")),
        upstream.await.expect("open"),
        Caller::default(),
        Env::of(&[]),
        Processes::new(groups_in_tests()).spawner(),
        Printer,
        Ways::Apart,
    );
    let limits = Limits {
        workers: 1,
        starting: 1,
        queue: 1,
        idle: Duration::ZERO,
    };
    let opened = Functions::open(host, calls, limits, Tasks::default());
    let (functions, _) = opened.expect("served");
    (root, functions, journal)
}

fn permit(root: &TempDir, apis: &[&str]) -> Changes {
    let config = root.path().join("functions/f/config.json");
    let text = json!({"permissions": {"openapi": apis}}).to_string();
    std::fs::write(&config, text).expect("written");
    Changes {
        paths: BTreeSet::from([config]),
        everything: false,
    }
}

/// By the return of `serve` nothing else has run: there is one thread.
#[tokio::test]
async fn an_edit_before_the_manager_runs_is_told() {
    let (root, functions, journal) = serve(&["a.b"]).await;
    functions.changed(&permit(&root, &["a.b", "c.d"]));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let entries = journal.after(0, LIMIT).entries;
    let [entry] = &entries[..] else {
        panic!("{entries:?}");
    };
    let entry: Value = serde_json::from_str(&entry.json()).expect("JSON");
    assert_eq!(entry["changes"], json!(["+c.d"]));
}
