//! A store in Redis.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError};
use serde::{Deserialize, Serialize};

use super::store::{SharedToken, StoreError, TokenStore};
use crate::error::Error;

/// How long Redis may take, unless [`RedisStore::timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Saves KEYS[1] = ARGV[1] for ARGV[2] milliseconds, unless what is there lives as long and its
/// token is not ARGV[3]; that is returned then, and the milliseconds it has left.
const SAVE: &str = r"
local there = redis.call('GET', KEYS[1])
if there then
  local left = redis.call('PTTL', KEYS[1])
  local read, value = pcall(cjson.decode, there)
  if read and type(value) == 'table' and type(value.accessToken) == 'string'
      and value.accessToken ~= ARGV[3] and left >= tonumber(ARGV[2]) then
    return {there, left}
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {false, 0}";

/// Takes the lock KEYS[1] for ARGV[1], for ARGV[2] milliseconds.
const LOCK: &str = r"
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0";

/// Frees the lock KEYS[1] if it is that of ARGV[1].
const UNLOCK: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0";

/// Shares the token through a Redis server, 4.0 or later, or one that speaks its protocol. It must be
/// one that takes writes: a replica, or a node of a cluster that refers to another one, counts as away.
///
/// What is in there, and what it can be found with; all keys run out by themselves:
///
/// | key | value | runs out |
/// |---|---|---|
/// | `cloudcall:APPID:token` | `{"accessToken": "…", "expiresAt": …}`, Unix time in milliseconds | when the token ends |
/// | `cloudcall:APPID:renewal` | which handle renews the token now | after 5 seconds, or when it is done |
/// | `cloudcall:APPID:forced` | which handle forced a new token | after 72 minutes |
///
/// `APPID` is `APPID@HOST:PORT` where the API base is not WeChat's. How long a token lives is
/// measured by Redis's clock alone, so machines whose clocks differ agree; `expiresAt` is for people
/// who look.
///
/// It connects when it is first needed, and again when the connection broke. It needs a Tokio
/// runtime with I/O and time enabled, and the commands `EVAL`, `GET`, `PTTL`, `SET`, `DEL`,
/// `PEXPIRE`, `MULTI` and `EXEC`. Whoever may read that Redis may act for the app: protect it as you
/// would the app's secret, which itself is never stored.
///
/// ```no_run
/// use cloudcall::access_token::RedisStore;
/// use cloudcall::{Cloud, Permissions};
///
/// let cloud = Cloud::builder()
///     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
///     .app_secret("wx0123456789abcdef", "the app's secret")
///     .token_store(RedisStore::new("redis://:PASSWORD@10.0.0.2:6379/0")?)
/// #   .transport(cloudcall::transport::MockTransport::replies([]))
///     .build()?;
/// # Ok::<_, cloudcall::Error>(())
/// ```
pub struct RedisStore {
    client: Client,
    timeout: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    access_token: String,
    #[serde(default)]
    expires_at: u64,
}

impl RedisStore {
    /// The Redis at a URL, `redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE]` or
    /// `unix:///PATH/OF/SOCKET`. Connections are not encrypted.
    ///
    /// # Errors
    ///
    /// [`is_invalid_argument`](Error::is_invalid_argument): it is no such URL. The error does not
    /// show it, because it may hold a password.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::named(url, "the URL of Redis")
    }

    /// The same; errors call the URL by this name.
    pub(crate) fn named(url: &str, name: &str) -> Result<Self, Error> {
        let refuse = |what: &str| {
            Error::settings(format!("{name} {what}"))
                .with_hint("write it like redis://:PASSWORD@HOST:6379/0")
        };
        let url = url.trim();
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            return Err(refuse(
                "asks for TLS, which is not supported: use a private network, or a tunnel",
            ));
        }
        // The error itself is left out: nothing promises that it does not quote the URL.
        let client = Client::open(url).map_err(|_| refuse("is not a Redis URL"))?;
        Ok(Self {
            client,
            timeout: TIMEOUT,
            connection: Mutex::default(),
        })
    }

    /// How long Redis may take to connect and answer before it counts as away; 1 second unless
    /// this is set. A call that waits for a token waits for it, too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks Redis, over a new connection if the one there is broke.
    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        let answer = tokio::time::timeout(self.timeout, self.try_to_ask(commands)).await;
        answer
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
            .map_err(|what| {
                // Nobody knows what state it is in, and how far its other end has come.
                self.connection().take();
                StoreError::new(format!("Redis: {what}"))
            })
    }

    async fn try_to_ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, String> {
        let connection = self.connection().clone();
        if let Some(mut connection) = connection {
            match commands.query_async(&mut connection).await {
                Err(error) if error.is_io_error() => {}
                answer => return answer.map_err(|error| describe(&error)),
            }
        }
        // All that is asked may be asked twice.
        let limits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&limits);
        let mut connection = connecting.await.map_err(|error| describe(&error))?;
        *self.connection() = Some(connection.clone());
        let answer = commands.query_async(&mut connection).await;
        answer.map_err(|error| describe(&error))
    }

    fn connection(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kind of error it is. Redis quotes commands in its texts, and with them tokens; what stands in
/// the place of a code and is none may be such a quotation, too.
fn describe(error: &RedisError) -> String {
    let code = error.code().unwrap_or_default();
    let is_code = !code.is_empty() && code.bytes().all(|it| it.is_ascii_uppercase());
    match error.category() {
        _ if error.is_io_error() => error.to_string(),
        "" if is_code => code.to_owned(),
        category if is_code => format!("{category} ({code})"),
        category => category.to_owned(),
    }
}

fn script(script: &str, key: &str) -> Pipeline {
    let mut commands = redis::pipe();
    commands.cmd("EVAL").arg(script).arg(1).arg(key);
    commands
}

/// The token in a value, if it is one of ours. What has no end, or is past it, is none.
fn shared(value: Option<&[u8]>, milliseconds_left: i64) -> Option<SharedToken> {
    let value: Value = serde_json::from_slice(value?).ok()?;
    let left = u64::try_from(milliseconds_left).ok()?;
    (left > 0 && !value.access_token.is_empty())
        .then(|| SharedToken::new(value.access_token, Duration::from_millis(left)))
}

/// In whole milliseconds, as Redis counts: at least one, because none would be an error.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self, key: &str) -> Result<Option<SharedToken>, StoreError> {
        let mut commands = redis::pipe();
        commands.atomic().cmd("GET").arg(key).cmd("PTTL").arg(key);
        let (value, left): (Option<Vec<u8>>, i64) = self.ask(&commands).await?;
        Ok(shared(value.as_deref(), left))
    }

    async fn save(
        &self,
        key: &str,
        token: &SharedToken,
        rejected: Option<&str>,
    ) -> Result<Option<SharedToken>, StoreError> {
        let left = milliseconds(token.time_left().min(super::LONGEST_LIFE));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let value = Value {
            access_token: token.token().to_owned(),
            expires_at: milliseconds(now.unwrap_or_default()).saturating_add(left),
        };
        let value = serde_json::to_string(&value).map_err(|_| StoreError::new("no JSON"))?;
        let mut commands = script(SAVE, key);
        commands.arg(value).arg(left).arg(rejected.unwrap_or(""));
        let ((stays, left),): ((Option<Vec<u8>>, i64),) = self.ask(&commands).await?;
        Ok(shared(stays.as_deref(), left))
    }

    async fn lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let mut commands = script(LOCK, key);
        commands
            .arg(owner)
            .arg(milliseconds(time.min(super::LONGEST_LIFE)));
        let (taken,): (bool,) = self.ask(&commands).await?;
        Ok(taken)
    }

    async fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        let mut commands = script(UNLOCK, key);
        commands.arg(owner);
        let (_freed,): (i64,) = self.ask(&commands).await?;
        Ok(())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_redis_url_is_refused_without_showing_it() {
        for (url, expected) in [
            ("redis://:canary@h:port", "is not a Redis URL"),
            ("http://:canary@h", "is not a Redis URL"),
            ("canary", "is not a Redis URL"),
            ("", "is not a Redis URL"),
            ("redis://:canary@h/database", "is not a Redis URL"),
            ("rediss://:canary@h", "asks for TLS"),
        ] {
            let error = RedisStore::new(url).expect_err(url);
            assert!(error.is_invalid_argument(), "{url}: {error:?}");
            assert!(error.err_msg().contains(expected), "{url}: {error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        for url in [
            "redis://h",
            " redis://u:canary@h:1/2 ",
            "unix:///a/b",
            "redis://[::1]:6379",
        ] {
            let store = RedisStore::new(url).expect(url);
            assert!(!format!("{store:?}").contains("canary"), "{store:?}");
        }
    }

    #[test]
    fn an_error_is_told_by_its_kind_and_quotes_nothing() {
        let of = |code: &str| redis::make_extension_error(code.into(), Some("canary".into()));
        let no_permission = (redis::ServerErrorKind::NoPerm.into(), "canary");
        for (error, expected) in [
            (of("WRONGPASS"), "extension error (WRONGPASS)"),
            (of("t0ken-canary"), "extension error"),
            (RedisError::from(no_permission), "NOPERM"),
        ] {
            assert_eq!(describe(&error), expected);
        }
    }

    #[test]
    fn a_value_of_somebody_else_is_no_token() {
        let of = |text: &str, left| shared(Some(text.as_bytes()), left);
        let ours = r#"{"accessToken":"T","expiresAt":1}"#;
        assert_eq!(
            of(ours, 5000),
            Some(SharedToken::new("T", Duration::from_secs(5)))
        );
        // PTTL says -1 for a key without an end, and -2 for none.
        for (text, left) in [
            (ours, 0),
            (ours, -1),
            (ours, -2),
            ("T", 1),
            ("{}", 1),
            (r#"{"accessToken":""}"#, 1),
            (r#"{"accessToken":1}"#, 1),
        ] {
            assert_eq!(of(text, left), None, "{text} {left}");
        }
        assert_eq!(shared(None, 5000), None);
    }
}
