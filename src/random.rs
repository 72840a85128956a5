//! A little randomness, without a generator to depend on. Not for secrets.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// 64 bits: each `RandomState` has keys of its own, which the standard library derives from the
/// operating system's.
pub(crate) fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number from 0 to 1.
pub(crate) fn share() -> f64 {
    (bits() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_a_share_and_differs() {
        let drawn: Vec<_> = (0..1000).map(|_| share()).collect();
        assert!(drawn.iter().all(|share| (0.0..1.0).contains(share)));
        // The mean of a thousand is outside of this once in 10^27 times.
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        let mut different = drawn
            .iter()
            .map(|share| share.to_bits())
            .collect::<Vec<_>>();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 1000);
    }
}
