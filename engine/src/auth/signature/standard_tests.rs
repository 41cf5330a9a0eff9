//! The examples of RFC 9421.
#![allow(clippy::unwrap_used, reason = "tests")]

use http::{HeaderMap, HeaderName, Method, Uri};
use sfv::{BareItem, FieldType, ListEntry};

use super::claim::{SIGNATURE, SIGNATURE_INPUT, dictionary};
use super::{Claim, Message, SigningSecret};

/// Appendix B.1.5, `test-shared-secret`: uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==
const SECRET: [u8; 64] = [
    0xbb, 0x3b, 0xc9, 0x7c, 0x1e, 0x2e, 0xdc, 0xdd, 0x09, 0xcb, 0x84, 0xfb, 0x35, 0x9e, 0xf9, 0x30, 0x35, 0x5c, 0xaf,
    0xcc, 0xd2, 0x4c, 0x89, 0xde, 0x74, 0x9b, 0x64, 0x81, 0xcb, 0xb8, 0xe9, 0x85, 0xb8, 0x5c, 0x1c, 0xb3, 0x34, 0x98,
    0xf1, 0x05, 0xdb, 0x63, 0x52, 0x47, 0x49, 0x3c, 0x1b, 0x5b, 0x98, 0x78, 0x48, 0x0e, 0x2e, 0xa9, 0x72, 0x5f, 0x23,
    0xb1, 0xab, 0x23, 0x95, 0x33, 0x2d, 0x0d,
];

/// Appendix B.2, `test-request`.
fn request() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        (
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("content-length", "18"),
    ] {
        headers.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

/// As `claim` reads it, without what only we ask for.
fn claim_of(headers: &HeaderMap, label: &str) -> Claim {
    let inputs = dictionary(headers, &SIGNATURE_INPUT).unwrap();
    let Some(ListEntry::InnerList(input)) = inputs.get(label) else {
        panic!("no {label}");
    };
    let signature = match dictionary(headers, &SIGNATURE).unwrap().get(label) {
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => bytes.clone(),
            _ => panic!("no bytes"),
        },
        _ => Vec::new(),
    };
    let names = input.items.iter().map(|item| match &item.bare_item {
        BareItem::String(name) => name.as_str().to_owned(),
        _ => panic!("no string"),
    });
    Claim {
        key: [0; 32],
        nonce: String::new(),
        created: 0,
        expires: None,
        components: names.collect(),
        params: vec![ListEntry::InnerList(input.clone())].serialize().unwrap(),
        signature,
    }
}

fn message<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Message<'a> {
    Message {
        method: &Method::POST,
        is_https: true,
        uri,
        headers,
        has_body: true,
    }
}

/// Appendix B.2.5, "Signing a Request Using hmac-sha256".
#[test]
fn a_signature_of_the_standard_fits() {
    let mut headers = request();
    headers.insert(
        SIGNATURE_INPUT,
        r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#
            .parse()
            .unwrap(),
    );
    headers.insert(
        SIGNATURE,
        "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"
            .parse()
            .unwrap(),
    );
    let uri: Uri = "/foo?param=Value&Pet=dog".parse().unwrap();
    let claim = claim_of(&headers, "sig-b25");
    let expected = concat!(
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n",
        "\"@authority\": example.com\n",
        "\"content-type\": application/json\n",
        "\"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
    );
    let base = message(&headers, &uri).base(&claim).unwrap();
    assert_eq!(String::from_utf8(base).unwrap(), expected);
    let secrets = [SigningSecret::of(&SECRET)];
    claim.is_made_by(&secrets, &message(&headers, &uri), 0).unwrap();

    let others = [SigningSecret::of(&SECRET[1..])];
    let refused = claim.is_made_by(&others, &message(&headers, &uri), 0).unwrap_err();
    assert_eq!(refused.code, "signature_invalid");
    headers.insert("date", "Tue, 20 Apr 2021 02:07:56 GMT".parse().unwrap());
    assert!(claim.is_made_by(&secrets, &message(&headers, &uri), 0).is_err());
}

/// Section 2.5, with the components that requests have besides.
#[test]
fn a_base_of_the_standard_is_made() {
    let mut headers = request();
    headers.insert(
        SIGNATURE_INPUT,
        concat!(
            r#"sig1=("@method" "@authority" "@path" "content-digest" "content-length" "content-type")"#,
            r#";created=1618884473;keyid="test-key-rsa-pss""#
        )
        .parse()
        .unwrap(),
    );
    headers.insert(SIGNATURE, "other=:AAAA:".parse().unwrap());
    let uri: Uri = "/foo?param=Value&Pet=dog".parse().unwrap();
    let base = message(&headers, &uri).base(&claim_of(&headers, "sig1")).unwrap();
    let expected = concat!(
        "\"@method\": POST\n",
        "\"@authority\": example.com\n",
        "\"@path\": /foo\n",
        "\"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n",
        "\"content-length\": 18\n",
        "\"content-type\": application/json\n",
        "\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-length\" \"content-type\")",
        ";created=1618884473;keyid=\"test-key-rsa-pss\"",
    );
    assert_eq!(String::from_utf8(base).unwrap(), expected);
}

/// Sections 2.1 and 2.2: what each component is made of.
#[test]
fn derived_components_are_those_of_the_standard() {
    let mut headers = HeaderMap::new();
    headers.insert("host", "WWW.Example.com:443".parse().unwrap());
    headers.append("cache-control", "  max-age=60 ".parse().unwrap());
    headers.append("cache-control", "   must-revalidate".parse().unwrap());
    headers.insert("empty-header", "".parse().unwrap());
    let lines = |names: &str, uri: &str, is_https: bool, headers: &HeaderMap| {
        let mut headers = headers.clone();
        headers.insert(SIGNATURE_INPUT, format!("s=({names})").parse().unwrap());
        let uri: Uri = uri.parse().unwrap();
        let message = Message {
            is_https,
            ..message(&headers, &uri)
        };
        let base = String::from_utf8(message.base(&claim_of(&headers, "s")).unwrap()).unwrap();
        base.split("\n\"@signature-params\"").next().unwrap().to_owned()
    };
    for (name, uri, expected) in [
        ("@authority", "/", "www.example.com"),
        ("@scheme", "/", "https"),
        (
            "@target-uri",
            "/path?param=value",
            "https://www.example.com/path?param=value",
        ),
        ("@request-target", "/path?param=value", "/path?param=value"),
        ("@path", "/path?param=value", "/path"),
        (
            "@query",
            "/path?param=value&foo=bar&baz=bat%2Dman",
            "?param=value&foo=bar&baz=bat%2Dman",
        ),
        ("@query", "/path?queryString", "?queryString"),
        ("@query", "/path", "?"),
        ("@query", "/path?", "?"),
        // HTTP/2 carries the host in the address.
        ("@authority", "https://Other.example:8443/path", "other.example:8443"),
        ("cache-control", "/", "max-age=60, must-revalidate"),
        ("empty-header", "/", ""),
    ] {
        let line = lines(&format!("\"{name}\""), uri, true, &headers);
        assert_eq!(line, format!("\"{name}\": {expected}"), "{uri}");
    }
    assert_eq!(
        lines("\"@authority\"", "/", false, &headers),
        "\"@authority\": www.example.com:443"
    );
}
