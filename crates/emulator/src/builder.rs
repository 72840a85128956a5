//! Setting up an emulator: apps, media, time and randomness.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::emulator::{Emulator, Inner};
use crate::faults::{Fault, Faults};
use crate::ids::Ids;
use crate::journal::Journal;
use crate::media_store::MediaStore;
use crate::server::EmulatorHandle;
use crate::wechat::{self, MessageState, TokenState, WeChat};

/// Sets up an [`Emulator`].
#[derive(Default)]
pub struct EmulatorBuilder {
    apps: Vec<(String, String)>,
    media_dir: Option<PathBuf>,
    media: Vec<(String, Bytes)>,
    clock: Clock,
    seed: Option<u64>,
    journal_limit: Option<usize>,
    strict_messages: bool,
    faults: Vec<Fault>,
    allow_non_loopback: bool,
}

impl EmulatorBuilder {
    /// Adds an app that may ask for access tokens. The same appid again replaces the secret.
    ///
    /// Without any there is one app, [`Emulator::DEFAULT_APP_ID`] with a random secret. Apps share
    /// their media.
    #[must_use]
    pub fn app(mut self, app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let (app_id, secret) = (app_id.into(), secret.into());
        match self.apps.iter_mut().find(|(known, _)| *known == app_id) {
            Some((_, replaced)) => *replaced = secret,
            None => self.apps.push((app_id, secret)),
        }
        self
    }

    /// Serves the files of a folder: `NAME.ext` answers to media id `NAME`.
    ///
    /// Hidden files, folders, links that lead out of the folder and names that are not Unicode are
    /// skipped. Of several files with
    /// one stem the alphabetically first is served. An image that WeChat accepts (bmp, png, jpeg,
    /// gif) is served as what its bytes say, any other file with the type of its extension, else
    /// as `application/octet-stream`. Files that are added or changed while the emulator runs
    /// are picked up; the bytes are kept in memory once they have been asked for.
    ///
    /// A file counts as received when the emulator first sees it, and again when its length or
    /// modification time changes; it expires three days later.
    #[must_use]
    pub fn media_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.media_dir = Some(path.into());
        self
    }

    /// Adds media in memory, as received when the emulator is built. It takes precedence over a
    /// file of the [media folder](Self::media_dir). The type is that of the bytes if they are a
    /// bmp, png, jpeg or gif image, else `application/octet-stream`.
    #[must_use]
    pub fn media(mut self, media_id: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.media.push((media_id.into(), bytes.into()));
        self
    }

    /// The clock by which tokens and media expire; the system's unless called.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes tokens, ids, the random secret and the marks in error messages repeatable: the same
    /// calls in the same order get the same ones, with the same version of this crate. Unless
    /// called, they come from the system's entropy.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How many entries the journal keeps; [`Journal::DEFAULT_LIMIT`] unless called.
    #[must_use]
    pub fn journal_limit(mut self, entries: usize) -> Self {
        self.journal_limit = Some(entries);
        self
    }

    /// Lets messages be sent only to users who wrote before, by
    /// [`Emulator::user_message`], as with WeChat.
    ///
    /// Unless called, a user that the emulator has not heard of counts as having written when the
    /// first call names them, so that a first `send` succeeds. The limits that follow from that,
    /// five messages and 48 hours, hold either way.
    #[must_use]
    pub fn strict_messages(mut self) -> Self {
        self.strict_messages = true;
        self
    }

    /// Lets something go wrong, to see how callers bear it; see [`Fault`]. Several are asked in
    /// their order.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Lets the emulator listen on addresses that other machines can reach, and answer requests
    /// for any host name and from any web page. It is a test tool: whoever can reach it can use it.
    #[must_use]
    pub fn allow_non_loopback(mut self) -> Self {
        self.allow_non_loopback = true;
        self
    }

    /// The emulator, not yet listening anywhere.
    ///
    /// # Errors
    ///
    /// [`BuildError::MediaDir`] when the media folder is missing or cannot be read.
    pub fn build(self) -> Result<Emulator, BuildError> {
        let now = self.clock.now();
        let ids = Ids::new(self.seed);

        let mut apps = self.apps;
        if apps.is_empty() {
            apps.push((Emulator::DEFAULT_APP_ID.to_owned(), ids.secret()));
        }
        let (app_id, app_secret) = apps[0].clone();
        let tokens = TokenState::default();
        for (app_id, secret) in apps {
            tokens.add_app(app_id, secret);
        }

        let mut media = MediaStore::default();
        if let Some(path) = self.media_dir {
            media
                .open_folder(&path, now)
                .map_err(|source| BuildError::MediaDir { path, source })?;
        }
        for (media_id, bytes) in self.media {
            media.keep(&media_id, bytes, now);
        }

        let journal = Journal::new(self.journal_limit.unwrap_or(Journal::DEFAULT_LIMIT));
        let faults = Faults::new(Ids::new(self.seed));
        for fault in self.faults {
            faults.add(fault);
        }
        let wechat = Arc::new(WeChat {
            clock: self.clock,
            ids,
            tokens,
            media,
            messages: MessageState::new(self.strict_messages),
            journal,
            faults,
        });
        Ok(Emulator::new(Inner {
            app_id,
            app_secret,
            router: wechat::router(Arc::clone(&wechat)),
            wechat,
            allow_non_loopback: self.allow_non_loopback,
        }))
    }

    /// [Builds](Self::build) the emulator and [starts](Emulator::start) it on `listener`.
    ///
    /// # Panics
    ///
    /// As [`Emulator::start`].
    ///
    /// # Errors
    ///
    /// Those of the two steps.
    pub fn start(self, listener: TcpListener) -> Result<EmulatorHandle, BuildError> {
        self.build()?.start(listener).map_err(BuildError::Start)
    }
}

impl fmt::Debug for EmulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app_ids: Vec<_> = self.apps.iter().map(|(app_id, _)| app_id).collect();
        let media_ids: Vec<_> = self.media.iter().map(|(media_id, _)| media_id).collect();
        // Neither secrets, nor the seed, which tells the tokens.
        f.debug_struct("EmulatorBuilder")
            .field("apps", &app_ids)
            .field("media_dir", &self.media_dir)
            .field("media", &media_ids)
            .field("clock", &self.clock)
            .field("journal_limit", &self.journal_limit)
            .field("strict_messages", &self.strict_messages)
            .field("faults", &self.faults)
            .field("allow_non_loopback", &self.allow_non_loopback)
            .finish_non_exhaustive()
    }
}

/// Why there is no emulator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The folder given to [`media_dir`](EmulatorBuilder::media_dir) is missing, or cannot be
    /// read.
    #[error("cannot read the media folder {}", path.display())]
    MediaDir {
        /// The folder, as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The emulator was built but could not be started; see [`Emulator::start`].
    #[error("cannot start the emulator's server")]
    Start(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_missing_media_folder_is_named() {
        let error = Emulator::builder()
            .media_dir("no/such/folder")
            .build()
            .expect_err("there is no such folder");
        assert_eq!(
            error.to_string(),
            "cannot read the media folder no/such/folder"
        );
        assert!(error.source().is_some());
    }

    #[test]
    fn without_an_app_there_is_a_default_one_with_a_random_secret() {
        let build = || Emulator::builder().build().expect("built");
        let (one, other) = (build(), build());
        assert_eq!(one.app_id(), "wx0000000000000000");
        assert_eq!(one.app_secret().len(), 32);
        assert_ne!(one.app_secret(), other.app_secret());
    }

    #[test]
    fn the_accessors_tell_the_first_app_with_its_latest_secret() {
        let emulator = Emulator::builder()
            .app("wx1", "old")
            .app("wx2", "two")
            .app("wx1", "new")
            .build()
            .expect("built");
        assert_eq!((emulator.app_id(), emulator.app_secret()), ("wx1", "new"));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let builder = Emulator::builder()
            .app("wx1", "S3CRET")
            .seed(123_456_789)
            .media("sample", "BYTES");
        let before = format!("{builder:?}");
        let emulator = builder.build().expect("built");
        let after = format!("{emulator:?} {:?}", emulator.transport());
        for output in [before, after] {
            for secret in ["S3CRET", "123456789", "BYTES"] {
                assert!(!output.contains(secret), "{output}");
            }
        }
    }
}
