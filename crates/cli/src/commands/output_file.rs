//! `-o FILE`: where the bytes of a result go.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::Builder;

use crate::failure::Failure;

/// A file that is to be written, in a folder that exists.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
}

impl OutputFile {
    /// Checks what can be checked before anything runs.
    pub(super) fn check(path: PathBuf) -> Result<Self, Failure> {
        let shown = path.display();
        if path.as_os_str().is_empty() || path.as_os_str() == "-" {
            return Err(Failure::usage("-o needs the name of a file")
                .hint("stdout holds the result's JSON: write -o FILE"));
        }
        if path.is_dir() {
            return Err(Failure::usage(format_args!("-o {shown}: this is a folder"))
                .hint("write -o FILE, with the name of a file in it"));
        }
        let folder = folder(&path);
        if !folder.is_dir() {
            return Err(Failure::usage(format_args!(
                "-o {shown}: the folder {} does not exist",
                folder.display()
            ))
            .hint("create the folder, or name a file in one that exists"));
        }
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
            .hint("check the folder's permissions and the space on its disk")),
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        // Through a link, and not in its place.
        let path = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.clone());
        if fs::metadata(&path).is_ok_and(|existing| !existing.is_file()) {
            // A device or a pipe is written to; replacing it would be a surprise.
            return File::options().write(true).open(&path)?.write_all(bytes);
        }
        let mut builder = Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file: what the umask leaves of it.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.prefix(".cloudcall-").tempfile_in(folder(&path))?;
        file.write_all(bytes)?;
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
        for path in ["", "-"]
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
