//! The format of a key: `hw_` + kind + `_` + 32 random base62 digits + 6 base62 digits of checksum.
//!
//! `src/headworks/identity/domain.py` makes the keys; a test there and one here hold the same examples.

use sha2::{Digest, Sha256};

/// SHA-256 of a whole key. The key itself is kept nowhere.
pub type KeyHash = [u8; 32];

const PREFIX: &[u8] = b"hw_";
const RANDOM_DIGITS: usize = 32;
const CHECKSUM_DIGITS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub fn hash(key: &[u8]) -> KeyHash {
    Sha256::digest(key).into()
}

/// Whether a look-up is worth while: a key of ours has a right checksum; a foreign (imported) key may be anything.
pub fn plausible(key: &[u8]) -> bool {
    let Some(rest) = key.strip_prefix(PREFIX) else {
        return true;
    };
    let Some(kind) = memchr::memchr(b'_', rest) else {
        return false;
    };
    let digits = &rest[kind + 1..];
    if digits.len() != RANDOM_DIGITS + CHECKSUM_DIGITS || !digits.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (body, claimed) = key.split_at(key.len() - CHECKSUM_DIGITS);
    claimed == checksum(body)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_DIGITS] {
    let mut left = crc32fast::hash(body) as usize;
    let mut digits = [b'0'; CHECKSUM_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[left % DIGITS.len()];
        left /= DIGITS.len();
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_checksum(body: &str) -> Vec<u8> {
        [body.as_bytes(), &checksum(body.as_bytes())].concat()
    }

    #[test]
    fn a_made_key_is_plausible_and_any_changed_digit_is_not() {
        let key = with_checksum("hw_sk_0123456789abcdefghijABCDEFGHIJ01");
        assert!(plausible(&key));
        for at in 6..key.len() {
            let mut typo = key.clone();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(!plausible(&typo), "digit {at}");
        }
    }

    /// The same example stands in the tests of `identity`.
    #[test]
    fn both_sides_make_the_same_checksum() {
        assert!(plausible(format!("hw_sk_{}3Kx8yG", "0".repeat(32)).as_bytes()));
    }

    #[test]
    fn shapes_that_are_not_keys() {
        for shape in [
            "hw_",
            "hw_sk",
            "hw_sk_",
            "hw_sk_short",
            "hw__________________________________________",
        ] {
            assert!(!plausible(shape.as_bytes()), "{shape}");
        }
    }

    #[test]
    fn foreign_keys_are_looked_up() {
        assert!(plausible(b"sk-proj-anything"));
    }
}
