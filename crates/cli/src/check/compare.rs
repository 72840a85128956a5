//! One function: what its code calls against what its `config.json` declares.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cloudcall::openapi::names;

use super::config::{Config, State};
use super::finding::{Finding, Level, Rule};
use super::fix;
use super::sources::{self, Found, Source};
use super::text::Position;
use super::uses::{Spot, Uses};
use super::{Fixed, Report, javascript, packages, rust};
use crate::runner::{Function, Kind};

/// What came of one function.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) function: String,
    pub(super) findings: Vec<Finding>,
    /// The APIs that are called and not declared, as they are to be added.
    pub(super) missing: Vec<String>,
    config: PathBuf,
}

impl Checked {
    /// Adds what is missing. Where that cannot be, it stays a finding that says why.
    pub(super) fn fix(&mut self, report: &mut Report) {
        let is_missing =
            |finding: &Finding| finding.rule == Rule::UndeclaredApi && finding.entry.is_some();
        match fix::file(&self.config, &self.missing) {
            Ok(()) => {
                self.findings.retain(|finding| !is_missing(finding));
                report.fixed.push(Fixed {
                    function: self.function.clone(),
                    file: self.config.clone(),
                    added: std::mem::take(&mut self.missing),
                });
            }
            Err(error) => {
                for finding in self.findings.iter_mut().filter(|one| is_missing(one)) {
                    if let Some(help) = &mut finding.help {
                        help.push_str(&format!(" by hand: --fix could not ({error})"));
                    }
                }
            }
        }
    }
}

/// Checks a function.
pub(super) fn check(function: &Function) -> Checked {
    let Found {
        sources,
        unread,
        others,
        ..
    } = sources::read(&function.folder, function.kind);
    let uses = match function.kind {
        Kind::Node => javascript::read(&sources, &others),
        Kind::Rust => rust::read(&sources),
    };
    let mut config = Config::read(function.config());
    let mut findings = std::mem::take(&mut config.findings);
    let place = |spot: &Spot| Place::of(&sources, spot);

    for file in &unread {
        let rule = if file.is_legal {
            Rule::NotCheckable
        } else {
            Rule::UnreadableSource
        };
        findings.push(Finding::new(rule, &file.path, file.reason.clone()));
    }
    for (at, source) in sources.iter().enumerate() {
        if let Some(start) = source.not_utf8 {
            let place = place(&Spot::new(at, start..start + 1));
            let message = "the file is not UTF-8: what is not is replaced when it is loaded";
            findings.push(
                place
                    .finding(Rule::NotUtf8, message.into())
                    .help("save it as UTF-8"),
            );
        }
    }
    for (spot, message) in &uses.errors {
        findings.push(place(spot).finding(Rule::SyntaxError, message.clone()));
    }
    for (spot, message) in &uses.unclear {
        let finding = place(spot).finding(Rule::NotCheckable, message.clone());
        findings.push(finding.help(
            "what it calls from there on is not checked: declare it by hand, or write the name of the API in full",
        ));
    }
    let missing = calls(&uses, &sources, &config, &mut findings);
    let all_is_read = uses.unclear.is_empty() && uses.errors.is_empty() && unread.is_empty();
    if all_is_read && !sources.is_empty() && !has_code_elsewhere(function) {
        unused(&uses, &config, &mut findings);
    }
    if let Some(spot) = &uses.sdk {
        let Place { path, position } = place(spot);
        let calls = !(uses.calls.is_empty() && uses.unclear.is_empty());
        packages::check(&function.folder, (path, &position), calls, &mut findings);
    }

    let key = |finding: &Finding| {
        let position = finding.position.as_ref();
        let position = position.map(|position| (position.line, position.column));
        (finding.file.clone(), position, finding.rule.id())
    };
    findings.sort_by_key(key);
    for finding in &mut findings {
        finding.function.clone_from(&function.name);
    }
    Checked {
        function: function.name.clone(),
        findings,
        missing,
        config: config.path,
    }
}

/// Whether a Rust function depends on packages by path, in which Cloud Calls may be, too.
fn has_code_elsewhere(function: &Function) -> bool {
    let manifest = match function.kind {
        Kind::Rust => std::fs::read_to_string(function.manifest()).unwrap_or_default(),
        Kind::Node => return false,
    };
    let is_path = |line: &str| {
        let line = line.trim_start();
        let value = line.split_once("path").map(|(_, value)| value.trim_start());
        value.is_some_and(|value| value.starts_with('='))
            && !line.starts_with("cloudcall")
            // The path of a binary's own source.
            && !line.starts_with("path")
    };
    manifest.lines().any(is_path)
}

/// A place in a source.
struct Place<'a> {
    path: &'a Path,
    position: Position,
}

impl<'a> Place<'a> {
    fn of(sources: &'a [Source], spot: &Spot) -> Self {
        let source = &sources[spot.source];
        Self {
            path: &source.path,
            position: source.text.position(spot.start..spot.end),
        }
    }

    fn finding(&self, rule: Rule, message: String) -> Finding {
        Finding::new(rule, self.path, message).at(self.position.clone())
    }
}

/// Each API that is called, where it is first called: is there one, and is it declared? Gives
/// those that are to be added.
fn calls(
    uses: &Uses,
    sources: &[Source],
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let mut missing = Vec::new();
    let mut places: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
    for (api, spot) in &uses.calls {
        places
            .entry(api)
            .or_default()
            .push(Place::of(sources, spot));
    }
    for (api, places) in places {
        let (first, others) = (&places[0], &places[1..]);
        if !names::is_known(api) {
            let finding = unknown(api, first);
            let misspelt = finding.level == Level::Error;
            findings.push(finding);
            if misspelt {
                continue;
            }
        }
        let path = config.path.display();
        let (message, help) = match &config.state {
            State::Read { declared, .. } if declared.contains(api) => continue,
            State::Read { .. } => (
                format!("{api} is called but not declared: the platform refuses it with -604101"),
                format!("add {api:?} to permissions.openapi in {path}"),
            ),
            State::Missing => (
                format!(
                    "{api} is called, but there is no config.json: the platform refuses it with -604101"
                ),
                format!(r#"create {path} with {{ "permissions": {{ "openapi": [{api:?}] }} }}"#),
            ),
            // What it should permit is not known, and that it permits nothing is said already.
            State::Broken => continue,
        };
        missing.push(api.to_owned());
        findings.push(
            first
                .finding(Rule::UndeclaredApi, message + &also(others))
                .help(help)
                .entry(api),
        );
    }
    missing
}

fn unknown(api: &str, place: &Place<'_>) -> Finding {
    let plain = api.strip_prefix("openapi.").unwrap_or(api);
    let finding = place.finding(Rule::UnknownApi, format!("there is no API {api:?}"));
    match names::nearest(plain) {
        Some(near) => finding.help(format!("did you mean {near}?")),
        None => place
            .finding(
                Rule::UnknownApi,
                format!("{api} is not among the Cloud Calls that WeChat documents"),
            )
            .level(Level::Warning)
            .help("if it is new, this cloudcall does not know it yet"),
    }
}

/// Where else it is called, for the message.
fn also(others: &[Place<'_>]) -> String {
    match others {
        [] => String::new(),
        [one] => format!(" (also in {}:{})", one.path.display(), one.position.line),
        [one, more @ ..] => format!(
            " (also in {}:{} and {} more)",
            one.path.display(),
            one.position.line,
            more.len()
        ),
    }
}

/// What is declared and not called. An unknown name is said to be one already, and what a
/// misspelt call means is not unused.
fn unused(uses: &Uses, config: &Config, findings: &mut Vec<Finding>) {
    let State::Read { entries, .. } = &config.state else {
        return;
    };
    for (api, position) in entries {
        let is_meant = |called: &str| {
            called == api
                || (!names::is_known(called) && names::nearest(called).as_ref() == Some(api))
        };
        if !uses.calls.iter().any(|(called, _)| is_meant(called)) {
            let message = format!("{api} is declared but never called");
            findings.push(
                Finding::new(Rule::UnusedPermission, &config.path, message)
                    .at(position.clone())
                    .help("remove it: a function should be permitted no more than it does"),
            );
        }
    }
}
