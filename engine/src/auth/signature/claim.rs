//! What a request says of its signature: `Signature-Input` and `Signature`, read within narrow bounds.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parameters, Parser};

use super::{KeyHash, Message, SigningSecret, invalid, refused, signer_hash};
use crate::dialect::openai::errors::ApiError;

pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// Bounds on what is read before anything is proven.
const FIELD_BYTES: usize = 8 * 1024;
const SIGNATURES: usize = 8;
const COMPONENTS: usize = 32;
const KEY_ID_BYTES: usize = 64;
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Key ids of ours begin so. Whoever signs for others as well (a proxy, a bot that says who it is) has other ids.
const KEY_ID_PREFIX: &str = "key_";
const ALGORITHM: &str = "hmac-sha256";

/// A request's claim that one of our keys signed it. Nothing of it is proven yet.
#[derive(Debug)]
pub struct Claim {
    /// What its key is known by: `signer_hash` of the keyid.
    pub key: KeyHash,
    pub nonce: String,
    /// Unix seconds, as all times here.
    pub(super) created: u64,
    pub(super) expires: Option<u64>,
    pub(super) components: Vec<String>,
    /// The value of `@signature-params`.
    pub(super) params: String,
    pub(super) signature: Vec<u8>,
}

/// The first signature in the request whose keyid is one of ours; None where there is none and a bearer is sent instead.
pub fn claim(headers: &HeaderMap) -> Result<Option<Claim>, ApiError> {
    if !headers.contains_key(SIGNATURE_INPUT) {
        return Ok(None);
    }
    let has_bearer = headers.contains_key(AUTHORIZATION);
    match read(headers) {
        Ok(Some(_)) if has_bearer => Err(ApiError::new(
            400,
            "invalid_request_error",
            "two_credentials",
            "The request is signed with a key and carries an Authorization header as well; send one of them.",
        )),
        Ok(None) | Err(_) if has_bearer => Ok(None),
        Ok(None) => Err(malformed(
            "No signature has a keyid that begins with 'key_'; set it to the id of a signing key.",
        )),
        claimed => claimed,
    }
}

impl Claim {
    /// Whether this secret made the signature over this request.
    pub fn is_made_by(&self, secrets: &[SigningSecret], message: &Message<'_>, now: u64) -> Result<(), ApiError> {
        let base = message.base(self)?;
        let fits = |secret: &SigningSecret| secret.has_made(&self.signature, &base, now);
        if secrets.iter().any(fits) {
            Ok(())
        } else {
            Err(invalid())
        }
    }

    /// When it can be repeated no more, so that its nonce need be remembered no longer.
    pub fn is_over_at(&self, window: u64) -> u64 {
        self.created.saturating_add(window).saturating_add(1)
    }

    /// `window`: how far from our clock it may have been made; `since`: when nonces began to be remembered.
    pub fn check_time(&self, now: u64, window: u64, since: u64) -> Result<(), ApiError> {
        let expired = |what: &str| Err(refused("signature_expired", what));
        if self.created.abs_diff(now) > window {
            return expired(&format!(
                "The signature's 'created' is {} s from the gateway's clock, and {window} s are allowed. Set the clock right, and \
                 sign each request when it is sent.",
                self.created.abs_diff(now)
            ));
        }
        if self.created < since {
            return expired(
                "The signature is older than this gateway's start, before which it knows no nonces. Sign the request again.",
            );
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return expired("The signature's 'expires' has passed. Sign the request again.");
        }
        Ok(())
    }
}

fn read(headers: &HeaderMap) -> Result<Option<Claim>, ApiError> {
    let inputs = dictionary(headers, &SIGNATURE_INPUT)?;
    let ours = inputs.iter().find_map(|(label, entry)| match entry {
        ListEntry::InnerList(input) if key_id(&input.params).is_some() => Some((label, input)),
        _ => None,
    });
    let Some((label, input)) = ours else {
        return Ok(None);
    };
    let signatures = dictionary(headers, &SIGNATURE)?;
    let Some(ListEntry::Item(signature)) = signatures.get(label) else {
        return Err(malformed(
            "The header 'signature' has no member with the label of the one in 'signature-input'.",
        ));
    };
    let BareItem::ByteSequence(signature) = &signature.bare_item else {
        return Err(malformed("The signature must be a byte sequence, as ':base64:'."));
    };
    claimed(input, signature.clone()).map(Some)
}

fn claimed(input: &InnerList, signature: Vec<u8>) -> Result<Claim, ApiError> {
    let params = &input.params;
    if params.get("alg").is_some_and(|alg| text(alg) != Some(ALGORITHM)) {
        return Err(malformed("The parameter 'alg' must be \"hmac-sha256\", or left out."));
    }
    let key_id = key_id(params).filter(|id| id.len() <= KEY_ID_BYTES);
    let key = signer_hash(key_id.ok_or_else(|| malformed("The parameter 'keyid' is too long to be the id of a key."))?);
    let created = time(params, "created")?
        .ok_or_else(|| malformed("The parameter 'created' is missing: the time of signing, in Unix seconds."))?;
    let nonce = params.get("nonce").and_then(text).unwrap_or_default();
    if !NONCE_BYTES.contains(&nonce.len()) {
        return Err(malformed(
            "The parameter 'nonce' must be a string of 16 to 64 characters that no other request had.",
        ));
    }
    Ok(Claim {
        key,
        nonce: nonce.to_owned(),
        created,
        expires: time(params, "expires")?,
        components: components(input)?,
        params: vec![ListEntry::InnerList(input.clone())]
            .serialize()
            .ok_or_else(|| malformed("The header 'signature-input' cannot be read."))?,
        signature,
    })
}

fn components(input: &InnerList) -> Result<Vec<String>, ApiError> {
    if input.items.len() > COMPONENTS {
        return Err(malformed(&format!("At most {COMPONENTS} components can be covered.")));
    }
    let mut names: Vec<String> = Vec::with_capacity(input.items.len());
    for item in &input.items {
        let name = text(&item.bare_item).ok_or_else(|| malformed("Covered components are strings."))?;
        if !item.params.is_empty() {
            return Err(not_supported(name, "with parameters"));
        }
        if names.iter().any(|other| other == name) {
            return Err(malformed(&format!(
                "The component \"{}\" is covered twice.",
                shown(name)
            )));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

pub(super) fn not_supported(name: &str, how: &str) -> ApiError {
    let message = format!(
        "The component \"{}\" {how} is not supported; cover @method, @authority, @path, @query, content-digest and headers.",
        shown(name)
    );
    refused("component_not_supported", &message)
}

/// What a caller wrote, short enough to be said again.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

fn key_id(params: &Parameters) -> Option<&str> {
    params
        .get("keyid")
        .and_then(text)
        .filter(|id| id.starts_with(KEY_ID_PREFIX))
}

fn text(value: &BareItem) -> Option<&str> {
    match value {
        BareItem::String(text) => Some(text.as_str()),
        _ => None,
    }
}

fn time(params: &Parameters, name: &str) -> Result<Option<u64>, ApiError> {
    match params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) if i64::from(*seconds) >= 0 => Ok(Some(i64::from(*seconds).unsigned_abs())),
        Some(_) => Err(malformed(&format!(
            "The parameter '{name}' must be a time in Unix seconds."
        ))),
    }
}

/// A header that is a dictionary of structured fields (RFC 9651), on however many lines.
pub(super) fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, ApiError> {
    let field = joined(headers, name);
    let unreadable = || {
        malformed(&format!(
            "The header '{name}' is not a dictionary of structured fields (RFC 9651)."
        ))
    };
    if field.len() > FIELD_BYTES {
        return Err(malformed(&format!(
            "The header '{name}' is longer than {FIELD_BYTES} bytes."
        )));
    }
    let found: Dictionary = Parser::new(&*field).parse().map_err(|_| unreadable())?;
    if found.len() > SIGNATURES {
        return Err(malformed(&format!(
            "The header '{name}' has more than {SIGNATURES} members."
        )));
    }
    Ok(found)
}

/// As RFC 9421 §2.1 has it: without the space around each line's value, lines apart by a comma and a space.
pub(super) fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, [u8]> {
    let mut lines = headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii());
    let first = lines.next().unwrap_or_default();
    let mut whole = Cow::Borrowed(first);
    for line in lines {
        whole.to_mut().extend_from_slice(b", ");
        whole.to_mut().extend_from_slice(line);
    }
    whole
}

pub(super) fn malformed(what: &str) -> ApiError {
    refused("signature_malformed", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "0123456789abcdef";

    fn read_from(input: &str, signature: &str, more: &[(&'static str, &str)]) -> Result<Option<Claim>, ApiError> {
        let mut headers = HeaderMap::new();
        headers.append(SIGNATURE_INPUT, input.parse().unwrap());
        headers.append(SIGNATURE, signature.parse().unwrap());
        for (name, value) in more {
            headers.append(*name, value.parse().unwrap());
        }
        claim(&headers)
    }

    fn good() -> String {
        format!("sig=(\"@method\");created=1700000000;keyid=\"key_1\";nonce=\"{NONCE}\"")
    }

    #[test]
    fn without_its_header_there_is_no_claim() {
        assert!(claim(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_claim_says_who_signed_what_and_when() {
        let claim = read_from(&good(), "sig=:AAAA:", &[]).unwrap().unwrap();
        assert_eq!(claim.key, signer_hash("key_1"));
        assert_eq!((claim.created, claim.nonce.as_str()), (1_700_000_000, NONCE));
        assert_eq!(claim.components, ["@method"]);
        assert_eq!(claim.params, good().strip_prefix("sig=").unwrap());
    }

    #[test]
    fn parameters_are_said_again_in_their_order_and_in_one_way() {
        let odd = format!("  sig=( \"@method\"   \"x\" );nonce=\"{NONCE}\"; tag=\"t\";created=01;keyid=\"key_1\"");
        let claim = read_from(&odd, "sig=:AAAA:", &[]).unwrap().unwrap();
        assert_eq!(
            claim.params,
            format!("(\"@method\" \"x\");nonce=\"{NONCE}\";tag=\"t\";created=1;keyid=\"key_1\"")
        );
    }

    #[test]
    fn the_first_signature_of_ours_is_taken() {
        let several = format!(
            "proxy=(\"@method\");keyid=\"theirs\", {}, second=(\"@path\");created=1;keyid=\"key_2\";nonce=\"{NONCE}\"",
            good()
        );
        let claim = read_from(&several, "second=:AAAA:, sig=:BBBB:, proxy=:CCCC:", &[])
            .unwrap()
            .unwrap();
        assert_eq!(claim.key, signer_hash("key_1"));
        assert_eq!(claim.signature, [4, 16, 65]);
        // On lines of their own, as headers are added by who passes a request on.
        let second = [
            ("signature-input", "more=(\"@path\");keyid=\"key_2\""),
            ("signature", "more=:CCCC:"),
        ];
        let claim = read_from(&good(), "sig=:BBBB:", &second).unwrap().unwrap();
        assert_eq!(claim.key, signer_hash("key_1"));
    }

    #[test]
    fn beside_a_bearer_only_a_signature_of_ours_is_one_credential_too_many() {
        let bearer = [("authorization", "Bearer hw_sk_x")];
        assert_eq!(
            read_from(&good(), "sig=:AAAA:", &bearer).unwrap_err().code,
            "two_credentials"
        );
        for input in ["bot=(\"@authority\");keyid=\"their-own\"", "not a dictionary", "sig=1"] {
            assert!(read_from(input, "x", &bearer).unwrap().is_none(), "{input}");
        }
    }

    /// What is wrong, and a part of what is said of it.
    #[test]
    fn what_cannot_be_read_is_refused_and_named() {
        let with = |from: &str, to: &str| good().replace(from, to);
        let many: Vec<String> = (0..COMPONENTS).map(|number| format!("\"x{number}\"")).collect();
        let members: Vec<String> = (0..SIGNATURES).map(|number| format!("s{number}=1")).collect();
        for (input, signature, said) in [
            (String::new(), "sig=:AAAA:", "begins with 'key_'"),
            ("sig=(".into(), "sig=:AAAA:", "not a dictionary"),
            ("sig=(\"@method\")".into(), "sig=:AAAA:", "begins with 'key_'"),
            (with("key_1", "theirs"), "sig=:AAAA:", "begins with 'key_'"),
            (with("\"key_1\"", "key_1"), "sig=:AAAA:", "begins with 'key_'"),
            (
                with("key_1", &format!("key_{}", "1".repeat(61))),
                "sig=:AAAA:",
                "'keyid' is too long",
            ),
            (good(), "other=:AAAA:", "label"),
            (good(), "sig=\"AAAA\"", "byte sequence"),
            (good(), "sig=(:AAAA:)", "label"),
            (good(), "sig=:A*AA:", "not a dictionary"),
            (with("created=1700000000;", ""), "sig=:AAAA:", "'created' is missing"),
            (with("1700000000", "1.5"), "sig=:AAAA:", "'created' must be"),
            (with("1700000000", "-1"), "sig=:AAAA:", "'created' must be"),
            (with("1700000000", "\"now\""), "sig=:AAAA:", "'created' must be"),
            (
                with("1700000000", "1;expires=\"never\""),
                "sig=:AAAA:",
                "'expires' must be",
            ),
            (with("1700000000", "9999999999999999"), "sig=:AAAA:", "not a dictionary"),
            (with(NONCE, "short"), "sig=:AAAA:", "'nonce' must be"),
            (with(NONCE, &"n".repeat(65)), "sig=:AAAA:", "'nonce' must be"),
            (
                with(&format!(";nonce=\"{NONCE}\""), ""),
                "sig=:AAAA:",
                "'nonce' must be",
            ),
            (
                with(&format!("\"{NONCE}\""), ":MDEyMzQ1Njc4OWFiY2RlZg==:"),
                "sig=:AAAA:",
                "'nonce' must be",
            ),
            (
                with("created", "alg=\"ed25519\";created"),
                "sig=:AAAA:",
                "'alg' must be",
            ),
            (
                with("\"@method\"", "\"@method\" \"@method\""),
                "sig=:AAAA:",
                "covered twice",
            ),
            (with("\"@method\"", "method"), "sig=:AAAA:", "are strings"),
            (
                with("\"@method\"", &format!("\"@method\" {}", many.join(" "))),
                "sig=:AAAA:",
                "At most 32",
            ),
            (
                format!("{}, {}", good(), members.join(", ")),
                "sig=:AAAA:",
                "more than 8 members",
            ),
            (
                with(NONCE, &"n".repeat(FIELD_BYTES)),
                "sig=:AAAA:",
                "longer than 8192 bytes",
            ),
            (
                good(),
                &format!("sig=:{}:", "AAAA".repeat(FIELD_BYTES / 4)),
                "longer than 8192 bytes",
            ),
        ] {
            let refused = read_from(&input, signature, &[]).unwrap_err();
            assert_eq!(
                (refused.status, refused.code.as_str()),
                (401, "signature_malformed"),
                "{input}"
            );
            assert!(refused.message.contains(said), "{input}: {}", refused.message);
        }
    }

    #[test]
    fn parameters_of_components_are_not_supported() {
        let parameters = good().replace("\"@method\"", "\"x\";sf");
        let refused = read_from(&parameters, "sig=:AAAA:", &[]).unwrap_err();
        assert_eq!(refused.code, "component_not_supported");
    }

    #[test]
    fn a_signature_has_its_time() {
        let claim = read_from(
            &good().replace(";nonce", ";expires=1700000100;nonce"),
            "sig=:AAAA:",
            &[],
        )
        .unwrap()
        .unwrap();
        let check = |now, since| claim.check_time(now, 300, since);
        assert!(check(1_700_000_000, 0).is_ok());
        assert!(check(1_699_999_700, 0).is_ok(), "300 s ahead");
        assert!(check(1_700_000_099, 1_700_000_000).is_ok());
        for (now, since, said) in [
            (1_699_999_699, 0, "301 s from"),
            (1_700_000_301, 0, "301 s from"),
            (1_700_000_100, 0, "'expires' has passed"),
            (1_700_000_002, 1_700_000_001, "start"),
        ] {
            let refused = check(now, since).unwrap_err();
            assert_eq!(refused.code, "signature_expired");
            assert!(refused.message.contains(said), "{}", refused.message);
        }
        assert_eq!(claim.is_over_at(300), 1_700_000_301);
    }
}
