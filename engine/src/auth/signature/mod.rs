//! Signed requests: HTTP Message Signatures (RFC 9421) with `hmac-sha256`, over a Content-Digest (RFC 9530) of the body.
//!
//! A request's way: [`claim`] reads what it says, [`Claim::check_coverage`] and [`Claim::check_time`] whether that is enough
//! and not too old, [`Claim::is_made_by`] who signed it, [`Nonces`] whether it came before, [`BodyDigest`] whether its body
//! is the one that was signed. `serve/signed.rs` takes these steps.

mod base;
mod claim;
mod coverage;
mod digest;
mod nonces;
mod secret;
#[cfg(test)]
mod standard_tests;

pub use base::Message;
pub use claim::{Claim, claim};
pub use digest::BodyDigest;
pub use nonces::{Nonce, NonceMemory, Nonces, Taken};
pub use secret::{Signing, SigningSecret};

use super::KeyHash;
use crate::dialect::openai::errors::ApiError;

/// What the flow table and the controller know a signing key by. No bearer hashes to it: a header holds no NUL.
/// `src/headworks/identity/domain/keys.py` makes the same; a test there and one here hold the same example.
pub fn signer_hash(key_id: &str) -> KeyHash {
    super::hash(&[b"signer\0", key_id.as_bytes()].concat())
}

/// One text for whatever does not fit, so that nobody learns which keys there are.
pub fn invalid() -> ApiError {
    refused(
        "signature_invalid",
        "The signature does not fit: no signing key with this keyid made it over this request. Check the keyid, the secret \
         (the whole text, with 'hw_'), and that nothing between changed what was signed; behind a proxy, the host and the scheme.",
    )
}

/// It was made by the right key, and came before.
pub fn replayed() -> ApiError {
    refused(
        "signature_replayed",
        "A request with this nonce came before. Sign each request anew, and a repeated one too, with a nonce of its own.",
    )
}

/// `what` is a whole sentence that says what is wrong and how to mend it.
fn refused(code: &str, what: &str) -> ApiError {
    ApiError::new(401, "invalid_request_error", code, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same example stands in the tests of `identity`.
    #[test]
    fn both_sides_know_a_signer_by_the_same_hash() {
        let hash = signer_hash("key_01k9y7m3q8zzzzzzzzzzzzzzzz");
        assert_eq!(
            crate::flow::hex(&hash),
            "0b2615447e4b4d940ee2b49889a4365de99b7895e744c72afa0e353e6e016e25"
        );
    }
}
