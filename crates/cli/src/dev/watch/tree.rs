//! The files of one root as they were last seen.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::ops::Bound::{Included, Unbounded};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Changes, Root, ignored};

/// By what a file is told from the one it was. Permissions are no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    id: Id,
}

/// Another file, or folder, of the same name has another one.
#[cfg(unix)]
type Id = (u64, u64);
#[cfg(not(unix))]
type Id = Option<SystemTime>;

#[cfg(unix)]
fn id(metadata: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id(metadata: &Metadata) -> Id {
    metadata.created().ok()
}

impl Stamp {
    fn new(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            id: id(metadata),
        }
    }
}

/// Where the root really is: links on the way to it are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The real folder: the root's, or the one that the file is in.
    pub(super) folder: PathBuf,
    id: Id,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Root,
    pub(super) place: Option<Place>,
    files: BTreeMap<PathBuf, Stamp>,
}

impl Tree {
    /// Knows no files yet.
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            place: None,
            files: BTreeMap::new(),
        }
    }

    /// As it was given.
    pub(super) fn path(&self) -> &Path {
        match &self.root {
            Root::Folder(path) | Root::File(path) => path,
        }
    }

    /// Where the root is now, if there is one.
    pub(super) fn find(&self) -> Option<Place> {
        let folder = match &self.root {
            Root::Folder(path) => path.as_path(),
            Root::File(path) => path.parent()?,
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let folder = fs::canonicalize(folder).ok()?;
        let metadata = fs::metadata(&folder).ok()?;
        let id = id(&metadata);
        metadata.is_dir().then_some(Place { folder, id })
    }

    /// A real path as one below the root, unless it is none, or ignored.
    pub(super) fn shown(&self, real: &Path) -> Option<PathBuf> {
        let below = real.strip_prefix(&self.place.as_ref()?.folder).ok()?;
        match &self.root {
            Root::Folder(path) if below.as_os_str().is_empty() => Some(path.clone()),
            Root::Folder(path) => (!ignored::path(below)).then(|| path.join(below)),
            // Compared as names, as the file itself may be a link.
            Root::File(path) => (below.as_os_str() == path.file_name()?).then(|| path.clone()),
        }
    }

    /// Looks at a path at or below the root, and at all below it; notes what is not as it was. With
    /// `certain`, a file counts as changed even if it looks the same. `enter` is told each real
    /// folder before it is read, and says whether to go on.
    pub(super) fn look(
        &mut self,
        path: &Path,
        certain: bool,
        changes: &mut Changes,
        enter: &mut dyn FnMut(&Path) -> bool,
    ) {
        let mut found = BTreeMap::new();
        if let Ok(metadata) = fs::metadata(path) {
            let is_root = path == self.path();
            let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
            if metadata.is_file() {
                if is_root == matches!(self.root, Root::File(_)) {
                    found.insert(path.to_owned(), Stamp::new(&metadata));
                }
            } else if metadata.is_dir() && matches!(self.root, Root::Folder(_)) {
                if is_link && !is_root {
                    found.extend(link(path));
                } else if !self.walk(path, &mut found, enter) {
                    return;
                }
            }
        } else if path != self.path() {
            found.extend(link(path));
        }
        let known: Vec<PathBuf> = (self.files.range::<Path, _>((Included(path), Unbounded)))
            .map(|(known, _)| known.clone())
            .take_while(|known| known.starts_with(path))
            .collect();
        for known in known {
            if !found.contains_key(&known) {
                self.files.remove(&known);
                changes.add(known);
            }
        }
        for (file, stamp) in found {
            let is_same = self.files.get(&file) == Some(&stamp);
            if !is_same || (certain && file == path) {
                changes.add(file.clone());
                self.files.insert(file, stamp);
            }
        }
    }

    /// Finds the files in a folder and below. Gives whether it was not stopped.
    fn walk(
        &self,
        folder: &Path,
        found: &mut BTreeMap<PathBuf, Stamp>,
        enter: &mut dyn FnMut(&Path) -> bool,
    ) -> bool {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let below = folder.strip_prefix(self.path()).unwrap_or(&folder);
            let real = match &self.place {
                // Joining nothing would add a slash.
                Some(place) if below.as_os_str().is_empty() => place.folder.clone(),
                Some(place) => place.folder.join(below),
                None => folder.clone(),
            };
            if !enter(&real) {
                return false;
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                if ignored::name(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        if let Ok(metadata) = entry.metadata() {
                            found.insert(path, Stamp::new(&metadata));
                        }
                    }
                    Ok(kind) if kind.is_symlink() => match fs::metadata(&path) {
                        Ok(metadata) if metadata.is_file() => {
                            found.insert(path, Stamp::new(&metadata));
                        }
                        _ => found.extend(link(&path)),
                    },
                    _ => {}
                }
            }
        }
        true
    }
}

/// A link to a folder, or to nothing: of it only counts where it leads.
fn link(path: &Path) -> Option<(PathBuf, Stamp)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    (metadata.is_symlink()).then(|| (path.to_owned(), Stamp::new(&metadata)))
}
