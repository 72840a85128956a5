//! Shows a report: for people, for programs, and for GitHub.

mod github;
mod human;
mod json;

use super::Report;

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people: each finding with its line
    #[default]
    Human,
    /// One JSON document
    Json,
    /// Workflow commands that annotate a pull request
    Github,
}

/// The findings, with colours where the format has some; ends with a line end unless empty.
pub(crate) fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Human => human::render(report),
        Format::Json => json::render(report),
        Format::Github => github::render(report),
    }
}

/// A path as it is shown everywhere: with `/`, also on Windows.
fn path(path: &std::path::Path) -> String {
    path.display().to_string().replace('\\', "/")
}
