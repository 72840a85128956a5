//! Who calls a function: a user of a mini program, or nobody in particular.

use std::ffi::OsString;
use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Serialize, Serializer as _};
use serde_json::{Map, Value};

use super::project::Project;

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

/// What makes a function run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A user of a mini program, or who is in the place of one.
    Http,
    /// Another function, with `cloud.callFunction`.
    CallFunction,
    /// A timer.
    Timer,
    /// A message to the mini program.
    Push,
}

impl Source {
    /// Its name, as data.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::CallFunction => "call-function",
            Self::Timer => "timer",
            Self::Push => "push",
        }
    }

    /// The variables that say it: what getWXContext() gives as SOURCE, which for a call from
    /// another function is the chain of callers.
    fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Http | Self::Push => &[("TCB_SOURCE", "wx_client")],
            Self::CallFunction => &[("TCB_SOURCE", "wx_client,scf")],
            Self::Timer => &[("TCB_SOURCE", "wx_trigger"), ("TRIGGER_SRC", "timer")],
        }
    }
}

impl CallerArgs {
    /// The same, in the app of the project where no other is named.
    pub(crate) fn within(self, project: Option<&Project>) -> Self {
        let of_project = || project?.app_id().map(Into::into);
        Self {
            appid: self.appid.or_else(of_project),
            ..self
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// The app that calls.
    pub(crate) fn app_id(&self) -> Option<&str> {
        self.app_id.as_deref()
    }

    /// The app alone, without a user.
    pub(crate) fn of_app(&self) -> Self {
        Self {
            app_id: self.app_id.clone(),
            ..Self::default()
        }
    }

    /// The same, but for what is given here.
    pub(crate) fn with(
        &self,
        open_id: Option<String>,
        app_id: Option<String>,
        union_id: Option<String>,
    ) -> Self {
        Self {
            app_id: app_id.or_else(|| self.app_id.clone()),
            open_id: open_id.or_else(|| self.open_id.clone()),
            union_id: union_id.or_else(|| self.union_id.clone()),
        }
    }

    /// What a user is known by: the ids of the user, of the app, and of the user to all apps of an
    /// owner.
    pub(crate) fn ids(&self) -> [Option<&str>; 3] {
        [&self.open_id, &self.app_id, &self.union_id].map(Option::as_deref)
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

    /// What a process is told of one invocation: the variables that say who calls and why, and
    /// which of them the SDK shows, as JSON without any character that a header cannot hold.
    pub(super) fn header(&self, source: Source) -> HeaderValue {
        let variables = self.variables();
        let mut keys = "WX_API_TOKEN".to_owned();
        for (name, _) in &variables {
            keys.push(',');
            keys.push_str(name);
        }
        let keys = [("WX_CONTEXT_KEYS", keys.as_str())];
        let told = variables.into_iter().chain(keys);
        let told = told.chain(source.variables().iter().copied());
        let mut json = Vec::with_capacity(256);
        serde_json::Serializer::new(&mut json)
            .collect_map(told)
            .expect("texts, into memory");
        let json = ascii(String::from_utf8(json).expect("JSON is UTF-8"));
        HeaderValue::try_from(json).expect("ASCII without control characters")
    }

    /// Says in the event who called, as WeChat does. An event that is no object stays as it is,
    /// and so does the text of all that is in it.
    pub(super) fn introduce(&self, event: Bytes) -> Bytes {
        let Ok(text) = str::from_utf8(&event) else {
            return event;
        };
        let text = text.trim_ascii();
        let user = UserInfo {
            app_id: self.app_id.as_deref(),
            open_id: self.open_id.as_deref(),
        };
        let is_known = user.app_id.is_some() || user.open_id.is_some();
        if !is_known || !text.starts_with('{') {
            return event;
        }
        let Ok(keys) = serde_json::from_str::<Keys>(text) else {
            return event;
        };
        if keys.has_user_info {
            return with_user_info(text, &user).map_or(event, Bytes::from);
        }
        let mut with = Vec::with_capacity(text.len() + 128);
        with.extend_from_slice(&text.as_bytes()[..text.len() - 1]);
        if !keys.is_empty {
            with.push(b',');
        }
        with.extend_from_slice(b"\"userInfo\":");
        if serde_json::to_writer(&mut with, &user).is_err() {
            return event;
        }
        with.push(b'}');
        with.into()
    }
}

/// What an event has of the caller.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    app_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_id: Option<&'a str>,
}

/// Puts the caller into an event that says something of one itself.
fn with_user_info(event: &str, user: &UserInfo<'_>) -> Option<String> {
    let mut fields: Map<String, Value> = serde_json::from_str(event).ok()?;
    let user = serde_json::to_value(user).ok()?;
    match (fields.get_mut("userInfo"), user) {
        (Some(Value::Object(given)), Value::Object(user)) => given.extend(user),
        (_, user) => {
            fields.insert("userInfo".into(), user);
        }
    }
    Some(Value::Object(fields).to_string())
}

/// What there is to know of an object, without its values.
struct Keys {
    is_empty: bool,
    has_user_info: bool,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys {
                    is_empty: true,
                    has_user_info: false,
                };
                while let Some(IsUserInfo(is_it)) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    keys.is_empty = false;
                    keys.has_user_info |= is_it;
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(Seen)
    }
}

/// Whether a key is `userInfo`, however it is written.
struct IsUserInfo(bool);

impl<'de> Deserialize<'de> for IsUserInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Compared;
        impl Visitor<'_> for Compared {
            type Value = IsUserInfo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<IsUserInfo, E> {
                Ok(IsUserInfo(key == "userInfo"))
            }
        }
        deserializer.deserialize_str(Compared)
    }
}

/// JSON with all characters beyond ASCII escaped.
fn ascii(json: String) -> String {
    if json.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return json;
    }
    let mut escaped = String::with_capacity(2 * json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
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
            (
                caller(Some("wx1"), None),
                r#" {"n": 12345678901234567890123, "a": {"userInfo": 1}} "#,
                r#"{"n": 12345678901234567890123, "a": {"userInfo": 1},"userInfo":{"appId":"wx1"}}"#,
            ),
            (
                caller(Some("wx1"), None),
                r#"{"user\u0049nfo":1}"#,
                r#"{"userInfo":{"appId":"wx1"}}"#,
            ),
            (
                caller(Some("wx1"), None),
                "{ }",
                r#"{ "userInfo":{"appId":"wx1"}}"#,
            ),
            (caller(None, Some("o")), "{broken", "{broken"),
            (caller(None, None), "[1]", "[1]"),
            (Caller::default(), "{}", "{}"),
        ] {
            assert_eq!(caller.introduce(event.into()), expected, "{event}");
        }
    }

    #[test]
    fn a_process_is_told_who_calls_in_a_header() {
        let header = caller(Some("wx1"), Some("文\u{1f600}\n")).header(Source::Timer);
        assert_eq!(
            header,
            r#"{"WX_APPID":"wx1","WX_OPENID":"\u6587\ud83d\ude00\n","WX_CONTEXT_KEYS":"WX_API_TOKEN,WX_APPID,WX_OPENID","TCB_SOURCE":"wx_trigger","TRIGGER_SRC":"timer"}"#
        );
    }
}
