//! The files that changed.

use std::collections::BTreeSet;
use std::ops::Bound::{Included, Unbounded};
use std::path::{Path, PathBuf};

/// More paths are not kept: then everything counts as changed.
pub(super) const MOST: usize = 10_000;

/// Files that are new, gone, or other than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// As the roots were given, with what is below.
    pub(crate) paths: BTreeSet<PathBuf>,
    /// There were too many, or the system lost some: any file may have changed, and `paths` is empty.
    pub(crate) everything: bool,
}

impl Changes {
    pub(super) fn everything() -> Self {
        Self {
            paths: BTreeSet::new(),
            everything: true,
        }
    }

    /// Whether this file, or one in this folder, may have changed.
    pub(crate) fn concern(&self, path: &Path) -> bool {
        self.everything
            || (self
                .paths
                .range::<Path, _>((Included(path), Unbounded))
                .next())
            .is_some_and(|changed| changed.starts_with(path))
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.everything && self.paths.is_empty()
    }

    pub(super) fn add(&mut self, path: PathBuf) {
        if !self.everything {
            self.paths.insert(path);
            if self.paths.len() > MOST {
                *self = Self::everything();
            }
        }
    }

    pub(super) fn append(&mut self, more: Self) {
        if more.everything {
            *self = more;
        } else {
            more.paths.into_iter().for_each(|path| self.add(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_concern_a_file_and_the_folders_above_it() {
        let mut changes = Changes::default();
        changes.add("functions/a/lib/index.js".into());
        changes.add("functions/a-b/index.js".into());
        for path in [
            "functions",
            "functions/a",
            "functions/a/lib/index.js",
            "functions/a-b",
        ] {
            assert!(changes.concern(Path::new(path)), "{path}");
        }
        for path in [
            "functions/b",
            "functions/a/li",
            "functions/a/lib/index.js/x",
            "z",
        ] {
            assert!(!changes.concern(Path::new(path)), "{path}");
        }
        assert!(Changes::everything().concern(Path::new("z")));
    }

    #[test]
    fn too_many_are_everything() {
        let mut changes = Changes::default();
        (0..MOST).for_each(|number| changes.add(number.to_string().into()));
        assert!(!changes.everything);
        changes.add("one more".into());
        assert_eq!(changes, Changes::everything());
        changes.add("and another".into());
        assert_eq!(changes, Changes::everything());
    }
}
