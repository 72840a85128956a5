//! What a `config.json` declares, and what an edit has changed in it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use cloudcall::Permissions;

use super::super::triggers::{Trigger, TriggerError};
use crate::runner::Settings;

/// What a `config.json` declares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    pub(crate) permissions: BTreeSet<String>,
    timeout: Duration,
    memory: u32,
    variables: Vec<(String, String)>,
    triggers: Result<Option<Trigger>, TriggerError>,
}

impl Declared {
    pub(crate) fn load(config: &Path) -> Self {
        let settings = Settings::load(config);
        let text = std::fs::read_to_string(config).unwrap_or_default();
        Self {
            permissions: Permissions::load(config)
                .apis()
                .map(str::to_owned)
                .collect(),
            timeout: settings.timeout,
            memory: settings.memory,
            variables: settings.variables,
            triggers: Trigger::of_config(&text),
        }
    }

    /// What is different now, each in a few words. Of variables the names: a value may be secret.
    pub(super) fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let all = self.permissions.union(&now.permissions);
        for api in all {
            match (
                self.permissions.contains(api),
                now.permissions.contains(api),
            ) {
                (false, _) => changes.push(format!("+{api}")),
                (_, false) => changes.push(format!("-{api}")),
                _ => {}
            }
        }
        if self.timeout != now.timeout {
            changes.push(format!("timeout {} s", now.timeout.as_secs_f64()));
        }
        if self.memory != now.memory {
            changes.push(format!("memorySize {} MB", now.memory));
        }
        let names = |one: &Self, other: &Self| -> BTreeSet<String> {
            let differing = one
                .variables
                .iter()
                .filter(|it| !other.variables.contains(it));
            differing.map(|(name, _)| name.clone()).collect()
        };
        for name in &names(self, now) | &names(now, self) {
            changes.push(format!("envVariables.{name}"));
        }
        if self.triggers != now.triggers {
            changes.push("triggers".into());
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Declared {
        let folder = tempfile::tempdir().expect("folder");
        let config = folder.path().join("config.json");
        std::fs::write(&config, text).expect("written");
        Declared::load(&config)
    }

    #[test]
    fn an_edit_is_told_in_a_few_words() {
        let before = declared(
            r#"{"permissions":{"openapi":["a.b","c.d"]},"envVariables":{"A":"s3cret","B":"1"}}"#,
        );
        let after = declared(
            r#"{"permissions":{"openapi":["c.d","e.f"]},"timeout":20,"memorySize":512,
                "envVariables":{"A":"other","C":"1"},"triggers":[{"name":"t"}]}"#,
        );
        assert_eq!(
            before.changes(&after),
            [
                "-a.b",
                "+e.f",
                "timeout 20 s",
                "memorySize 512 MB",
                "envVariables.A",
                "envVariables.B",
                "envVariables.C",
                "triggers"
            ]
        );
        let timer = r#"{"triggers":[{"name":"t","type":"timer","config":"0 0 2 * * * *"}]}"#;
        let spaced = timer.replace(',', " , ");
        for same in [&after, &declared(timer)] {
            assert_eq!(same.changes(same), [] as [&str; 0]);
        }
        assert_eq!(declared(timer).changes(&declared(&spaced)), [] as [&str; 0]);
    }
}
