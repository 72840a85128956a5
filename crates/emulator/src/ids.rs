//! Everything random: access tokens, media ids, secrets and the marks in error messages.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const HEX: &[u8] = b"0123456789abcdef";
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64_URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The one source of randomness.
pub(crate) struct Ids(Mutex<StdRng>);

impl Ids {
    /// The same seed gives the same ids in the same order; no seed takes the system's entropy.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let rng = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        Self(Mutex::new(rng))
    }

    /// An access token: 136 characters, as long as WeChat's usually are.
    pub(crate) fn access_token(&self) -> String {
        self.text(BASE64_URL, 136)
    }

    /// A media id: 64 characters of the URL-safe base64 alphabet.
    pub(crate) fn media_id(&self) -> String {
        self.text(BASE64_URL, 64)
    }

    /// An app secret: 32 hexadecimal digits.
    pub(crate) fn secret(&self) -> String {
        self.text(HEX, 32)
    }

    /// The `abc123` of an error message's `hint: [abc123]`.
    pub(crate) fn hint(&self) -> String {
        self.text(ALPHANUMERIC, 6)
    }

    /// The request id of an error message, `8hex-8hex-8hex`. It begins with the time in seconds.
    pub(crate) fn request_id(&self, now: SystemTime) -> String {
        let seconds = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let random: u64 = self.rng().random();
        format!(
            "{:08x}-{:08x}-{:08x}",
            seconds & 0xffff_ffff,
            random >> 32,
            random & 0xffff_ffff
        )
    }

    /// What a function identifies itself with to the gateway.
    pub(crate) fn function_token(&self) -> String {
        self.text(BASE64_URL, 64)
    }

    /// A request id of the gateway: a random UUID.
    pub(crate) fn uuid(&self) -> String {
        let random: u128 = self.rng().random();
        let versioned = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let digits = format!("{versioned:032x}");
        let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// The seed of a fault that was given none: short, because people copy it.
    pub(crate) fn fault_seed(&self) -> u64 {
        self.rng().random::<u32>().into()
    }

    fn text(&self, alphabet: &[u8], length: usize) -> String {
        let mut rng = self.rng();
        (0..length)
            .map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())]))
            .collect()
    }

    fn rng(&self) -> impl std::ops::DerefMut<Target = StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The generator's state tells the next tokens.
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_gives_others() {
        let draw = |seed| {
            let ids = Ids::new(seed);
            [ids.access_token(), ids.media_id(), ids.secret(), ids.hint()]
        };
        assert_eq!(draw(Some(7)), draw(Some(7)));
        assert_ne!(draw(Some(7)), draw(Some(8)));
        assert_ne!(draw(None), draw(None));
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        for seed in 0..100 {
            let uuid = Ids::new(Some(seed)).uuid();
            let parts: Vec<_> = uuid.split('-').collect();
            let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            assert!(parts[2].starts_with('4'), "{uuid}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
    }

    #[test]
    fn ids_have_wechats_form() {
        let ids = Ids::new(Some(1));
        let url_safe = |text: &str| text.bytes().all(|byte| BASE64_URL.contains(&byte));
        let (token, media_id) = (ids.access_token(), ids.media_id());
        assert!(token.len() == 136 && url_safe(&token), "{token}");
        assert!(media_id.len() == 64 && url_safe(&media_id), "{media_id}");
        assert_eq!(ids.secret().len(), 32);
        assert_eq!(ids.hint().len(), 6);

        let request_id = ids.request_id(SystemTime::UNIX_EPOCH);
        let parts: Vec<_> = request_id.split('-').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], "00000000");
        let hex = |part: &&str| part.len() == 8 && u32::from_str_radix(part, 16).is_ok();
        assert!(parts.iter().all(hex), "{request_id}");
    }
}
