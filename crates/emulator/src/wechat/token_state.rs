//! The tokens that were issued: whose they are, and until when they are valid.
//!
//! The two families, that of `/cgi-bin/token` and that of `/cgi-bin/stable_token`, do not touch
//! each other's tokens.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::reply::{
    ACCESS_TOKEN_EXPIRED, DAILY_LIMIT, Failure, INVALID_APP_ID, INVALID_APP_SECRET,
    INVALID_CREDENTIAL, MINUTE_LIMIT,
};
use crate::ids::Ids;

// The durations and limits are those of the platform API pages of the two calls.

/// How long a token lives.
const LIFETIME: Duration = Duration::from_secs(7200);
/// How long a token of `/cgi-bin/token` outlives the issue of the next one.
const OVERLAP: Duration = Duration::from_secs(5 * 60);
/// `/cgi-bin/stable_token` never hands out a token with less time to live.
const LEAST_LEFT: Duration = Duration::from_secs(300);
/// How far apart the forced refreshes of an app have to be.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(30);
/// How many forced refreshes an app has in a day.
const REFRESHES_A_DAY: u32 = 20;

/// For how long it is remembered that a token has expired; after that it is an unknown one.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// A token, and how long it is valid from now on.
#[derive(PartialEq)]
pub(super) struct Grant {
    pub(super) token: Arc<str>,
    pub(super) expires_in: Duration,
}

/// Issues and checks tokens.
#[derive(Default)]
pub(crate) struct TokenState(Mutex<State>);

#[derive(Default)]
struct State {
    apps: HashMap<String, App>,
    issued: HashMap<Arc<str>, Validity>,
    /// The tokens in the order of issue, so that old ones are forgotten from the front.
    in_order: VecDeque<(SystemTime, Arc<str>)>,
}

struct App {
    secret: String,
    /// The latest of `/cgi-bin/token`.
    latest: Option<Arc<str>>,
    /// The latest of `/cgi-bin/stable_token`.
    stable: Option<Arc<str>>,
    refreshes: Refreshes,
}

struct Validity {
    expires: SystemTime,
    /// When a newer token of the family takes this one's place, if that is known.
    replaced: Option<SystemTime>,
}

/// The forced refreshes of an app.
#[derive(Default)]
struct Refreshes {
    latest: Option<SystemTime>,
    on_that_day: u32,
}

impl TokenState {
    /// Lets an app ask for tokens.
    pub(crate) fn add_app(&self, app_id: String, secret: String) {
        let app = App {
            secret,
            latest: None,
            stable: None,
            refreshes: Refreshes::default(),
        };
        self.locked().apps.insert(app_id, app);
    }

    /// Whether this token is valid.
    pub(super) fn check(&self, token: &str, now: SystemTime) -> Result<(), Failure> {
        let state = self.locked();
        let validity = state.issued.get(token).ok_or(INVALID_CREDENTIAL)?;
        if validity.replaced.is_some_and(|replaced| replaced <= now) {
            return Err(INVALID_CREDENTIAL);
        }
        if validity.expires <= now {
            return Err(ACCESS_TOKEN_EXPIRED);
        }
        Ok(())
    }

    /// A new token of `/cgi-bin/token`. The one before it has five more minutes.
    pub(super) fn renew(
        &self,
        app_id: &str,
        secret: &str,
        now: SystemTime,
        ids: &Ids,
    ) -> Result<Grant, Failure> {
        let mut state = self.locked();
        let before = state.app(app_id, secret)?.latest.take();
        state.replace(before, now + OVERLAP);
        let grant = state.issue(now, ids);
        state.app(app_id, secret)?.latest = Some(Arc::clone(&grant.token));
        Ok(grant)
    }

    /// The token of `/cgi-bin/stable_token`: the same one while it has five minutes to live, else
    /// a new one beside it; if `force_refresh`, a new one in its place.
    pub(super) fn stable(
        &self,
        app_id: &str,
        secret: &str,
        force_refresh: bool,
        now: SystemTime,
        ids: &Ids,
    ) -> Result<Grant, Failure> {
        let mut state = self.locked();
        let app = state.app(app_id, secret)?;
        let current = app.stable.clone();
        if force_refresh {
            app.refreshes.count(now)?;
            state.replace(current, now);
        } else if let Some(token) = current {
            let expires_in = state.time_left(&token, now);
            if expires_in >= LEAST_LEFT {
                return Ok(Grant { token, expires_in });
            }
        }
        let grant = state.issue(now, ids);
        state.app(app_id, secret)?.stable = Some(Arc::clone(&grant.token));
        Ok(grant)
    }

    /// Lets a token end now, if it has not ended yet.
    pub(super) fn expire(&self, token: &str, now: SystemTime) {
        if let Some(validity) = self.locked().issued.get_mut(token) {
            validity.expires = validity.expires.min(now);
        }
    }

    /// Forgets a token.
    pub(super) fn revoke(&self, token: &str) {
        self.locked().issued.remove(token);
    }

    fn locked(&self) -> impl std::ops::DerefMut<Target = State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn app(&mut self, app_id: &str, secret: &str) -> Result<&mut App, Failure> {
        let app = self.apps.get_mut(app_id).ok_or(INVALID_APP_ID)?;
        if app.secret != secret {
            return Err(INVALID_APP_SECRET);
        }
        Ok(app)
    }

    fn issue(&mut self, now: SystemTime, ids: &Ids) -> Grant {
        self.forget_old(now);
        let token: Arc<str> = ids.access_token().into();
        let validity = Validity {
            expires: now + LIFETIME,
            replaced: None,
        };
        self.issued.insert(Arc::clone(&token), validity);
        self.in_order.push_back((now, Arc::clone(&token)));
        Grant {
            token,
            expires_in: LIFETIME,
        }
    }

    fn replace(&mut self, token: Option<Arc<str>>, when: SystemTime) {
        if let Some(validity) = token.and_then(|token| self.issued.get_mut(&token)) {
            validity.replaced = Some(when);
        }
    }

    fn time_left(&self, token: &str, now: SystemTime) -> Duration {
        self.issued
            .get(token)
            .and_then(|validity| validity.expires.duration_since(now).ok())
            .unwrap_or_default()
    }

    fn forget_old(&mut self, now: SystemTime) {
        while let Some((issued, token)) = self.in_order.front()
            && *issued + LIFETIME + MEMORY <= now
        {
            self.issued.remove(token);
            self.in_order.pop_front();
        }
    }
}

impl Refreshes {
    /// Takes one of the day's refreshes, unless it comes too soon or too often.
    fn count(&mut self, now: SystemTime) -> Result<(), Failure> {
        let used = match self.latest {
            Some(latest) if china_day(latest) == china_day(now) => self.on_that_day,
            _ => 0,
        };
        if used >= REFRESHES_A_DAY {
            return Err(DAILY_LIMIT);
        }
        let since_latest = self
            .latest
            .and_then(|latest| now.duration_since(latest).ok());
        if since_latest.is_some_and(|since| since < BETWEEN_REFRESHES) {
            return Err(MINUTE_LIMIT);
        }
        self.latest = Some(now);
        self.on_that_day = used + 1;
        Ok(())
    }
}

/// The number of the day in China, where WeChat's quotas start anew at midnight.
fn china_day(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    (since_1970.unwrap_or_default().as_secs() + 8 * 60 * 60) / (24 * 60 * 60)
}

impl fmt::Debug for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenState").finish_non_exhaustive()
    }
}
