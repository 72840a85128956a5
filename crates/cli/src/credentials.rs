//! Who calls: an app id and its secret.

use std::fmt;

/// Whom an access token is fetched for.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) app_id: String,
    pub(crate) secret: Secret,
}

/// A text that no output may hold.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
