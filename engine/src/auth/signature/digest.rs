//! `Content-Digest` (RFC 9530): what ties a body to the signature of its request.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, ListEntry};
use sha2::{Digest, Sha256};

use super::claim::dictionary;
use super::refused;
use crate::dialect::openai::errors::ApiError;

pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const ALGORITHM: &str = "sha-256";

/// The SHA-256 that a body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// The header's `sha-256`; others beside it are passed over.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let digests = dictionary(headers, &CONTENT_DIGEST)?;
        let Some(ListEntry::Item(item)) = digests.get(ALGORITHM) else {
            return Err(mismatch("The header 'content-digest' has no member 'sha-256'."));
        };
        match &item.bare_item {
            BareItem::ByteSequence(bytes) => bytes.as_slice().try_into().map(Self).ok(),
            _ => None,
        }
        .ok_or_else(|| mismatch("The 'sha-256' of the header 'content-digest' is not 32 bytes, as ':base64:'."))
    }

    pub fn check(&self, body: &[u8]) -> Result<(), ApiError> {
        if self.0 == <[u8; 32]>::from(Sha256::digest(body)) {
            return Ok(());
        }
        Err(mismatch(
            "The body is not the one that was signed: its SHA-256 is not that of the header 'content-digest'. Hash the very \
             bytes that are sent.",
        ))
    }
}

fn mismatch(what: &str) -> ApiError {
    refused("digest_mismatch", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<BodyDigest, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_DIGEST, value.parse().unwrap());
        BodyDigest::of(&headers)
    }

    /// RFC 9530, appendix B.1: the body there ends with a line feed.
    #[test]
    fn the_standards_example_is_that_of_its_body() {
        let digest = of("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:").unwrap();
        digest.check(b"{\"hello\": \"world\"}\n").unwrap();
        assert_eq!(
            digest.check(b"{\"hello\": \"world\"}").unwrap_err().code,
            "digest_mismatch"
        );
    }

    #[test]
    fn others_beside_it_change_nothing() {
        let both = of("sha-512=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:").unwrap();
        both.check(b"").unwrap();
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for value in [
            "",
            "sha-512=:AAAA:",
            "sha-256=:AAAA:",
            "sha-256=abc",
            "sha-256",
            "sha-256=(1 2)",
            "=:",
            "\u{7f}",
        ] {
            let mut headers = HeaderMap::new();
            let Ok(value) = value.parse() else { continue };
            headers.insert(CONTENT_DIGEST, value);
            assert_eq!(BodyDigest::of(&headers).unwrap_err().status, 401, "{headers:?}");
        }
    }
}
