//! `x-ratelimit-*`, as OpenAI sends them (<https://platform.openai.com/docs/guides/rate-limits>): of the fullest limit.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::moment::span;
use crate::limit::{Standing, Unit};

/// The limit on the length of the answer that took the place of the caller's, because no more could be paid for.
pub const X_CLIPPED: HeaderName = HeaderName::from_static("x-headworks-max-tokens");

const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// An upstream's own go: they are of another account's limits.
pub fn put(headers: &mut HeaderMap, standings: &[Standing], clipped: Option<u64>) {
    for name in REQUESTS.iter().chain(&TOKENS) {
        headers.remove(name);
    }
    let mut ours = Vec::new();
    list(&mut ours, standings);
    headers.extend(ours);
    if let Some(tokens) = clipped {
        headers.insert(X_CLIPPED, HeaderValue::from(tokens));
    }
}

pub fn list(headers: &mut Vec<(HeaderName, HeaderValue)>, standings: &[Standing]) {
    for standing in standings {
        let [limit, remaining, reset] = match standing.unit {
            Unit::Requests => &REQUESTS,
            Unit::Tokens => &TOKENS,
            Unit::Spend | Unit::Concurrent => continue,
        };
        headers.push((limit.clone(), HeaderValue::from(standing.limit)));
        headers.push((remaining.clone(), HeaderValue::from(standing.remaining)));
        if let Ok(span) = HeaderValue::try_from(span(standing.reset)) {
            headers.push((reset.clone(), span));
        }
    }
}
