//! Which headers cross the gateway, and in which direction.

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::refusal::X_REQUEST_ID;
use crate::flow::Target;
use crate::meter::RequestId;

/// RFC 9110 §7.6.1, and what intermediaries treat alike.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Credentials, what identifies the caller to us alone, and what we set ourselves.
fn stays_with_us(name: &HeaderName) -> bool {
    *name == AUTHORIZATION
        || *name == HOST
        || *name == CONTENT_LENGTH
        || *name == ACCEPT_ENCODING
        || *name == COOKIE
        || *name == EXPECT
        || *name == FORWARDED
        || *name == X_REQUEST_ID
        || {
            let name = name.as_str();
            name.starts_with("x-forwarded-")
                || name.starts_with("x-headworks-")
                || matches!(
                    name,
                    // The account's choice is ours, with the credential.
                    "openai-organization" | "openai-project" | "x-api-key" | "api-key" | "x-goog-api-key" | "x-real-ip"
                    // Made for the request as it came to us; what goes on names another host, key and model.
                        | "signature" | "signature-input" | "content-digest"
                )
        }
}

/// The headers of the request to `target`.
pub fn upstream(from: &HeaderMap, target: &Target, id: RequestId) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(from.len() + 4);
    headers.insert(HOST, target.origin.host_header.clone());
    let listed = connection_options(from);
    for (name, value) in from {
        if !is_hop_by_hop(name) && !stays_with_us(name) && !listed.iter().any(|option| option == name.as_str()) {
            headers.append(name.clone(), value.clone());
        }
    }
    // A compressed stream could not be read on its way.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(X_REQUEST_ID, id.text().header());
    if let Some(credential) = &target.credential {
        headers.insert(credential.header.clone(), credential.value.clone());
    }
    headers
}

/// Headers that the `Connection` header declares to be for one hop only.
fn connection_options(headers: &HeaderMap) -> Vec<String> {
    let mut options = Vec::new();
    for value in headers.get_all(http::header::CONNECTION) {
        let text = value.to_str().unwrap_or_default();
        if !text.eq_ignore_ascii_case("keep-alive") && !text.eq_ignore_ascii_case("close") {
            options.extend(text.split(',').map(|option| option.trim().to_ascii_lowercase()));
        }
    }
    options
}

pub const X_UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// Takes away what is the upstream's affair; its request id goes on under another name.
pub fn downstream(headers: &mut HeaderMap) {
    const DROPPED: [&str; 20] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "set-cookie",
        "server",
        "date",
        "via",
        "alt-svc",
        "strict-transport-security",
        "openai-organization",
        "openai-project",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-allow-credentials",
        "report-to",
    ];
    let present = headers.keys().any(|name| DROPPED.contains(&name.as_str()));
    if present {
        for name in DROPPED {
            headers.remove(name);
        }
    }
    if let Some(id) = headers.remove(X_REQUEST_ID) {
        headers.insert(X_UPSTREAM_REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        serde_json::from_str(
            r#"{"deployment_id":"d","provider_id":"p","dialect":"openai","base_url":"http://up:1/v1","upstream_model":null,
            "credential":{"id":"c","value":"Bearer theirs","header":"authorization"},"weight":1,"stream_usage":true,"private_network":true}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_callers_credentials_stay_and_ours_go() {
        let mut from = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer hw_caller"),
            ("cookie", "session=1"),
            ("x-api-key", "hw_caller"),
            ("openai-organization", "org-other"),
            ("host", "gateway"),
            ("x-forwarded-for", "6.6.6.6"),
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("openai-beta", "assistants=v2"),
            ("x-new-header", "kept"),
        ] {
            from.append(name, value.parse().unwrap());
        }
        let headers = upstream(&from, &target(), RequestId::generate());
        assert!(!format!("{:?}", headers.values().collect::<Vec<_>>()).contains("hw_caller"));
        assert_eq!(headers["authorization"], "Bearer theirs");
        assert_eq!(headers["host"], "up:1");
        for gone in [
            "cookie",
            "x-api-key",
            "openai-organization",
            "x-forwarded-for",
            "connection",
            "x-private",
        ] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
        assert_eq!(headers["openai-beta"], "assistants=v2");
        assert_eq!(headers["x-new-header"], "kept");
    }

    #[test]
    fn the_upstreams_request_id_is_renamed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "theirs".parse().unwrap());
        headers.insert("set-cookie", "a=b".parse().unwrap());
        headers.insert("x-ratelimit-remaining-requests", "9".parse().unwrap());
        downstream(&mut headers);
        assert_eq!(headers["x-upstream-request-id"], "theirs");
        assert_eq!(headers.len(), 2);
    }
}
