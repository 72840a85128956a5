//! Numbers that differ from process to process. They keep nothing secret.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Any number. The standard library seeds its hash maps from the system's entropy.
pub(super) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number from 0 to below 1.
pub(super) fn fraction() -> f64 {
    f64::from((number() >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}
