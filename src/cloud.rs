//! The handle through which a function makes Cloud Calls.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::access_token::{AccessTokens, Credentials, TokenStore};
use crate::env::Env;
use crate::error::Error;
use crate::openapi::catalog::Api;
use crate::permissions::Permissions;
use crate::retry::RetryPolicy;
use crate::secret::{Redactor, Secret};
use crate::transport::{Exchange, Transport};

/// Where WeChat's API is.
const WECHAT: &str = "https://api.weixin.qq.com";

/// What `cloud.init()` gives in Node: the handle for Cloud Calls.
///
/// Cheap to clone; clones share permissions, connections and the access token.
///
/// ```
/// use cloudcall::{Cloud, Permissions};
///
/// let cloud = Cloud::builder()
///     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
///     .app_secret("wx0123456789abcdef", "the app's secret")
///     .build()?;
/// # Ok::<_, cloudcall::Error>(())
/// ```
#[derive(Clone)]
pub struct Cloud(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    permissions: Permissions,
    transport: Exchange,
    api_base: String,
    tokens: AccessTokens,
    retry: RetryPolicy,
    deadline: Option<Instant>,
}

impl Cloud {
    /// Reads the environment, once.
    ///
    /// | variable | meaning | unset |
    /// |---|---|---|
    /// | `CLOUDCALL_CONFIG` | the function's `config.json` | `config.json` in the working directory |
    /// | `CLOUDCALL_API_BASE` | where WeChat's API is | `https://api.weixin.qq.com` |
    /// | `WECHAT_APPID`, `WECHAT_SECRET` | the app, whose access token is fetched and cached | no access token is sent, as in WeChat Cloud Run |
    /// | `CLOUDCALL_REDIS_URL` | the Redis through which processes share that token, like `redis://:PASSWORD@HOST:6379/0`; needs the feature `redis` | each process fetches its own |
    ///
    /// A `config.json` that cannot be read is no error here: it permits nothing, and the first
    /// Cloud Call says why.
    ///
    /// # Errors
    ///
    /// [`is_invalid_argument`](Error::is_invalid_argument): the API base is no HTTP URL, only one
    /// of `WECHAT_APPID` and `WECHAT_SECRET` is set, or `CLOUDCALL_REDIS_URL` is no Redis URL or
    /// the feature `redis` is off. A Redis that does not answer is no error.
    pub fn init() -> Result<Self, Error> {
        CloudBuilder::from_env(Env::read())?.build()
    }

    /// Sets everything in code, whatever the environment says.
    pub fn builder() -> CloudBuilder {
        CloudBuilder::default()
    }

    /// The same app, access token and connections with other permissions, for a process that calls
    /// on behalf of several functions.
    #[must_use]
    pub fn with_permissions(&self, permissions: Permissions) -> Self {
        Self(Arc::new(Inner {
            permissions,
            ..self.0.as_ref().clone()
        }))
    }

    /// The same, for calls that must have ended by `deadline`. Cheap, so make one for each task.
    ///
    /// The deadline bounds all that a call does: waiting for an access token, sending, repeating
    /// and reading the reply. Past it the call fails with -604102
    /// ([`is_timeout`](Error::is_timeout)) and leaves nothing of its own running; WeChat may have
    /// acted all the same. A request for an access token goes on, because the next call needs it, too;
    /// the error of a call that waited for it has what came of the latest attempt. A call that begins
    /// after the deadline sends nothing. If the handle has a deadline already, the earlier one counts.
    /// This needs the clock of a Tokio runtime.
    ///
    /// In a handler of [`runtime::run`](crate::runtime::run) calls are bounded without this.
    ///
    /// ```
    /// # use cloudcall::{Cloud, Permissions, transport::{MockTransport, media_reply}};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let cloud = Cloud::builder()
    /// #     .permissions(Permissions::allow(["customerServiceMessage.getTempMedia"]))
    /// #     .transport(MockTransport::replies([media_reply("image/png", &b"hi"[..])]))
    /// #     .build()?;
    /// use cloudcall::openapi::customer_service_message::{GetTempMedia, get_temp_media};
    /// use std::time::{Duration, Instant};
    ///
    /// let hurried = cloud.with_deadline(Instant::now() + Duration::from_secs(2));
    /// let media = get_temp_media(&hurried, GetTempMedia::new("MEDIA_ID")).await?;
    /// # Ok::<_, cloudcall::Error>(()) })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let earlier = self.0.deadline.map_or(deadline, |own| own.min(deadline));
        Self(Arc::new(Inner {
            deadline: Some(earlier),
            ..self.0.as_ref().clone()
        }))
    }

    /// The same connections for who fetches the access token, and holds none.
    pub(crate) fn without_token(&self) -> Self {
        Self(Arc::new(Inner {
            permissions: Permissions::allow([] as [&str; 0]),
            tokens: AccessTokens::None,
            deadline: None,
            ..self.0.as_ref().clone()
        }))
    }

    /// What may be called.
    pub fn permissions(&self) -> &Permissions {
        &self.0.permissions
    }

    /// Knows the app's secret already.
    pub(crate) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.extend(self.0.tokens.secret());
        redactor
    }

    pub(crate) fn transport(&self) -> &Exchange {
        &self.0.transport
    }

    pub(crate) fn api_base(&self) -> &str {
        &self.0.api_base
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.0.retry
    }

    /// That of this handle; see [`deadline::of`](crate::deadline::of).
    pub(crate) fn deadline(&self) -> Option<tokio::time::Instant> {
        self.0.deadline.map(Into::into)
    }

    /// The token to send with a call, if one is sent at all.
    pub(crate) async fn access_token(&self, api: &Api) -> Result<Option<Secret>, Error> {
        self.0.tokens.get(self, api).await
    }

    /// The token to send after WeChat rejected one, if there can be another.
    pub(crate) async fn renewed_access_token(
        &self,
        api: &Api,
        rejected: &Secret,
    ) -> Result<Option<Secret>, Error> {
        self.0.tokens.renew(self, api, rejected).await
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("permissions", &self.0.permissions)
            .field("api_base", &self.0.api_base)
            .field("tokens", &self.0.tokens)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Cloud`]; see [`Cloud::builder`].
#[derive(Default)]
#[must_use]
pub struct CloudBuilder {
    permissions: Option<Permissions>,
    transport: Option<Arc<dyn Transport>>,
    api_base: Option<String>,
    credentials: Credentials,
    token_store: Option<Arc<dyn TokenStore>>,
    retry: RetryPolicy,
}

impl CloudBuilder {
    fn from_env(env: Env) -> Result<Self, Error> {
        let config = env.config.unwrap_or_else(|| "config.json".into());
        let builder = Self {
            permissions: Some(Permissions::load(config)),
            api_base: env.api_base,
            token_store: env.redis_url.as_ref().map(redis_store).transpose()?,
            ..Self::default()
        };
        let missing = |name, other| {
            Error::settings(format!("{other} is set, but {name} is not"))
                .with_hint(format!("set {name} as well, or unset {other}"))
        };
        match (env.app_id, env.app_secret) {
            (Some(app_id), Some(secret)) => Ok(Self {
                credentials: Credentials::of_app(app_id, secret),
                ..builder
            }),
            (None, None) => Ok(builder),
            (Some(_), None) => Err(missing("WECHAT_SECRET", "WECHAT_APPID")),
            (None, Some(_)) => Err(missing("WECHAT_APPID", "WECHAT_SECRET")),
        }
    }

    /// What may be called. Nothing, unless this is set.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// What performs the HTTP exchanges. [`HttpsTransport`](crate::transport::HttpsTransport) with
    /// its defaults, unless this is set.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Where WeChat's API is: `http://` or `https://`, host, and optionally a port and a path.
    /// `https://api.weixin.qq.com`, unless this is set.
    pub fn api_base(mut self, url: impl Into<String>) -> Self {
        self.api_base = Some(url.into());
        self
    }

    /// Fetches the access token of this app with its secret (`POST /cgi-bin/stable_token`), keeps
    /// it until shortly before it ends, and renews it when WeChat rejects it.
    pub fn app_secret(mut self, app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = Credentials::of_app(app_id.into(), Secret::from(secret.into()));
        self
    }

    /// Shares the access token of the app with other handles and other processes: see
    /// [`access_token`](crate::access_token). The handle and its clones alone, unless this is set.
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.token_store = Some(Arc::new(store));
        self
    }

    /// Sends this access token, which somebody else renews.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.credentials = Credentials::Token(Secret::from(token.into()));
        self
    }

    /// When a failed call is made again. The defaults of [`RetryPolicy`], unless this is set.
    ///
    /// ```
    /// use cloudcall::{Cloud, RetryPolicy};
    ///
    /// let every_call_once = Cloud::builder().retry(RetryPolicy::none());
    /// ```
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Finishes the set-up.
    ///
    /// # Errors
    ///
    /// [`is_invalid_argument`](Error::is_invalid_argument): the API base is no HTTP URL, the app id,
    /// secret or access token is empty, or there is no transport (none is set and the feature
    /// `https` is off).
    pub fn build(self) -> Result<Cloud, Error> {
        if let Some(empty) = self.credentials.empty_part() {
            return Err(Error::settings(format!("{empty} is empty"))
                .with_hint("leave it out where no access token is to be sent"));
        }
        let api_base = match self.api_base {
            Some(url) => checked_base(&url)?,
            None => WECHAT.to_owned(),
        };
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        Ok(Cloud(Arc::new(Inner {
            permissions: self
                .permissions
                .unwrap_or_else(|| Permissions::allow([] as [&str; 0])),
            transport: Exchange::new(transport),
            tokens: AccessTokens::new(self.credentials, self.token_store, &api_base),
            api_base,
            retry: self.retry,
            deadline: None,
        })))
    }
}

impl fmt::Debug for CloudBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudBuilder")
            .field("permissions", &self.permissions)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "redis")]
fn redis_store(url: &Secret) -> Result<Arc<dyn TokenStore>, Error> {
    use crate::access_token::RedisStore;
    RedisStore::named(url.expose(), "CLOUDCALL_REDIS_URL").map(|store| Arc::new(store) as _)
}

#[cfg(not(feature = "redis"))]
fn redis_store(_: &Secret) -> Result<Arc<dyn TokenStore>, Error> {
    let error = "CLOUDCALL_REDIS_URL is set, but cloudcall was built without the feature `redis`";
    Err(Error::settings(error)
        .with_hint("turn on the feature `redis` of cloudcall, or unset CLOUDCALL_REDIS_URL"))
}

#[cfg(feature = "https")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "without the feature there is no default transport"
)]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(crate::transport::HttpsTransport::new()))
}

#[cfg(not(feature = "https"))]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::settings("there is no transport")
        .with_hint("set one with CloudBuilder::transport, or turn on the feature `https`"))
}

/// The longest API base, in bytes.
const LONGEST_BASE: usize = 2048;

/// The URL without a slash at its end, so that a path can follow.
fn checked_base(url: &str) -> Result<String, Error> {
    let refuse = |what: &str| {
        Error::settings(format!("the API base {what}"))
            .with_hint("write it like https://api.weixin.qq.com or http://127.0.0.1:8080")
    };
    let url = url.trim();
    if url.len() > LONGEST_BASE {
        return Err(refuse("is too long"));
    }
    let parsed: http::Uri = url.parse().map_err(|_| refuse("is not a URL"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err(refuse("must begin with http:// or https://"));
    }
    // A user name in it would show up in errors and logs.
    if parsed
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(refuse("must not hold a user name or password"));
    }
    // The path of an API follows, which would become part of either.
    if url.contains(['?', '#']) {
        return Err(refuse("must not hold a query or a fragment"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::from(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn the_environment_sets_up_everything() {
        let folder = tempfile::tempdir().expect("temp folder");
        let config = folder.path().join("c.json");
        std::fs::write(&config, r#"{"permissions":{"openapi":["wxacode.get"]}}"#).expect("write");
        let cloud = CloudBuilder::from_env(env(&[
            ("CLOUDCALL_CONFIG", config.to_str().expect("UTF-8")),
            ("CLOUDCALL_API_BASE", "http://127.0.0.1:1/base/"),
            ("WECHAT_APPID", "wx1"),
            ("WECHAT_SECRET", "s3cret"),
        ]))
        .map(|builder| builder.transport(crate::transport::MockTransport::replies([])))
        .and_then(CloudBuilder::build)
        .expect("complete");
        assert!(cloud.permissions().allows("wxacode.get"));
        assert_eq!(cloud.api_base(), "http://127.0.0.1:1/base");
        let shown = format!("{cloud:?}");
        assert!(
            shown.contains("wx1") && !shown.contains("s3cret"),
            "{shown}"
        );
    }

    #[test]
    fn half_of_the_credentials_is_an_error_that_names_the_other_half() {
        for (variables, expected) in [
            (
                [("WECHAT_APPID", "wx1")],
                "WECHAT_APPID is set, but WECHAT_SECRET is not",
            ),
            (
                [("WECHAT_SECRET", "s")],
                "WECHAT_SECRET is set, but WECHAT_APPID is not",
            ),
        ] {
            let error = CloudBuilder::from_env(env(&variables))
                .map(|_| ())
                .expect_err("half");
            assert_eq!(error.err_msg(), expected);
        }
    }

    #[test]
    fn a_redis_that_cannot_be_used_is_an_error_that_does_not_show_its_password() {
        for url in [
            "redis://:canary@h:1",
            "http://:canary@h",
            "rediss://:canary@h",
        ] {
            let variables = [("CLOUDCALL_REDIS_URL", url)];
            let built = CloudBuilder::from_env(env(&variables)).map(|_| ());
            if cfg!(feature = "redis") && url.starts_with("redis:") {
                built.expect("it need not answer yet");
                continue;
            }
            let error = built.expect_err(url);
            assert!(error.is_invalid_argument());
            let shown = format!("{error} {error:?} {:?}", env(&variables));
            assert!(shown.contains("CLOUDCALL_REDIS_URL"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
            let of_feature = error.err_msg().contains("without the feature `redis`");
            assert_eq!(of_feature, !cfg!(feature = "redis"), "{shown}");
        }
    }

    #[test]
    fn empty_credentials_are_refused() {
        for (builder, expected) in [
            (
                Cloud::builder().app_secret("wx1", ""),
                "the app secret is empty",
            ),
            (Cloud::builder().app_secret("", "s"), "the app id is empty"),
            (
                Cloud::builder().access_token(""),
                "the access token is empty",
            ),
        ] {
            assert_eq!(builder.build().expect_err(expected).err_msg(), expected);
        }
    }

    #[test]
    fn a_base_that_is_no_http_url_is_refused() {
        for (url, expected) in [
            ("127.0.0.1:80", "begin with http"),
            ("ftp://h", "begin with http"),
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://u:p@h", "user name"),
            ("http://h/?a=b", "query"),
            ("http://h/a#b", "fragment"),
            (&format!("http://h/{}", "a".repeat(2048)), "too long"),
        ] {
            let error = checked_base(url).expect_err(url);
            assert!(error.err_msg().contains(expected), "{url}: {error}");
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
        for (url, expected) in [
            ("http://h/", "http://h"),
            (" https://h:1/a// ", "https://h:1/a"),
        ] {
            assert_eq!(checked_base(url).expect(url), expected);
        }
    }
}
