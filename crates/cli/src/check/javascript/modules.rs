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

/// What follows `@/` or `~/`, which bundlers and TypeScript are told to take for a folder of the
/// project. No package has such a name.
fn aliased(wanted: &str) -> Option<&str> {
    wanted
        .strip_prefix("@/")
        .or_else(|| wanted.strip_prefix("~/"))
}

/// Why a file that another one requires cannot be followed, if it is one of the function's, and
/// no source. `others` are the function's other files.
pub(super) fn lost(from: &str, wanted: &str, others: &[String]) -> Option<&'static str> {
    // What is in `node_modules` is a package, by whatever path.
    if wanted.ends_with(".json") || wanted.split('/').any(|part| part == "node_modules") {
        return None;
    }
    if is_outside(from, wanted) {
        return Some("is outside of the function's folder");
    }
    if aliased(wanted).is_some() {
        return Some(
            "is not found in the function's folder: aliases other than @/ and ~/ for it, or for its src, are not known",
        );
    }
    let path = wanted.starts_with('.').then(|| path(from, wanted))??;
    // `./data` may be `data.json`, and for TypeScript `data.d.ts`.
    let is_other = others.iter().any(|other| {
        let rest = other.strip_prefix(path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || matches!(rest, ".json" | ".node" | ".d.ts"))
    });
    (!is_other).then_some("is not among the files that are read")
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
    if let Some(below) = aliased(wanted) {
        let places = [format!("./{below}"), format!("./src/{below}")];
        return places.iter().find_map(|place| resolve(names, "", place));
    }
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
    use super::{is_outside, lost, resolve};

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
            ("lib/a.js", "@/b.mjs", Some(3)),
            ("lib/c/d.cjs", "~/lib/a", Some(1)),
            ("index.js", "@/a", None),
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

    #[test]
    fn what_a_file_requires_of_the_function_may_not_be_there() {
        let others = ["data.json", "LICENSE", "types.d.ts"].map(ToOwned::to_owned);
        for (wanted, is_lost) in [
            ("./data", false),
            ("./data.json", false),
            ("./LICENSE", false),
            ("./types", false),
            ("./node_modules/a", false),
            ("./nope.json", false),
            ("a-package", false),
            ("@scope/package", false),
            ("node:fs", false),
            ("./test/cloud", true),
            ("../common", true),
            ("@/lib/cloud", true),
        ] {
            assert_eq!(
                lost("index.js", wanted, &others).is_some(),
                is_lost,
                "{wanted}"
            );
        }
    }
}
