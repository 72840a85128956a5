//! Who may call: the functions, by their tokens.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use cloudcall::{Cloud, Permissions};

use super::reply::Refusal;

/// A function that may call the gateway.
#[derive(Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The name of the function.
    pub name: String,
    /// What its Cloud Calls go through: its permissions, the app, and the way to WeChat.
    pub cloud: Cloud,
    /// What tells this caller from others of the same name, for who watches. The gateway only
    /// hands it on.
    pub id: Option<u64>,
    permissions: Option<Arc<LivePermissions>>,
}

type LivePermissions = dyn Fn() -> Permissions + Send + Sync;

impl Caller {
    /// The function of this name, with the Cloud Calls that `cloud` permits.
    pub fn new(name: impl Into<String>, cloud: Cloud) -> Self {
        Self {
            name: name.into(),
            cloud,
            id: None,
            permissions: None,
        }
    }

    /// The same, with an [`id`](Self::id) for who watches.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// The same, with permissions in the place of those of [`cloud`](Self::cloud) that are asked
    /// for at each Cloud Call, so that a change holds from the next call on. They are asked for in
    /// the middle of a request, so it must not take long.
    #[must_use]
    pub fn permissions_from(
        mut self,
        permissions: impl Fn() -> Permissions + Send + Sync + 'static,
    ) -> Self {
        self.permissions = Some(Arc::new(permissions));
        self
    }

    /// What a Cloud Call that begins now goes through.
    pub(super) fn cloud_now(&self) -> Cloud {
        match &self.permissions {
            Some(permissions) => self.cloud.with_permissions(permissions()),
            None => self.cloud.clone(),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("name", &self.name)
            .field("cloud", &self.cloud)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The functions that are registered, by their tokens. A token is random and 64 characters long, and
/// looking it up compares hashes under a key of this process, so the time that takes says nothing
/// about how much of a guess is right.
#[derive(Default)]
pub(super) struct Callers(RwLock<HashMap<String, Arc<Caller>>>);

impl Callers {
    pub(super) fn register(self: &Arc<Self>, token: String, caller: Caller) -> FunctionToken {
        let mut callers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        callers.insert(token.clone(), Arc::new(caller));
        FunctionToken {
            token,
            callers: Arc::clone(self),
        }
    }

    /// The function that has this token.
    pub(super) fn find(&self, token: &str) -> Result<Arc<Caller>, Refusal> {
        if token.is_empty() {
            return Err(Refusal::invalid("missing wxCloudApiToken"));
        }
        let callers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let caller = callers.get(token);
        caller
            .cloned()
            .ok_or_else(|| Refusal::invalid("Invalid wxCloudApiToken"))
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // The keys are the tokens.
        f.debug_set()
            .entries(callers.values().map(|caller| &caller.name))
            .finish()
    }
}

/// What tells the gateway which function is calling: the `WX_API_TOKEN` of its process.
///
/// It is valid until it is dropped. It is a secret: whoever has it can call as this function.
pub struct FunctionToken {
    token: String,
    callers: Arc<Callers>,
}

impl FunctionToken {
    /// The token itself, for the environment of the function's process and nothing else.
    pub fn expose(&self) -> &str {
        &self.token
    }

    /// Ends the token, as dropping it does. Calls that are being served go on.
    pub fn revoke(self) {}
}

impl Drop for FunctionToken {
    fn drop(&mut self) {
        let mut callers = self
            .callers
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        callers.remove(&self.token);
    }
}

impl fmt::Debug for FunctionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionToken").finish_non_exhaustive()
    }
}
