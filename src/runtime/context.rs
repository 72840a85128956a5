//! What a function is told about an invocation.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is kept of an invocation's time for the report of its outcome.
const LEAST_RESERVE: Duration = Duration::from_millis(50);
const MOST_RESERVE: Duration = Duration::from_millis(500);

/// One invocation, as the runtime describes it.
#[derive(Debug, Clone)]
pub struct Context {
    request_id: String,
    memory_limit_in_mb: u64,
    time_limit: Duration,
    deadline: Instant,
    wx: WxContext,
}

impl Context {
    pub(super) fn new(
        request_id: String,
        memory_limit_in_mb: u64,
        time_limit: Duration,
        started: Instant,
        wx: WxContext,
    ) -> Self {
        Self {
            request_id,
            memory_limit_in_mb,
            time_limit,
            deadline: started + time_limit,
            wx,
        }
    }

    /// The id of the invocation, for logs.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The memory that the function may use, in MB.
    pub fn memory_limit_in_mb(&self) -> u64 {
        self.memory_limit_in_mb
    }

    /// How long an invocation may take: `timeout` of the function's settings, 3 seconds by
    /// default.
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// When the platform ends the invocation.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// When Cloud Calls in the handler must have ended: the [`deadline`](Self::deadline) less 2 % of
    /// the time limit, but at least 50 and at most 500 ms, so that the function can still say what
    /// went wrong. Of a limit under 100 ms half is left.
    ///
    /// [`run`](super::run) sees to this within the handler's task. For a task that the handler
    /// spawns, hand it on with [`with_deadline`](crate::Cloud::with_deadline).
    pub fn call_deadline(&self) -> Instant {
        let reserve = (self.time_limit / 50)
            .clamp(LEAST_RESERVE, MOST_RESERVE)
            .min(self.time_limit / 2);
        self.deadline - reserve
    }

    /// What is left until the [`deadline`](Self::deadline); zero when it has passed. In Node it
    /// is `getRemainingTimeInMillis()`.
    pub fn remaining_time(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Who called. In Node it is part of `getWXContext()`.
    pub fn wx_context(&self) -> &WxContext {
        &self.wx
    }
}

/// Who called the function: `userInfo` of the event, which WeChat adds. Nothing in it when the
/// function was not called from a Mini Program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct WxContext {
    /// The Mini Program.
    pub app_id: Option<String>,
    /// The user, as this Mini Program knows them.
    pub open_id: Option<String>,
    /// The user, as all apps of the same owner know them.
    pub union_id: Option<String>,
}

impl WxContext {
    /// Reads `userInfo` of an event; an event without it has none.
    pub(crate) fn of_event(event: &[u8]) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope {
            user_info: Object<WxContext>,
        }

        serde_json::from_slice(event)
            .map(|Object(Envelope { user_info })| user_info.0)
            .unwrap_or_default()
    }
}

/// An object, and no list: serde reads a struct from the list of its fields, too, and whoever may
/// send any event could say with `[["APPID", "OPENID"]]` that they are another user.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_of_the_time_is_kept_for_the_report() {
        for (limit, reserve) in [
            (0, 0),
            (10, 5),
            (100, 50),
            (1000, 50),
            (3000, 60),
            (60_000, 500),
        ] {
            let limit = Duration::from_millis(limit);
            let context = Context::new(
                String::new(),
                256,
                limit,
                Instant::now(),
                WxContext::default(),
            );
            let kept = context.deadline() - context.call_deadline();
            assert_eq!(kept, Duration::from_millis(reserve), "{limit:?}");
        }
    }

    #[test]
    fn only_an_object_says_who_called() {
        let caller = |event: &str| WxContext::of_event(event.as_bytes()).open_id;
        assert_eq!(
            caller(r#"{"a": [1], "userInfo": {"x": {}, "openId": "o"}}"#).as_deref(),
            Some("o")
        );
        for event in [
            r#"[["wx1", "o", "u"]]"#,
            r#"[{"openId": "o"}]"#,
            r#"{"userInfo": ["wx1", "o", "u"]}"#,
            r#"{"userInfo": {"openId": "o"}, "userInfo": {"openId": "p"}}"#,
            r#"{"userInfo": null}"#,
            "",
        ] {
            assert_eq!(caller(event), None, "{event}");
        }
    }
}
