//! The emulator: what the front door hands out.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use crate::builder::EmulatorBuilder;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::server::{self, EmulatorHandle};
use crate::transport::EmulatorTransport;
use crate::wechat::{SentMessage, WeChat};

/// WeChat's side of a Mini Program cloud function.
///
/// A cheap handle: clones are the same emulator, with the same tokens, media and journal.
#[derive(Clone)]
pub struct Emulator(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) app_id: String,
    pub(crate) app_secret: String,
    pub(crate) wechat: Arc<WeChat>,
    pub(crate) router: Router,
    pub(crate) allow_non_loopback: bool,
}

impl Emulator {
    /// The appid of the app that exists when no other was [added](EmulatorBuilder::app).
    pub const DEFAULT_APP_ID: &str = "wx0000000000000000";

    /// An emulator to be set up.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The appid of the first app.
    pub fn app_id(&self) -> &str {
        &self.0.app_id
    }

    /// The secret of the first app.
    pub fn app_secret(&self) -> &str {
        &self.0.app_secret
    }

    /// What the emulator was asked so far.
    pub fn journal(&self) -> &Journal {
        &self.0.wechat.journal
    }

    /// What goes wrong on purpose, to be changed while the emulator runs.
    pub fn faults(&self) -> &Faults {
        &self.0.wechat.faults
    }

    /// A user writes to customer service: from now on, for 48 hours, five messages can be sent to
    /// them, and until 30 seconds from now they can be shown "typing".
    ///
    /// Unless the emulator is [strict](EmulatorBuilder::strict_messages), a user that it has not
    /// heard of counts as having written when the first call names them.
    pub fn user_message(&self, openid: &str) {
        let now = self.0.wechat.clock.now();
        self.0.wechat.messages.user_wrote(openid, now);
    }

    /// Whether a media id leads to media now. It does not when nobody has heard of it, and when the
    /// three days that WeChat keeps media are over.
    pub fn has_media(&self, media_id: &str) -> bool {
        let now = self.0.wechat.clock.now();
        self.0.wechat.media.find(media_id, now).is_some()
    }

    /// The messages that users were sent, oldest first; the newest 1000 of them.
    pub fn sent_messages(&self) -> Vec<SentMessage> {
        self.0.wechat.messages.sent()
    }

    /// The emulator as a transport for the SDK, in this process and without a socket.
    pub fn transport(&self) -> EmulatorTransport {
        EmulatorTransport::new(self.router())
    }

    /// The routes of the API, to merge others with and hand to [`start_with`](Self::start_with).
    ///
    /// It answers any host name. Its fallback, which says what is served, stays in place when
    /// routes without a fallback of their own are merged into it.
    pub fn router(&self) -> Router {
        self.0.router.clone()
    }

    /// Serves the API over plain HTTP on `listener`, until the handle is closed or dropped.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, or in one without IO and timers.
    ///
    /// # Errors
    ///
    /// When the listener's address is not a loopback one, unless
    /// [`allow_non_loopback`](EmulatorBuilder::allow_non_loopback) was called; the error's kind is
    /// [`io::ErrorKind::InvalidInput`] then. Also when the address cannot be told.
    pub fn start(&self, listener: TcpListener) -> io::Result<EmulatorHandle> {
        self.start_with(listener, self.router())
    }

    /// As [`start`](Self::start), but serves `router`, such as the emulator's
    /// [own](Self::router) with other routes merged into it. The guards are the same.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub fn start_with(&self, listener: TcpListener, router: Router) -> io::Result<EmulatorHandle> {
        server::start(self.clone(), listener, router)
    }

    pub(crate) fn allows_non_loopback(&self) -> bool {
        self.0.allow_non_loopback
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("app_id", &self.0.app_id)
            .field("journal", self.journal())
            .finish_non_exhaustive()
    }
}
