//! A project in which the binary runs, and which is searched after each run.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::canaries::{Canary, SECRET, assert_clean, assert_clean_folder};
use crate::node_functions::project;
use crate::tool::{cloudcall, output, stderr, stdout};

/// The password of a proxy. It stands in a URL, so it has no need for escapes.
pub(super) const PASSWORD: &str = "Pr0xyCanary3Wd";

/// Tells its secrets to the test, shows how it was started, and what it was refused, all it can.
const NODE: &str = r"
    const { appendFileSync, readFileSync } = require('fs')
    const { inspect } = require('util')
    const cloud = require('wx-server-sdk')
    cloud.init()
    appendFileSync(process.env.TOLD, process.env.WX_API_TOKEN + '\n')
    const started = [process.pid, process.ppid].map((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8'))
    exports.main = async ({ mediaId }) => {
        console.log(started)
        try {
            await cloud.callFunction({ name: 'nobody', data: {} })
        } catch (error) {
            console.error(error, inspect(error, { showHidden: true, depth: 9 }))
        }
        try {
            const reply = await cloud.openapi.customerServiceMessage.getTempMedia({ mediaId })
            return { ...reply, buffer: undefined }
        } catch (error) {
            console.error(error, inspect(error, { showHidden: true, depth: 9 }))
            throw error
        }
    }";

const MAY: &str =
    r#"{"timeout":60,"permissions":{"openapi":["customerServiceMessage.getTempMedia"]}}"#;

/// A project whose folder, and whose folder of temporary files, are searched after each run.
pub(super) struct Project {
    folder: tempfile::TempDir,
    /// How many secrets the last run told the test.
    pub(super) told: Cell<usize>,
}

impl Project {
    pub(super) fn new() -> Self {
        let project = project("f", &[("index.js", NODE), ("config.json", MAY)]);
        fs::write(project.path().join("config.json"), MAY).expect("written");
        fs::create_dir(project.path().join("tmp")).expect("created");
        Self {
            folder: project,
            told: Cell::new(0),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A run, with everything on that makes programs talk.
    pub(super) fn run(&self, arguments: &[&str]) -> Command {
        let mut run = cloudcall(self.path());
        run.args(arguments)
            .env("TMPDIR", self.path().join("tmp"))
            .env("TOLD", self.path().join("told"))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("RUST_LIB_BACKTRACE", "full")
            .env("NODE_OPTIONS", "--trace-uncaught --trace-warnings");
        run
    }

    /// The same, as this app.
    pub(super) fn run_as_app(&self, arguments: &[&str]) -> Command {
        let mut run = self.run(arguments);
        run.env("WECHAT_APPID", "wx1").env("WECHAT_SECRET", SECRET);
        run
    }

    /// Runs it to the end, and searches all that it leaves. Gives what it printed.
    #[track_caller]
    pub(super) fn search(&self, path: &str, run: &mut Command) -> String {
        let output = output(run);
        let printed = format!(
            "{:?}\n{}{}",
            output.status,
            stdout(&output),
            stderr(&output)
        );
        let mut canaries = Canary::both();
        canaries.push(Canary::new("the proxy's password", PASSWORD));
        let told = self.path().join("told");
        self.told.set(0);
        for secret in fs::read_to_string(&told).unwrap_or_default().lines() {
            canaries.push(Canary::new("what a process was given", secret));
            self.told.set(self.told.get() + 1);
        }
        // What the test itself or a user has written is no output.
        let _ = fs::remove_file(told);
        let _ = fs::remove_file(self.path().join(".env"));
        assert_clean(&canaries, path, &printed);
        assert_clean_folder(&canaries, path, self.path());
        printed
    }
}
