//! `-o FILE`: where the bytes of a result go.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::Builder;

use crate::failure::Failure;

/// Names of stdout that are files to some.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// How many links lead on, at most: what Linux follows.
const MOST_LINKS: usize = 40;

/// A file that is to be written, in a folder that exists.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
}

impl OutputFile {
    /// Checks what can be checked before anything runs.
    pub(super) fn check(path: PathBuf) -> Result<Self, Failure> {
        let shown = path.display();
        if path.as_os_str().is_empty() || STDOUT.iter().any(|it| path == Path::new(it)) {
            return Err(Failure::usage("-o needs the name of a file")
                .hint("stdout holds the result's JSON: write -o FILE"));
        }
        if path.is_dir() {
            return Err(Failure::usage(format_args!("-o {shown}: this is a folder"))
                .hint("write -o FILE, with the name of a file in it"));
        }
        let target = target(&path).map_err(|error| {
            Failure::usage(format_args!("-o {shown}: {error}")).hint("name another file")
        })?;
        let folder = folder(&target);
        if !folder.is_dir() {
            return Err(Failure::usage(format_args!(
                "-o {shown}: the folder {} does not exist",
                folder.display()
            ))
            .hint("create the folder, or name a file in one that exists"));
        }
        existing(&target).map_err(|error| {
            Failure::usage(format_args!("-o {shown}: it cannot be written: {error}"))
                .hint("make the file writable, or name another")
        })?;
        Ok(Self { path })
    }

    /// Writes the file, whole or not at all, and gives what stands in the bytes' place.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Value, Failure> {
        match self.write_all(bytes) {
            Ok(()) => Ok(json!({"file": self.path.to_string_lossy(), "size": bytes.len()})),
            Err(error) => Err(Failure::tool(format_args!(
                "{} cannot be written: {error}",
                self.path.display()
            ))
            .hint("check the permissions of file and folder, and the space on its disk")),
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        // Through a link, and not in its place.
        let path = target(&self.path)?;
        if fs::metadata(&path).is_ok_and(|existing| !existing.is_file()) {
            // A device or a pipe is written to; replacing it would be a surprise.
            return File::options().write(true).open(&path)?.write_all(bytes);
        }
        let existing = existing(&path)?;
        let mut builder = Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file: what the umask leaves of it.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.prefix(".cloudcall-").tempfile_in(folder(&path))?;
        file.write_all(bytes)?;
        if let Some(permissions) = existing {
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }

    /// There is a result, but no bytes in it that could be written.
    pub(super) fn not_written(&self, result: String, why: impl std::fmt::Display) -> Failure {
        let message = format!("{} was not written: {why}", self.path.display());
        Failure::failed(result, message).hint("look at the result, or leave out -o")
    }
}

/// Where the links of a path lead, even if nothing is there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(found) = path.canonicalize() {
            return Ok(found);
        }
        match path.read_link() {
            Ok(next) => path = folder(&path).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead on from it"))
}

/// The permissions of a file that is there and is to be replaced; an error if it is not to be
/// written, of which a replacement would take no note.
fn existing(path: &Path) -> io::Result<Option<fs::Permissions>> {
    let permissions = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.permissions(),
        _ => return Ok(None),
    };
    if permissions.readonly() {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only");
        return Err(error);
    }
    File::options().write(true).open(path)?;
    Ok(Some(permissions))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out.jpg");
        for bytes in [&b"first, and longer"[..], b"second"] {
            let output = OutputFile::check(path.clone()).expect("a good place");
            let written = output.write(bytes).expect("written");
            assert_eq!(written["size"], bytes.len());
            assert_eq!(fs::read(&path).expect("read"), bytes);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("list").count(), 1);
    }

    #[test]
    fn places_that_cannot_work_are_refused_beforehand() {
        let folder = tempfile::tempdir().expect("folder");
        for path in ["", "-", "/dev/stdout", "/dev/fd/1"]
            .map(PathBuf::from)
            .into_iter()
            .chain([folder.path().to_owned(), folder.path().join("no/file")])
        {
            assert!(
                OutputFile::check(path.clone()).is_err(),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_file_that_is_read_only_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out.jpg");
        fs::write(&path, "mine").expect("target");
        let output = OutputFile::check(path.clone()).expect("a good place");
        let writable = fs::metadata(&path).expect("there").permissions();
        let mut permissions = writable.clone();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).expect("read-only");
        assert!(OutputFile::check(path.clone()).is_err());
        assert!(output.write(b"x").is_err());
        assert_eq!(fs::read(&path).expect("read"), b"mine");
        // Windows removes no folder with a read-only file in it.
        fs::set_permissions(&path, writable).expect("writable");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out.jpg");
        fs::write(&path, "").expect("target");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode");
        OutputFile { path: path.clone() }
            .write(b"x")
            .expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_yet_is_followed_too() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("folder");
        let [link, next, lost, round] =
            ["link", "next", "lost", "round"].map(|name| folder.path().join(name));
        symlink("next", &link).expect("link");
        symlink("target", &next).expect("link");
        let output = OutputFile::check(link.clone()).expect("a good place");
        output.write(b"x").expect("written");
        assert!(link.is_symlink() && next.is_symlink());
        assert_eq!(fs::read(folder.path().join("target")).expect("read"), b"x");

        symlink("no/target", &lost).expect("link");
        assert!(OutputFile::check(lost).is_err());
        symlink("round", &round).expect("link");
        assert!(OutputFile::check(round).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().expect("folder");
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "").expect("target");
        std::os::unix::fs::symlink(&target, &link).expect("link");
        OutputFile { path: link }.write(b"x").expect("written");
        assert_eq!(fs::read(&target).expect("read"), b"x");

        let device = PathBuf::from("/dev/null");
        OutputFile {
            path: device.clone(),
        }
        .write(b"x")
        .expect("written");
        assert!(!device.is_file());
    }
}
