//! The source files of a function: which of its files are read.
//!
//! Those in its folder and below, but for `node_modules`, hidden folders and what runs only in
//! tests: files such as `a.test.js` and folders such as `__tests__`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::text::Text;
use crate::runner::Kind;

/// The largest file that is read, in bytes. What is larger was not written by hand.
const LARGEST: u64 = 4 << 20;

/// As deep as brackets may be open. Parsers go as deep as the code, and the stack has an end, behind
/// which nothing could be said any more; people come to a few dozen.
const DEEPEST: usize = 2_000;

/// The same for one expression without brackets, such as `!!!!a` or `a + a + a`, in operators.
const LONGEST: usize = 20_000;

const JAVASCRIPT: &[&str] = &["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"];

/// Folders that hold nothing that runs on the platform.
const OTHERS: &[&str] = &[
    "node_modules",
    "miniprogram_npm",
    "coverage",
    "test",
    "tests",
    "__tests__",
    "__mocks__",
];

/// The same for a Cargo package.
const OTHERS_OF_CARGO: &[&str] = &["target", "tests", "benches", "examples"];

/// One file.
#[derive(Debug)]
pub(super) struct Source {
    /// As it is shown.
    pub(super) path: PathBuf,
    /// Below the function's folder, with `/` between the names.
    pub(super) name: String,
    pub(super) text: Text,
    /// Where the first bytes are that are no UTF-8. Node replaces such bytes, and so is done here.
    pub(super) not_utf8: Option<usize>,
}

/// A file that was not read, and why.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) path: PathBuf,
    pub(super) reason: String,
    /// Nothing is wrong with it: it is only too much to be read, or not followed.
    pub(super) is_legal: bool,
}

/// What is in a function's folder.
#[derive(Debug)]
pub(super) struct Found {
    kind: Kind,
    /// The source files, by name.
    pub(super) sources: Vec<Source>,
    /// By path.
    pub(super) unread: Vec<Unread>,
    /// The names of all other files, such as JSON that is required.
    pub(super) others: Vec<String>,
}

/// Reads the source files of a function.
pub(super) fn read(folder: &Path, kind: Kind) -> Found {
    let mut found = Found {
        kind,
        sources: Vec::new(),
        unread: Vec::new(),
        others: Vec::new(),
    };
    found.walk(folder, "");
    found
        .sources
        .sort_by(|one, other| one.name.cmp(&other.name));
    found.unread.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

impl Found {
    fn walk(&mut self, folder: &Path, below: &str) {
        if let Err(error) = self.walk_entries(folder, below) {
            self.unread.push(Unread {
                path: folder.into(),
                reason: format!("the folder cannot be read: {error}"),
                is_legal: false,
            });
        }
    }

    fn walk_entries(&mut self, folder: &Path, below: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let below = format!("{below}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if self.is_walked(&name) {
                    self.walk(&path, &format!("{below}/"));
                }
            } else if kind.is_symlink() && path.is_dir() {
                // It may lead in a circle, or to all of the disk.
                if self.is_walked(&name) {
                    self.unread.push(Unread {
                        path,
                        reason: "the folder is a link, which is not followed: what it holds is not checked".into(),
                        is_legal: true,
                    });
                }
            } else if self.is_source(&name) && path.is_file() {
                self.file(path, below);
            } else {
                self.others.push(below);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, name: String) {
        let (reason, is_legal) = match bytes(&path) {
            Ok(bytes) if bytes.len() as u64 > LARGEST => (
                format!(
                    "the file is larger than {} MiB: it is not checked",
                    LARGEST >> 20
                ),
                true,
            ),
            Ok(bytes) if is_too_deep(&bytes) => (
                "the file nests too deep to be read: it is not checked".into(),
                true,
            ),
            Ok(bytes) => {
                self.sources.push(Source {
                    path,
                    name,
                    text: Text::new(&String::from_utf8_lossy(&bytes)),
                    not_utf8: std::str::from_utf8(&bytes)
                        .err()
                        .map(|error| error.valid_up_to()),
                });
                return;
            }
            Err(error) => (format!("the file cannot be read: {error}"), false),
        };
        self.unread.push(Unread {
            path,
            reason,
            is_legal,
        });
    }

    fn is_walked(&self, name: &str) -> bool {
        match self.kind {
            Kind::Node => !OTHERS.contains(&name),
            Kind::Rust => !OTHERS_OF_CARGO.contains(&name),
        }
    }

    fn is_source(&self, name: &str) -> bool {
        let Some((stem, extension)) = name.rsplit_once('.') else {
            return false;
        };
        match self.kind {
            Kind::Rust => extension == "rs" && name != "build.rs",
            Kind::Node => {
                let mut parts = stem.rsplit('.');
                let last = parts.next().unwrap_or_default();
                let is_named = parts.next().is_some();
                let for_tests = is_named && matches!(last, "test" | "spec");
                // `.d.ts` declares, and runs nothing.
                let declares = is_named && last == "d" && extension.ends_with("ts");
                JAVASCRIPT.contains(&extension) && !for_tests && !declares
            }
        }
    }
}

/// Whether it is neither a file nor a folder, such as a pipe, which would be read for ever.
pub(super) fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The file, or a little more than the most of it that is read.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a parser could go too deep in it. Texts and comments count, too: where they end could
/// be told only by a parser.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut open, mut operators) = (0_usize, 0_usize);
    // The last letter before white space.
    let mut last = b';';
    let is_word = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'$');
    let mut line_ended = false;
    for (at, &letter) in bytes.iter().enumerate() {
        // Where a line ends behind a word and the next starts with one, so did a statement.
        let starts = is_word(letter) && (at == 0 || !is_word(bytes[at - 1]));
        let is_else = starts && bytes[at..].starts_with(b"else");
        let ended = last == b'}' || (line_ended && (is_word(last) || b")]\"'`;".contains(&last)));
        if starts && !is_else && ended {
            operators = 0;
        }
        match letter {
            b'{' => open += 1,
            b'(' | b'[' => {
                open += 1;
                operators += 1;
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b',' => operators = 0,
            b';' => {
                let rest = bytes[at + 1..].trim_ascii_start();
                if !rest.starts_with(b"else") {
                    operators = 0;
                }
            }
            b'!' | b'~' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'=' | b'<'
            | b'>' | b'?' | b':' | b'.' => operators += 1,
            _ if starts && (is_else || is_prefix(&bytes[at..])) => operators += 1,
            _ => {}
        }
        if open > DEEPEST || operators > LONGEST {
            return true;
        }
        if letter.is_ascii_whitespace() {
            line_ended |= letter == b'\n';
        } else {
            last = letter;
            line_ended = false;
        }
    }
    false
}

/// Whether a word starts here that is an operator in front of another.
fn is_prefix(bytes: &[u8]) -> bool {
    let mut words = ["await", "typeof", "void", "delete", "new", "yield", "if"].iter();
    words.any(|word| bytes.starts_with(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], kind: Kind) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temp folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "").expect("written");
        }
        let found = read(folder.path(), kind);
        assert!(found.unread.is_empty(), "{found:?}");
        found
            .sources
            .into_iter()
            .map(|source| source.name)
            .collect()
    }

    #[test]
    fn what_runs_on_the_platform_is_read() {
        let found = names(
            &[
                "index.js",
                "lib/deep/a.ts",
                "b.mjs",
                "types.d.ts",
                "index.test.js",
                "index.spec.ts",
                "test.js",
                "__tests__/c.js",
                "node_modules/x/index.js",
                ".hidden/d.js",
                "data.json",
            ],
            Kind::Node,
        );
        assert_eq!(found, ["b.mjs", "index.js", "lib/deep/a.ts", "test.js"]);
        let found = names(
            &[
                "src/main.rs",
                "build.rs",
                "tests/a.rs",
                "target/b.rs",
                "index.js",
            ],
            Kind::Rust,
        );
        assert_eq!(found, ["src/main.rs"]);
    }

    #[test]
    fn a_file_that_is_no_utf8_is_read_as_node_does_and_a_large_one_is_not() {
        let folder = tempfile::tempdir().expect("a temp folder");
        std::fs::write(folder.path().join("index.js"), b"// \xc4\xe3").expect("written");
        let large = std::fs::File::create(folder.path().join("large.js")).expect("made");
        large.set_len(LARGEST + 1).expect("enlarged");
        let Found {
            sources, unread, ..
        } = read(folder.path(), Kind::Node);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].not_utf8, Some(3));
        assert_eq!(unread.len(), 1);
        assert!(unread[0].is_legal);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_is_not_followed_and_said() {
        let folder = tempfile::tempdir().expect("a temp folder");
        for name in ["circle", "node_modules"] {
            std::os::unix::fs::symlink(".", folder.path().join(name)).expect("linked");
        }
        std::fs::write(folder.path().join("cfg.json"), "{}").expect("written");
        let found = read(folder.path(), Kind::Node);
        assert_eq!(found.unread.len(), 1, "{found:?}");
        assert!(found.unread[0].path.ends_with("circle") && found.unread[0].is_legal);
        assert_eq!(found.others, ["cfg.json"]);
    }

    #[test]
    fn code_that_would_overflow_the_stack_is_known() {
        let many = LONGEST + 1;
        for (text, is_deep) in [
            ("[".repeat(DEEPEST + 1), true),
            ("{\n".repeat(DEEPEST + 1), true),
            ("!".repeat(many), true),
            ("a + ".repeat(many), true),
            ("a =>\n".repeat(many), true),
            ("typeof ".repeat(many), true),
            ("f()".repeat(many), true),
            ("function f(){}".repeat(many), false),
            ("if (a) b;\nelse ".repeat(many), true),
            ("f();\n[].x = {}\n".repeat(many), false),
            ("const a = 1\n".repeat(many), false),
            ("a = b;".repeat(many), false),
            ("[-1, 'a-b'], ".repeat(many), false),
        ] {
            let start = &text[..12.min(text.len())];
            assert_eq!(is_too_deep(text.as_bytes()), is_deep, "{start}");
        }
    }
}
