//! Which file of a function another one requires, and what a file exports.

use std::collections::HashMap;

use super::value::Values;

/// What a file exports.
#[derive(Debug, Default)]
pub(super) struct Module<'a> {
    /// `module.exports = …`, also `export = …`.
    pub(super) whole: Values<'a>,
    /// `exports.x = …` and `export`.
    pub(super) named: HashMap<&'a str, Values<'a>>,
    /// Files all of whose exports are exported again.
    pub(super) all_of: Vec<usize>,
}

const EXTENSIONS: [&str; 8] = ["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"];

/// Whether a file requires something by a path that leads out of the function's folder.
pub(super) fn is_outside(from: &str, wanted: &str) -> bool {
    wanted.starts_with('.') && path(from, wanted).is_none()
}

/// The path below the function's folder that `./x` means in a file.
fn path(from: &str, wanted: &str) -> Option<String> {
    let mut path: Vec<_> = from.split('/').collect();
    path.pop();
    for part in wanted.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

/// The file that `./x` means in another one; names are below the function's folder.
pub(super) fn resolve(names: &[&str], from: &str, wanted: &str) -> Option<usize> {
    if !wanted.starts_with('.') {
        return None;
    }
    let path = path(from, wanted)?;
    let at = |name: &str| names.iter().position(|other| *other == name);
    let with_extension = |path: &str| {
        let mut names = EXTENSIONS
            .iter()
            .map(|extension| format!("{path}.{extension}"));
        names.find_map(|name| at(&name))
    };
    let folder = if path.is_empty() {
        "index".to_owned()
    } else {
        format!("{path}/index")
    };
    at(&path)
        .or_else(|| with_extension(&path))
        .or_else(|| with_extension(&folder))
        // TypeScript names the file that will be made of this one.
        .or_else(|| {
            let (stem, extension) = path.rsplit_once('.')?;
            let source = match extension {
                "js" => ["ts", "tsx"],
                "cjs" => ["cts", "ts"],
                "mjs" => ["mts", "ts"],
                _ => return None,
            };
            let mut names = source.iter().map(|extension| format!("{stem}.{extension}"));
            names.find_map(|name| at(&name))
        })
}

#[cfg(test)]
mod tests {
    use super::{is_outside, resolve};

    #[test]
    fn names_are_resolved_as_node_and_typescript_do() {
        let names = [
            "index.js",
            "lib/a.js",
            "lib/index.ts",
            "b.mts",
            "lib/c/d.cjs",
        ];
        for (from, wanted, found) in [
            ("index.js", "./lib/a", Some(1)),
            ("index.js", "./lib/a.js", Some(1)),
            ("index.js", "./lib", Some(2)),
            ("index.js", "./lib/", Some(2)),
            ("lib/a.js", "./", Some(2)),
            ("lib/a.js", "..", Some(0)),
            ("lib/c/d.cjs", "../../b.mjs", Some(3)),
            ("lib/a.js", "./c/d", Some(4)),
            ("index.js", "../index", None),
            ("index.js", "lib/a", None),
            ("index.js", "./nope", None),
        ] {
            assert_eq!(resolve(&names, from, wanted), found, "{from} {wanted}");
        }
    }

    #[test]
    fn a_path_may_lead_out_of_the_folder() {
        assert!(is_outside("index.js", "../common/x"));
        assert!(is_outside("lib/a.js", "../../x"));
        assert!(!is_outside("lib/a.js", "../x"));
        assert!(!is_outside("index.js", "./x"));
        assert!(!is_outside("index.js", "x/../../y"));
    }
}
