//! Signatures of requests: whatever their headers hold, reading them ends, stays within its bounds, and nobody signs by chance.

#![no_main]

use headworks_fuzz::auth::signature::{BodyDigest, Message, Signing, claim};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;

const SIGNING: &str = r#"{"secrets":[{"value":"a secret of 64 bits and more","until":null}]}"#;
const NAMES: [HeaderName; 3] = [
    HeaderName::from_static("signature-input"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("content-digest"),
];

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    // A line for each header, in turn.
    for (line, name) in data.split(|byte| *byte == b'\n').zip(NAMES.iter().cycle()).take(12) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name.clone(), value);
        }
    }
    let _ = BodyDigest::of(&headers);
    let Ok(Some(claim)) = claim(&headers) else {
        return;
    };
    assert!((16..=64).contains(&claim.nonce.len()));
    let uri = Uri::from_static("/v1/chat/completions?a=b");
    let message = Message {
        method: &Method::POST,
        is_https: false,
        uri: &uri,
        headers: &headers,
        has_body: true,
    };
    let covered = claim.check_coverage(&message);
    let _ = claim.check_time(1_700_000_000, 300, 0);
    let digest = claim.digest(&message);
    if covered.is_ok() {
        // What is covered is there to be read, or is refused.
        assert!(digest.map_or(true, |digest| digest.is_some()));
    }
    if let Ok(signing) = serde_json::from_str::<Signing>(SIGNING) {
        assert!(claim.is_made_by(&signing.secrets, &message, 0).is_err());
    }
});
