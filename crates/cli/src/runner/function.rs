//! A function: a folder, and what it is written in.

use std::path::{Path, PathBuf};

/// A folder with any of these can be loaded by Node.
const NODE_FILES: [&str; 4] = ["package.json", "index.js", "index.cjs", "index.mjs"];

/// What runs a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Cargo package whose binary speaks the runtime API.
    Rust,
    /// A folder that Node can load.
    Node,
}

impl Kind {
    /// What the folder holds, if it is a function at all.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let has = |file: &str| folder.join(file).is_file();
        if has("Cargo.toml") {
            Some(Self::Rust)
        } else if NODE_FILES.iter().any(|file| has(file)) {
            Some(Self::Node)
        } else {
            None
        }
    }
}

/// A function of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) kind: Kind,
}

impl Function {
    /// Its `config.json`, whether or not there is one.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config.json")
    }

    /// Its `Cargo.toml`.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }
}
