//! The project: where its functions are, and which app it belongs to.

use std::io;
use std::path::{Path, PathBuf};

use jsonc_parser::JsonValue;

use super::function::{Function, Kind};
use super::jsonc;

const PROJECT_FILE: &str = "project.config.json";

/// Where functions are looked for when nothing says where they are.
const USUAL_FOLDERS: [&str; 2] = ["functions", "cloudfunctions"];

/// Below this similarity a name is no suggestion.
const SIMILAR: f64 = 0.7;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("no functions folder: looked for \"cloudfunctionRoot\" in {PROJECT_FILE}, then for {}", .0.join(" and "))]
    NoFolder(Vec<String>),
    #[error("the functions folder {folder}, which {named_by} names, is not a folder")]
    NotAFolder {
        folder: String,
        named_by: &'static str,
    },
    #[error("{} cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{PROJECT_FILE}{0}")]
    ProjectFile(String),
    #[error("there is no function {name:?} in {}: {}", .folder.display(), there_are(.others))]
    Unknown {
        name: String,
        folder: PathBuf,
        others: Vec<String>,
        nearest: Option<String>,
    },
}

fn there_are(functions: &[String]) -> String {
    match functions {
        [] => "it holds no function".into(),
        some => format!("there are {}", some.join(", ")),
    }
}

/// A folder with functions.
#[derive(Debug)]
pub(crate) struct Project {
    functions: PathBuf,
    app_id: Option<String>,
}

impl Project {
    /// Finds the project in `root`. Its functions are in `functions` if that is given.
    pub(crate) fn find(root: &Path, functions: Option<&Path>) -> Result<Self, ProjectError> {
        let file = ProjectFile::read(&root.join(PROJECT_FILE))?;
        let (named, named_by) = match (functions, file.functions) {
            (Some(given), _) => (Some(given.to_owned()), "--functions"),
            (None, Some(configured)) => (Some(PathBuf::from(configured)), PROJECT_FILE),
            (None, None) => (None, ""),
        };
        let functions = match named {
            Some(named) if root.join(&named).is_dir() => named,
            Some(named) => {
                let folder = named.display().to_string();
                return Err(ProjectError::NotAFolder { folder, named_by });
            }
            None => USUAL_FOLDERS
                .map(PathBuf::from)
                .into_iter()
                .find(|usual| root.join(usual).is_dir())
                .ok_or_else(|| {
                    ProjectError::NoFolder(USUAL_FOLDERS.map(|usual| format!("{usual}/")).into())
                })?,
        };
        Ok(Self {
            functions: root.join(functions),
            app_id: file.app_id,
        })
    }

    /// The mini program's app id, as `project.config.json` has it.
    pub(crate) fn app_id(&self) -> Option<&str> {
        self.app_id.as_deref()
    }

    /// Where the functions are.
    pub(crate) fn folder(&self) -> &Path {
        &self.functions
    }

    /// The functions, by name.
    pub(crate) fn functions(&self) -> Result<Vec<Function>, ProjectError> {
        let unreadable = |source| ProjectError::Unreadable {
            path: self.functions.clone(),
            source,
        };
        let mut functions = Vec::new();
        for entry in std::fs::read_dir(&self.functions).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let folder = entry.path();
            if let (Ok(name), Some(kind)) = (entry.file_name().into_string(), Kind::of(&folder)) {
                functions.push(Function { name, folder, kind });
            }
        }
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(functions)
    }

    /// The function of this name. The name is compared, and never made part of a path.
    pub(crate) fn function(&self, name: &str) -> Result<Function, ProjectError> {
        let functions = self.functions()?;
        if let Some(found) = functions.iter().find(|function| function.name == name) {
            return Ok(found.clone());
        }
        let others: Vec<_> = functions
            .into_iter()
            .map(|function| function.name)
            .collect();
        Err(ProjectError::Unknown {
            name: name.into(),
            folder: self.functions.clone(),
            nearest: nearest(name, &others),
            others,
        })
    }
}

fn nearest(name: &str, others: &[String]) -> Option<String> {
    let similarity = |other: &String| strsim::jaro_winkler(name, other);
    others
        .iter()
        .filter(|other| similarity(other) >= SIMILAR)
        .max_by(|one, other| similarity(one).total_cmp(&similarity(other)))
        .cloned()
}

/// What is read of a `project.config.json`.
#[derive(Debug, Default)]
struct ProjectFile {
    functions: Option<String>,
    app_id: Option<String>,
}

impl ProjectFile {
    /// Reads the file; one that is not there says nothing.
    fn read(path: &Path) -> Result<Self, ProjectError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ProjectError::ProjectFile(format!(
                " cannot be read: {error}"
            ))),
        }
    }

    fn parse(text: &str) -> Result<Self, ProjectError> {
        let value = jsonc::parse(text).map_err(|error| {
            ProjectError::ProjectFile(format!(
                ":{}:{}: {}",
                error.line_display(),
                error.column_display(),
                error.kind()
            ))
        })?;
        let Some(JsonValue::Object(object)) = &value else {
            return Err(ProjectError::ProjectFile(" must hold an object".into()));
        };
        let text = |key: &str| {
            let text = object.get_string(key).map(|text| text.trim());
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ok(Self {
            functions: text("cloudfunctionRoot"),
            app_id: text("appid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project with these files, all empty but for `project.config.json`.
    fn project(files: &[&str], project_file: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("folder");
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folders");
            std::fs::write(path, "").expect("file");
        }
        if let Some(text) = project_file {
            std::fs::write(root.path().join(PROJECT_FILE), text).expect("file");
        }
        root
    }

    fn names(root: &Path, functions: Option<&str>) -> Result<Vec<String>, String> {
        let text = |error: ProjectError| error.to_string();
        let project = Project::find(root, functions.map(Path::new)).map_err(text)?;
        let functions = project.functions().map_err(text)?;
        Ok(functions
            .into_iter()
            .map(|function| function.name)
            .collect())
    }

    const THREE: &[&str] = &[
        "functions/a/Cargo.toml",
        "cloudfunctions/b/index.js",
        "cloud/c/package.json",
        "cloud/common/util.js",
        "cloud/README.md",
    ];

    #[test]
    fn the_flag_comes_first_then_the_project_file_then_the_usual_folders() {
        let configured =
            "\u{feff}{ // ours\n \"cloudfunctionRoot\": \"cloud/\", \"appid\": \"wx1\", }";
        let root = project(THREE, Some(configured));
        assert_eq!(
            names(root.path(), Some("cloudfunctions")),
            Ok(vec!["b".into()])
        );
        assert_eq!(names(root.path(), None), Ok(vec!["c".into()]));
        let found = Project::find(root.path(), None).expect("project");
        assert_eq!(found.app_id(), Some("wx1"));

        let root = project(THREE, Some("{}"));
        assert_eq!(names(root.path(), None), Ok(vec!["a".into()]));
        let root = project(&THREE[1..], None);
        assert_eq!(names(root.path(), None), Ok(vec!["b".into()]));
    }

    #[test]
    fn errors_say_what_was_looked_for() {
        let root = project(&[], None);
        assert_eq!(
            names(root.path(), None).expect_err("nothing there"),
            "no functions folder: looked for \"cloudfunctionRoot\" in project.config.json, then for functions/ and cloudfunctions/"
        );
        assert_eq!(
            names(root.path(), Some("x")).expect_err("no folder"),
            "the functions folder x, which --functions names, is not a folder"
        );
        let root = project(THREE, Some("{\n  \"appid\" 1}"));
        assert!(
            names(root.path(), None)
                .expect_err("malformed")
                .starts_with("project.config.json:2:")
        );
    }

    #[test]
    fn a_name_is_compared_and_never_a_path() {
        let root = project(
            &["functions/get-temp-media/Cargo.toml", "secret/Cargo.toml"],
            None,
        );
        let project = Project::find(root.path(), None).expect("project");
        assert_eq!(
            project.function("get-temp-media").expect("there").kind,
            Kind::Rust
        );
        let absolute = root.path().join("secret");
        let long = "x".repeat(100_000);
        for name in [
            "../secret",
            "..\\secret",
            "%2e%2e/secret",
            "%2e%2e%2fsecret",
            "..",
            "",
            ".",
            "/",
            absolute.to_str().expect("Unicode"),
            "get-temp-media/",
            "get-temp-media\\",
            "./get-temp-media",
            "get-temp-media/../../secret",
            "GET-TEMP-MEDIA",
            "get-temp-media.",
            "get-temp-media ",
            "get-temp-media\0",
            "get-temp-media::$DATA",
            "C:\\Windows",
            "CON",
            "NUL",
            "COM1",
            &long,
        ] {
            assert!(project.function(name).is_err(), "{name}");
        }
        let Err(ProjectError::Unknown {
            nearest, others, ..
        }) = project.function("get-tmp-media")
        else {
            panic!("no such function");
        };
        assert_eq!(nearest.as_deref(), Some("get-temp-media"));
        assert_eq!(others, ["get-temp-media"]);
        assert!(super::nearest("zzz", &others).is_none());
    }

    #[test]
    fn each_file_that_node_loads_makes_a_function() {
        let root = project(
            &[
                "functions/a/index.js",
                "functions/b/index.cjs",
                "functions/c/index.mjs",
                "functions/d/package.json",
                "functions/e/util.js",
            ],
            None,
        );
        let found = names(root.path(), None).expect("project");
        assert_eq!(found, ["a", "b", "c", "d"]);
    }

    #[test]
    fn cargo_decides_before_node() {
        let root = project(
            &["functions/a/Cargo.toml", "functions/a/package.json"],
            None,
        );
        let project = Project::find(root.path(), None).expect("project");
        assert_eq!(project.function("a").expect("there").kind, Kind::Rust);
    }
}
