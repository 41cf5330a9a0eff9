//! Who signed a request: its signature is verified before its body is read, and the body before anything is done with it.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http_body::Body;
use hyper::body::Incoming;

use super::refusal::Refused;
use super::{Gateway, Peer, client, inference, stranger};
use crate::auth::KeyHash;
use crate::auth::signature::{self, BodyDigest, Claim, Message, Nonce, NonceMemory, Nonces, Taken};
use crate::dialect::openai::errors::ApiError;
use crate::flow::{Endpoint, Verdict};
use crate::meter::{RequestId, now_us};

/// A body up to this size is hashed where it was read; a longer one would keep other requests of its thread waiting.
const HASHED_AT_ONCE: usize = 64 * 1024;
const SECOND_US: u64 = 1_000_000;

/// What is asked of signatures besides that they fit.
pub struct Signatures {
    /// How far from our clock one may have been made, in seconds.
    window: u64,
    /// When nonces began to be remembered.
    since: u64,
    pub nonces: Box<dyn Nonces>,
}

impl Signatures {
    pub fn new(window: u64, nonces: usize) -> Self {
        Self {
            window,
            since: now(),
            nonces: Box::new(NonceMemory::new(nonces)),
        }
    }
}

/// Who has signed a request, and what its body must be.
#[derive(Debug)]
pub struct Signed {
    /// What their key is known by.
    pub key: KeyHash,
    digest: Option<BodyDigest>,
}

impl Signed {
    /// Refuses another body than the one that was signed.
    pub async fn check_body(&self, body: &Bytes) -> Result<(), Refused> {
        // Without one nothing was there to be covered.
        let Some(digest) = self.digest else {
            return Ok(());
        };
        if body.len() <= HASHED_AT_ONCE {
            return Ok(digest.check(body)?);
        }
        let body = body.clone();
        let checked = tokio::task::spawn_blocking(move || digest.check(&body)).await;
        Ok(checked.map_err(|_| Refused::unavailable("overloaded", "The body could not be hashed; try again."))??)
    }
}

/// Who signed the request; None where no key of ours is said to have.
pub async fn signer(
    gateway: &Gateway,
    id: RequestId,
    peer: Peer,
    client: IpAddr,
    parts: &Parts,
    body: &Incoming,
) -> Result<Option<Signed>, Refused> {
    match signature::claim(&parts.headers) {
        Ok(None) => Ok(None),
        Ok(Some(claim)) => {
            let message = Message {
                method: &parts.method,
                is_https: client::is_https(peer, &parts.headers, &gateway.settings.trusted_proxies),
                uri: &parts.uri,
                headers: &parts.headers,
                has_body: !body.is_end_stream(),
            };
            // On the heap: most requests are not signed, and should not carry the room for it.
            Box::pin(verified(gateway, id, client, &claim, &message))
                .await
                .map(Some)
        }
        Err(error) => Err(stranger::counted(gateway, client, error.into())),
    }
}

/// Whoever cannot sign pays a try, as with an unknown key, and hears the same whatever there is.
async fn verified(
    gateway: &Gateway,
    id: RequestId,
    client: IpAddr,
    claim: &Claim,
    message: &Message<'_>,
) -> Result<Signed, Refused> {
    let counted = |error: ApiError| stranger::counted(gateway, client, error.into());
    let (rules, at) = (&gateway.signatures, now());
    claim.check_coverage(message).map_err(counted)?;
    claim.check_time(at, rules.window, rules.since).map_err(counted)?;
    let digest = claim.digest(message).map_err(counted)?;
    stranger::unless_exhausted(gateway, client, &claim.key)?;

    let known = gateway
        .resolver
        .known(&claim.key, Endpoint::Signer, "", id.text().as_str());
    let has_paid = known.is_none();
    let verdict = match known {
        Some(verdict) => verdict,
        None => stranger::ask(gateway, client, &claim.key, Endpoint::Signer, "", id).await?,
    };
    let secrets = match &verdict {
        Verdict::Allowed(flow) => flow.signing.as_ref().map_or(&[][..], |signing| &signing.secrets),
        Verdict::Refused(refusal) if refusal.is_of_the_key() && has_paid => return Err(signature::invalid().into()),
        Verdict::Refused(refusal) if refusal.is_of_the_key() => &[],
        Verdict::Refused(refusal) => return Err(inference::refused(refusal)),
    };
    claim.is_made_by(secrets, message, at).map_err(counted)?;

    let nonce = Nonce {
        key: &claim.key,
        text: &claim.nonce,
        until: claim.is_over_at(rules.window),
    };
    match rules.nonces.take(nonce, at).await {
        Taken::Fresh => Ok(Signed { key: claim.key, digest }),
        Taken::Replayed => Err(counted(signature::replayed())),
        Taken::Full => Err(Refused::unavailable(
            "signature_memory_full",
            "The gateway remembers as many nonces as it may, and takes no signed request that it could not tell from its \
             repetition. Try again in a while; its operator can raise HEADWORKS_SIGNATURE_NONCES.",
        )),
    }
}

/// Unix seconds.
fn now() -> u64 {
    now_us() / SECOND_US
}
