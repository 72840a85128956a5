//! The `triggers` of a `config.json`: at most one, a timer with a name and a cron expression.
//!
//! Source: the page on timer triggers of WeChat's cloud development.

use std::path::Path;

use jsonc_parser::ast::{Object, Value};

use super::config::{bytes, last};
use super::finding::{Finding, Rule};
use super::text::Text;
use crate::cron::Schedule;

/// The longest name of a trigger, in characters.
const LONGEST_NAME: usize = 60;

const EXAMPLE: &str =
    r#"a trigger is { "name": "myTrigger", "type": "timer", "config": "0 0 2 1 * * *" }"#;

pub(super) fn check(path: &Path, root: &Object<'_>, text: &Text, findings: &mut Vec<Finding>) {
    let Some(value) = last(root, "triggers") else {
        return;
    };
    let found = |rule, value: &Value<'_>, message: String| {
        Finding::new(rule, path, message).at(text.position(bytes(value)))
    };
    let Value::Array(list) = value else {
        let message = "triggers must be a list".into();
        findings.push(found(Rule::InvalidTrigger, value, message).help(EXAMPLE));
        return;
    };
    if let Some(second) = list.elements.get(1) {
        let count = list.elements.len();
        let message = format!("{count} triggers: the platform takes one for each function");
        findings.push(
            found(Rule::TooManyTriggers, second, message)
                .help("move the others to functions of their own"),
        );
    }
    for value in &list.elements {
        match value {
            Value::Object(trigger) => one(path, trigger, value, text, findings),
            _ => findings.push(
                found(
                    Rule::InvalidTrigger,
                    value,
                    "a trigger must be an object".into(),
                )
                .help(EXAMPLE),
            ),
        }
    }
}

fn one(
    path: &Path,
    trigger: &Object<'_>,
    whole: &Value<'_>,
    text: &Text,
    findings: &mut Vec<Finding>,
) {
    let mut wrong = |rule, value: &Value<'_>, message: String, help: &str| {
        let finding = Finding::new(rule, path, message).at(text.position(bytes(value)));
        findings.push(finding.help(help));
    };
    match last(trigger, "type") {
        Some(Value::StringLit(kind)) if kind.value == "timer" => {}
        Some(other) => wrong(
            Rule::TriggerType,
            other,
            "the only type of a trigger is \"timer\"".into(),
            "write \"type\": \"timer\"",
        ),
        None => wrong(
            Rule::TriggerType,
            whole,
            "the trigger has no type".into(),
            "add \"type\": \"timer\"",
        ),
    }
    match last(trigger, "name") {
        Some(Value::StringLit(name)) if is_name(&name.value) => {}
        Some(other) => wrong(
            Rule::TriggerName,
            other,
            "this is no name for a trigger".into(),
            "a name starts with a letter and has letters, digits, - and _, at most 60",
        ),
        None => wrong(
            Rule::TriggerName,
            whole,
            "the trigger has no name".into(),
            EXAMPLE,
        ),
    }
    match last(trigger, "config") {
        Some(value @ Value::StringLit(config)) => {
            let Err(error) = Schedule::parse(&config.value) else {
                return;
            };
            let mut range = bytes(value);
            // Where the text is written as it reads, its field can be pointed at.
            if text.text.get(range.start + 1..range.end - 1) == Some(&*config.value) {
                let start = range.start + 1;
                range = start + error.range.start..start + error.range.end;
            }
            findings.push(
                Finding::new(
                    Rule::InvalidCron,
                    path,
                    format!("wrong cron expression: {}", error.message),
                )
                .at(text.position(range))
                .help("the fields are second minute hour day month weekday year, in UTC+8: \"0 0 2 1 * * *\" is 2:00 on the 1st of each month"),
            );
        }
        other => wrong(
            Rule::InvalidCron,
            other.unwrap_or(whole),
            "the trigger's \"config\" must be a cron expression".into(),
            EXAMPLE,
        ),
    }
}

/// Whether a trigger may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= LONGEST_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonc_parser::{CollectOptions, parse_to_ast};

    fn rules(triggers: &str) -> Vec<&'static str> {
        let text = Text::new(&format!("{{\"triggers\": {triggers}}}"));
        let parsed = parse_to_ast(
            &text.text,
            &CollectOptions::default(),
            &crate::runner::jsonc::LENIENT,
        );
        let Some(Value::Object(root)) = parsed.expect("JSON").value else {
            panic!("an object");
        };
        let mut findings = Vec::new();
        check(Path::new("config.json"), &root, &text, &mut findings);
        findings.iter().map(|finding| finding.rule.id()).collect()
    }

    #[test]
    fn each_part_of_a_trigger_is_checked() {
        let right = r#"{"name": "a-1_B", "type": "timer", "config": "0 0 2 1 * * *"}"#;
        for (triggers, expected) in [
            ("[]", &[][..]),
            (&format!("[{right}]"), &[]),
            (&format!("[{right}, {right}]"), &["too-many-triggers"]),
            ("{}", &["invalid-trigger"]),
            ("[1]", &["invalid-trigger"]),
            ("[{}]", &["trigger-type", "trigger-name", "invalid-cron"]),
            (&right.replace("timer", "cos"), &["invalid-trigger"]),
            (
                &format!("[{}]", right.replace("timer", "cos")),
                &["trigger-type"],
            ),
            (
                &format!("[{}]", right.replace("a-1_B", "1a")),
                &["trigger-name"],
            ),
            (
                &format!("[{}]", right.replace("a-1_B", &"a".repeat(61))),
                &["trigger-name"],
            ),
            (
                &format!("[{}]", right.replace("0 0 2", "0 0 99")),
                &["invalid-cron"],
            ),
        ] {
            assert_eq!(rules(triggers), expected, "{triggers}");
        }
    }
}
