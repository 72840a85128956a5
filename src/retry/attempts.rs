//! The attempts of one call.

use http::StatusCode;
use tokio::time::Instant;

use super::RetryPolicy;
use crate::transport::TransportErrorKind;

/// What an attempt came to, as far as another one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A result, or a failure that would come again.
    Final,
    /// No connection, so that nothing was sent.
    NotSent,
    /// The connection broke; WeChat may have acted.
    Interrupted,
    /// WeChat is busy.
    Busy,
    /// HTTP 5xx.
    ServerError,
}

impl Outcome {
    /// Of an exchange that gave no whole response.
    pub(crate) fn of_kind(kind: TransportErrorKind) -> Self {
        match kind {
            TransportErrorKind::Connect => Self::NotSent,
            TransportErrorKind::Interrupted => Self::Interrupted,
            TransportErrorKind::Certificate
            | TransportErrorKind::Timeout
            | TransportErrorKind::TooLarge
            | TransportErrorKind::NotRecorded
            | TransportErrorKind::Other => Self::Final,
        }
    }

    /// Of a response that refuses the call with this number.
    pub(crate) fn of_errcode(errcode: i64) -> Self {
        match errcode {
            -1 => Self::Busy,
            _ => Self::Final,
        }
    }

    /// Of a response that says nothing but its status.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        if status.is_server_error() {
            Self::ServerError
        } else {
            Self::Final
        }
    }

    fn may_repeat(self, idempotent: bool) -> bool {
        match self {
            Self::Final => false,
            Self::NotSent => true,
            Self::Interrupted | Self::Busy | Self::ServerError => idempotent,
        }
    }
}

/// Counts the attempts of a call, and waits between them.
pub(crate) struct Attempts<'a> {
    policy: &'a RetryPolicy,
    /// For the log.
    name: &'static str,
    idempotent: bool,
    deadline: Option<Instant>,
    began: Instant,
    made: u32,
}

impl<'a> Attempts<'a> {
    /// The first attempt begins now.
    pub(crate) fn begin(
        policy: &'a RetryPolicy,
        name: &'static str,
        idempotent: bool,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            policy,
            name,
            idempotent,
            deadline,
            began: Instant::now(),
            made: 1,
        }
    }

    /// How many attempts there have been, with the one that has begun.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Whether another attempt is to be made after this outcome. If so, it has waited for it, and
    /// the attempt counts.
    pub(crate) async fn another(&mut self, outcome: Outcome) -> bool {
        if !outcome.may_repeat(self.idempotent) || self.made >= self.policy.attempts {
            return false;
        }
        let delay = self.policy.delay_after(self.made);
        let now = Instant::now();
        if (now - self.began).saturating_add(delay) > self.policy.give_up_after {
            return false;
        }
        if let Some(deadline) = self.deadline
            && now.checked_add(delay).is_none_or(|end| end >= deadline)
        {
            return false;
        }
        tracing::debug!(
            call = self.name,
            attempt = self.made,
            ?outcome,
            ?delay,
            "failed, and is tried again"
        );
        tokio::time::sleep(delay).await;
        self.made += 1;
        true
    }
}
