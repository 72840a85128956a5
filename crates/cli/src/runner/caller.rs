//! Who calls a function: a user of a mini program, or nobody in particular.

use std::ffi::OsString;

use serde_json::{Map, Value};

/// The flags that say who calls.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CallerArgs {
    /// The user who calls: what getWXContext() gives as OPENID, and event.userInfo as openId
    #[arg(long, value_name = "ID")]
    pub(crate) openid: Option<String>,

    /// The mini program that calls [default: appid of ./project.config.json]
    #[arg(long, value_name = "ID")]
    pub(crate) appid: Option<String>,

    /// The user who calls, as all apps of the owner know them: UNIONID
    #[arg(long, value_name = "ID")]
    pub(crate) unionid: Option<String>,
}

/// Who calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    app_id: Option<String>,
    open_id: Option<String>,
    union_id: Option<String>,
}

impl Caller {
    /// By the flags; the app is `app_id` where they do not say.
    pub(crate) fn new(args: CallerArgs, app_id: Option<&str>) -> Self {
        Self {
            app_id: args.appid.or_else(|| app_id.map(Into::into)),
            open_id: args.openid,
            union_id: args.unionid,
        }
    }

    /// The variables that the platform sets, by name.
    pub(super) fn variables(&self) -> Vec<(&'static str, &str)> {
        [
            ("WX_APPID", &self.app_id),
            ("WX_OPENID", &self.open_id),
            ("WX_UNIONID", &self.union_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
    }

    /// The same, as a process's environment.
    pub(super) fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.variables()
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
    }

    /// Says in the event who called, as WeChat does. An event that is no object stays as it is.
    pub(super) fn introduce(&self, event: String) -> String {
        let mut user = Map::new();
        for (name, value) in [("appId", &self.app_id), ("openId", &self.open_id)] {
            if let Some(value) = value {
                user.insert(name.into(), value.as_str().into());
            }
        }
        match serde_json::from_str(&event) {
            Ok(Value::Object(mut fields)) if !user.is_empty() => {
                match fields.get_mut("userInfo").and_then(Value::as_object_mut) {
                    Some(given) => given.extend(user),
                    None => {
                        fields.insert("userInfo".into(), user.into());
                    }
                }
                Value::Object(fields).to_string()
            }
            _ => event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(appid: Option<&str>, openid: Option<&str>) -> Caller {
        let args = CallerArgs {
            openid: openid.map(Into::into),
            appid: appid.map(Into::into),
            unionid: None,
        };
        Caller::new(args, Some("of-the-project"))
    }

    #[test]
    fn an_event_says_who_called() {
        for (caller, event, expected) in [
            (
                caller(None, Some("o1")),
                r#"{"a":1}"#,
                r#"{"a":1,"userInfo":{"appId":"of-the-project","openId":"o1"}}"#,
            ),
            (
                caller(Some("wx1"), None),
                r#"{"userInfo":{"unionId":"u","appId":"x"}}"#,
                r#"{"userInfo":{"unionId":"u","appId":"wx1"}}"#,
            ),
            (caller(None, None), "[1]", "[1]"),
            (Caller::default(), "{}", "{}"),
        ] {
            assert_eq!(caller.introduce(event.into()), expected);
        }
    }
}
