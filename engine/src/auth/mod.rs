//! From a request's headers to the SHA-256 of its key, or to who signed it. The only place that reads a credential.

mod key;
mod network;
pub mod signature;

pub use key::{KeyHash, hash};
pub use network::Network;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::dialect::openai::errors::ApiError;

/// Headers in which other gateways and SDKs carry a key; here they are only named in the refusal.
const OTHER_CARRIERS: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];

/// The caller's key, hashed. Refuses a missing, doubled, malformed or mistyped key without any look-up.
pub fn authenticate(headers: &HeaderMap) -> Result<KeyHash, ApiError> {
    let mut carried = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = carried.next() else {
        return Err(missing(headers));
    };
    if carried.next().is_some() {
        return Err(unauthorized(
            "The request carries more than one Authorization header; send exactly one.",
        ));
    }
    let key = bearer(value.as_bytes()).ok_or_else(|| {
        unauthorized("The Authorization header must read 'Bearer', one space, and an API key that begins with 'hw_'.")
    })?;
    if !key::plausible(key) {
        return Err(unauthorized(
            "The API key is mistyped or cut: its checksum does not match. Copy it again, or create a new one with 'headworks keys create'.",
        ));
    }
    Ok(hash(key))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    let key = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !key.is_empty() && key.len() <= 512).then_some(key)
}

fn missing(headers: &HeaderMap) -> ApiError {
    match OTHER_CARRIERS.iter().find(|name| headers.contains_key(**name)) {
        Some(name) => unauthorized(&format!(
            "The API key came in the header '{name}'; send it as 'Authorization: Bearer hw_…' instead."
        )),
        None => unauthorized("No API key: send it in the header 'Authorization: Bearer hw_…'."),
    }
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::new(401, "invalid_request_error", "invalid_api_key", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_foreign_key_is_hashed_as_it_stands() {
        let found = authenticate(&headers(&[("authorization", "Bearer sk-other-gateway")])).unwrap();
        assert_eq!(found, hash(b"sk-other-gateway"));
    }

    #[test]
    fn the_wrong_header_is_named() {
        let refused = authenticate(&headers(&[("x-api-key", "hw_sk_x")])).unwrap_err();
        assert!(refused.message.contains("x-api-key"), "{}", refused.message);
        assert_eq!(refused.status, 401);
    }

    #[test]
    fn two_credentials_are_refused() {
        let two = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert!(authenticate(&headers(&two)).is_err());
    }

    #[test]
    fn a_mistyped_key_never_reaches_a_look_up() {
        let refused = authenticate(&headers(&[("authorization", "Bearer hw_sk_0000")])).unwrap_err();
        assert!(refused.message.contains("checksum"));
    }
}
