//! What keys sign with, in the engine's memory: it does not print, and is wiped when its flow goes.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The secrets of one key: its own, and the former one for as long as a rotation overlaps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    pub secrets: Box<[SigningSecret]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningSecret {
    #[serde(deserialize_with = "to_be_wiped")]
    value: Zeroizing<Box<[u8]>>,
    /// Unix seconds; None where nothing ends it.
    until: Option<u64>,
}

impl SigningSecret {
    #[cfg(test)]
    pub(super) fn of(value: &[u8]) -> Self {
        Self {
            value: Zeroizing::new(value.into()),
            until: None,
        }
    }

    /// In a time that says nothing of how much of the signature was right.
    pub(super) fn has_made(&self, signature: &[u8], base: &[u8], now: u64) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            return false;
        }
        // A key of HMAC may have any length.
        Hmac::<Sha256>::new_from_slice(&self.value)
            .is_ok_and(|mac| mac.chain_update(base).verify_slice(signature).is_ok())
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret")
    }
}

/// Without a copy on the way that nobody would wipe.
fn to_be_wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<Box<[u8]>>, D::Error> {
    struct Wiped;

    impl Visitor<'_> for Wiped {
        type Value = Zeroizing<Box<[u8]>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a signing secret")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            // Anybody can sign with an empty one.
            if text.is_empty() {
                return Err(E::custom("a signing secret is empty"));
            }
            Ok(Zeroizing::new(text.as_bytes().into()))
        }
    }

    deserializer.deserialize_str(Wiped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(until: &str) -> SigningSecret {
        serde_json::from_str(&format!(r#"{{"value":"hw_sk_canary","until":{until}}}"#)).unwrap()
    }

    #[test]
    fn a_secret_does_not_print() {
        let signing = Signing {
            secrets: [secret("null")].into(),
        };
        assert!(!format!("{signing:?}").contains("canary"));
    }

    #[test]
    fn a_former_secret_ends() {
        let mac = Hmac::<Sha256>::new_from_slice(b"hw_sk_canary").unwrap();
        let signature = mac.chain_update(b"base").finalize().into_bytes();
        assert!(secret("100").has_made(&signature, b"base", 99));
        assert!(!secret("100").has_made(&signature, b"base", 100));
        assert!(secret("null").has_made(&signature, b"base", u64::MAX));
        assert!(!secret("null").has_made(&signature[..31], b"base", 0), "a part of it");
        assert!(!secret("null").has_made(&[], b"base", 0));
    }

    #[test]
    fn an_empty_secret_is_none_and_an_error_does_not_show_one() {
        let wrong = |text: &str| serde_json::from_str::<SigningSecret>(text).unwrap_err().to_string();
        assert!(wrong(r#"{"value":"","until":null}"#).contains("empty"));
        assert!(!wrong(r#"{"value":"hw_sk_canary","until":"soon"}"#).contains("canary"));
    }
}
