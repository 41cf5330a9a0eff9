//! What a signature has to cover: everything that decides what the request does, as far as it is there.

use super::claim::{SIGNATURE, SIGNATURE_INPUT};
use super::digest::CONTENT_DIGEST;
use super::{BodyDigest, Claim, Message, refused};
use crate::dialect::openai::errors::ApiError;

/// Headers that change what a request means, where it has them; and with them all that begin with `x-headworks-`.
const DECISIVE: [&str; 4] = ["content-type", "idempotency-key", "if-match", "if-none-match"];
const OURS: &str = "x-headworks-";

impl Claim {
    /// Whether whoever passes the request on could change what it does without the signature breaking.
    pub fn check_coverage(&self, message: &Message<'_>) -> Result<(), ApiError> {
        if !self.covers("@method") {
            return Err(not_covered("@method"));
        }
        if !self.covers("@target-uri") {
            let parts = ["@authority", "@path", "@query"];
            if let Some(part) = parts.into_iter().find(|part| !self.covers(part)) {
                return Err(not_covered(part));
            }
        }
        if message.has_body && !self.covers(CONTENT_DIGEST.as_str()) {
            return Err(not_covered(CONTENT_DIGEST.as_str()));
        }
        for name in message.headers.keys().map(http::HeaderName::as_str) {
            let decides = DECISIVE.contains(&name) || name.starts_with(OURS);
            if decides && !self.covers(name) {
                return Err(not_covered(name));
            }
        }
        if self.covers(SIGNATURE.as_str()) || self.covers(SIGNATURE_INPUT.as_str()) {
            return Err(refused(
                "component_not_supported",
                "The headers 'signature' and 'signature-input' cannot be covered.",
            ));
        }
        Ok(())
    }

    /// What the body must be, where that was signed.
    pub fn digest(&self, message: &Message<'_>) -> Result<Option<BodyDigest>, ApiError> {
        if !self.covers(CONTENT_DIGEST.as_str()) {
            return Ok(None);
        }
        BodyDigest::of(message.headers).map(Some)
    }

    fn covers(&self, name: &str) -> bool {
        self.components.iter().any(|component| component == name)
    }
}

fn not_covered(name: &str) -> ApiError {
    let message = format!(
        "The signature does not cover \"{name}\". Cover @method, @target-uri (or @authority, @path and @query), content-digest \
         where there is a body, and the headers content-type, idempotency-key, if-match, if-none-match and x-headworks-… that you send."
    );
    refused("component_not_covered", &message)
}

/// It is covered, and the request has none: it was never sent, or was taken away.
pub(super) fn not_there(name: &str) -> ApiError {
    let message = format!("The signature covers the header '{name}', and the request has none.");
    refused("component_not_covered", &message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::super::claim::claim;
    use super::*;

    fn code(components: &[&str], sent: &[(&'static str, &str)], has_body: bool) -> String {
        let mut headers = HeaderMap::new();
        let covered: Vec<String> = components.iter().map(|name| format!("\"{name}\"")).collect();
        let input = format!(
            "s=({});created=1;nonce=\"0123456789abcdef\";keyid=\"key_1\"",
            covered.join(" ")
        );
        headers.insert(SIGNATURE_INPUT, input.parse().unwrap());
        headers.insert(SIGNATURE, "s=:AAAA:".parse().unwrap());
        for (name, value) in sent {
            headers.insert(*name, value.parse().unwrap());
        }
        let message = Message {
            method: &Method::POST,
            is_https: false,
            uri: &Uri::from_static("/v1/models"),
            headers: &headers,
            has_body,
        };
        let claim = claim(&headers).unwrap().unwrap();
        match claim.check_coverage(&message) {
            Ok(()) => String::new(),
            Err(error) => error.code,
        }
    }

    #[test]
    fn what_decides_must_be_covered() {
        let parts = ["@method", "@authority", "@path", "@query"];
        assert_eq!(code(&parts, &[], false), "");
        assert_eq!(code(&["@method", "@target-uri"], &[], false), "");
        for missing in 0..parts.len() {
            let mut fewer = parts.to_vec();
            fewer.remove(missing);
            assert_eq!(code(&fewer, &[], false), "component_not_covered", "{}", parts[missing]);
        }
        assert_eq!(code(&parts, &[], true), "component_not_covered", "a body");
        for name in [
            "x-headworks-model",
            "x-headworks-anything",
            "content-type",
            "idempotency-key",
            "if-match",
        ] {
            assert_eq!(code(&parts, &[(name, "x")], false), "component_not_covered", "{name}");
            let more = [&parts[..], &[name]].concat();
            assert_eq!(code(&more, &[(name, "x")], false), "", "{name}");
        }
        assert_eq!(code(&parts, &[("x-trace", "x"), ("accept", "x")], false), "");
    }

    #[test]
    fn a_signature_does_not_cover_itself() {
        let with_itself = ["@method", "@target-uri", "signature-input"];
        assert_eq!(code(&with_itself, &[], false), "component_not_supported");
    }
}
