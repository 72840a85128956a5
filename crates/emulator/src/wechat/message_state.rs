//! Who may be written to: what users wrote, what was sent to them, and who sees "typing".

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::reply::{
    ALREADY_TYPING, Failure, NO_MESSAGE_BEFORE_TYPING, OUT_OF_RESPONSE_COUNT, REPLY_TIME_OVER,
};

// The durations and limits are those of the guide to customer service messages and of the API
// page of `typing`.

/// For how long a user can be written to after a message of theirs.
const WINDOW: Duration = Duration::from_secs(48 * 60 * 60);
/// How many messages may follow a message of a user's.
const MESSAGES: u32 = 5;
/// How recent the latest message, either way, must be for "typing" to be shown.
const EXCHANGED: Duration = Duration::from_secs(30);
/// How long "typing" is shown.
const TYPING: Duration = Duration::from_secs(15);
/// How many sent messages are kept.
const KEPT: usize = 1000;

/// A message that a user was sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SentMessage {
    /// The OpenID of the user.
    pub openid: Arc<str>,
    /// The whole message, as it was sent: `{"touser": …, "msgtype": …, …}`.
    pub message: Value,
    /// When it was sent, by the emulator's clock.
    pub time: SystemTime,
}

/// The users, and the messages that they were sent.
#[derive(Default)]
pub(crate) struct MessageState {
    /// A user has to write before they can be written to.
    strict: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: HashMap<Arc<str>, User>,
    sent: VecDeque<SentMessage>,
}

struct User {
    wrote: SystemTime,
    /// How many messages were sent since.
    sent: u32,
    /// When the latest message, of the user or to them, was exchanged.
    exchanged: SystemTime,
    /// When "typing" was shown last, unless it was taken back since.
    typing: Option<SystemTime>,
}

impl User {
    fn who_wrote(now: SystemTime) -> Self {
        Self {
            wrote: now,
            sent: 0,
            exchanged: now,
            typing: None,
        }
    }
}

impl MessageState {
    /// With `strict`, only users who wrote can be written to; without, a user counts as having
    /// written when the emulator first hears of them.
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            strict,
            state: Mutex::default(),
        }
    }

    /// A user wrote.
    pub(crate) fn user_wrote(&self, openid: &str, now: SystemTime) {
        self.locked()
            .users
            .insert(openid.into(), User::who_wrote(now));
    }

    /// Sends a message, if this user may be written to now.
    pub(super) fn send(
        &self,
        openid: &str,
        message: Value,
        now: SystemTime,
    ) -> Result<(), Failure> {
        let mut state = self.locked();
        let user = self
            .user(&mut state, openid, now)
            .filter(|user| within(user.wrote, WINDOW, now))
            .ok_or(REPLY_TIME_OVER)?;
        if user.sent >= MESSAGES {
            return Err(OUT_OF_RESPONSE_COUNT);
        }
        user.sent += 1;
        user.exchanged = now;
        user.typing = None;
        state.sent.push_back(SentMessage {
            openid: openid.into(),
            message,
            time: now,
        });
        if state.sent.len() > KEPT {
            state.sent.pop_front();
        }
        Ok(())
    }

    /// Shows a user "typing", if there is a conversation.
    pub(super) fn show_typing(&self, openid: &str, now: SystemTime) -> Result<(), Failure> {
        let mut state = self.locked();
        let user = self
            .user(&mut state, openid, now)
            .filter(|user| within(user.exchanged, EXCHANGED, now))
            .ok_or(NO_MESSAGE_BEFORE_TYPING)?;
        if user.typing.is_some_and(|since| within(since, TYPING, now)) {
            return Err(ALREADY_TYPING);
        }
        user.typing = Some(now);
        Ok(())
    }

    /// No longer shows a user "typing".
    pub(super) fn cancel_typing(&self, openid: &str) {
        if let Some(user) = self.locked().users.get_mut(openid) {
            user.typing = None;
        }
    }

    /// The messages that are kept, oldest first.
    pub(crate) fn sent(&self) -> Vec<SentMessage> {
        self.locked().sent.iter().cloned().collect()
    }

    /// A user who has written before, as far as anyone knows.
    fn user<'a>(
        &self,
        state: &'a mut State,
        openid: &str,
        now: SystemTime,
    ) -> Option<&'a mut User> {
        if !self.strict && !state.users.contains_key(openid) {
            state.users.insert(openid.into(), User::who_wrote(now));
        }
        state.users.get_mut(openid)
    }

    fn locked(&self) -> impl std::ops::DerefMut<Target = State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether less than `limit` has passed since `then`.
fn within(then: SystemTime, limit: Duration, now: SystemTime) -> bool {
    now < then + limit
}

impl fmt::Debug for MessageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.locked();
        f.debug_struct("MessageState")
            .field("strict", &self.strict)
            .field("users", &state.users.len())
            .field("sent", &state.sent.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_messages_are_kept() {
        let messages = MessageState::default();
        let start = SystemTime::UNIX_EPOCH;
        for number in 0..KEPT + 2 {
            messages.user_wrote("O", start);
            messages.send("O", number.into(), start).expect("sent");
        }
        let sent = messages.sent();
        assert_eq!(sent.len(), KEPT);
        assert_eq!(sent[0].message, 2);
        assert_eq!(sent[KEPT - 1].message, KEPT + 1);
    }
}
