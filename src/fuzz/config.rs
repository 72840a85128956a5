//! `config.json`: what a function may call.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::permissions::Permissions;

/// Any text. What a strict reader reads is read the same; sloppiness changes nothing but the
/// warnings; and a name is permitted if it is listed, and only then.
pub fn config(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let read = Permissions::from_json(text);
    let strict: Option<Value> = serde_json::from_str(text).ok();
    if let Some(json) = &strict {
        let apis = read.as_ref().ok().map(apis);
        assert_eq!(apis, declared(json), "a strict reader differs");
    }
    match &read {
        Ok(permissions) => {
            // Unlike `strict`, this takes a number that no double can hold, as JavaScript does.
            let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
            of_warnings(permissions, text, is_json);
            for api in permissions.apis() {
                assert!(permissions.allows(api) && permissions.check(api).is_ok());
                let longer = format!("{api} ");
                assert_eq!(
                    permissions.allows(&longer),
                    apis(permissions).contains(&longer)
                );
            }
            for sloppy in [
                format!("{text}\n// a comment"),
                format!("/* a comment */{text}"),
            ] {
                // A byte order mark is one only at the very beginning.
                if !text.starts_with('\u{feff}') {
                    let sloppy = Permissions::from_json(&sloppy).expect("only a comment is new");
                    assert_eq!(apis(&sloppy), apis(permissions));
                }
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("config.json"), "{text}");
        }
    }
}

fn apis(permissions: &Permissions) -> BTreeSet<String> {
    permissions.apis().map(str::to_owned).collect()
}

/// What the rules say of strict JSON; `None` where it is refused.
fn declared(json: &Value) -> Option<BTreeSet<String>> {
    let Some(permissions) = json.as_object()?.get("permissions") else {
        return Some(BTreeSet::new());
    };
    let Some(openapi) = permissions.as_object()?.get("openapi") else {
        return Some(BTreeSet::new());
    };
    let entries = openapi.as_array()?.iter();
    Some(
        entries
            .filter_map(|entry| Some(entry.as_str()?.to_owned()))
            .collect(),
    )
}

/// Each is at a place in the text; and what a strict reader refuses has one at least.
fn of_warnings(permissions: &Permissions, text: &str, strict: bool) {
    let lines = 1 + text.matches('\n').count();
    let mut last = 0;
    for warning in permissions.warnings() {
        let line = warning.line();
        assert!((1..=lines).contains(&line), "{warning}");
        assert!(line >= last, "not in the order of the lines: {warning}");
        last = line;
    }
    assert!(strict || !permissions.warnings().is_empty(), "no warning");
}
