//! Findings as workflow commands, which GitHub shows at the lines of a pull request.
//!
//! Source: "Workflow commands for GitHub Actions" in GitHub's documentation.

use std::fmt::Write as _;

use super::path;
use crate::check::Report;
use crate::check::finding::Finding;

pub(super) fn render(report: &Report) -> String {
    report.findings.iter().map(command).collect()
}

fn command(finding: &Finding) -> String {
    let mut command = format!(
        "::{} file={}",
        finding.level.name(),
        property(&path(&finding.file))
    );
    if let Some(position) = &finding.position {
        // Writing into a text cannot fail.
        let _ = write!(
            command,
            ",line={},col={},endColumn={}",
            position.line, position.column, position.end_column
        );
    }
    let help = finding.help.iter().map(|help| format!("\nhelp: {help}"));
    let message: String = std::iter::once(finding.message.clone())
        .chain(help)
        .collect();
    let title = property(finding.rule.id());
    let _ = writeln!(command, ",title={title}::{}", data(&message));
    command
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Rule;

    #[test]
    fn what_would_end_a_command_or_property_is_escaped() {
        let finding = Finding::new(Rule::SyntaxError, "a,b:c%.js", "x%\ny").help("z::");
        assert_eq!(
            command(&finding),
            "::error file=a%2Cb%3Ac%25.js,title=syntax-error::x%25%0Ay%0Ahelp: z::\n"
        );
    }
}
