//! Requests with a key that is not known here: how many a source may send. Known keys from the same source pass untouched.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Gateway;
use super::refusal::Refused;
use crate::auth::KeyHash;
use crate::dialect::openai::errors::ApiError;
use crate::flow::{Endpoint, Verdict};
use crate::meter::RequestId;

/// Before the body is read: a source without tries is only listened to with a key that is known.
pub fn unless_exhausted(gateway: &Gateway, client: IpAddr, key: &KeyHash) -> Result<(), Refused> {
    match gateway.strangers.wait(client, Instant::now()) {
        Some(wait) if !gateway.resolver.table.knows(key) => Err(too_many(wait)),
        _ => Ok(()),
    }
}

/// The refusal of a malformed or unknown key, which costs its source a try; or that of a source that has none left.
pub fn counted(gateway: &Gateway, client: IpAddr, refused: Refused) -> Refused {
    match gateway.strangers.take(client, Instant::now()) {
        Ok(()) => refused,
        Err(wait) => too_many(wait),
    }
}

/// Ask the controller. A key that it is not known to know costs a try, which comes back if it does know it.
pub async fn ask(
    gateway: &Gateway,
    client: IpAddr,
    key: &KeyHash,
    endpoint: Endpoint,
    model: &str,
    id: RequestId,
) -> Result<Verdict, Refused> {
    let pays = !gateway.resolver.table.knows(key);
    if pays {
        gateway.strangers.take(client, Instant::now()).map_err(too_many)?;
    }
    let asked = gateway.resolver.asked(key, endpoint, model, id.text().as_str()).await;
    let is_stranger = matches!(&asked, Ok(Verdict::Refused(refusal)) if refusal.is_of_the_key());
    if pays && !is_stranger {
        gateway.strangers.give_back(client, Instant::now());
    }
    asked.map_err(|_| {
        Refused::unavailable(
            "controller_unavailable",
            "The gateway could not look the key up in time; try again in a moment.",
        )
    })
}

fn too_many(wait: Duration) -> Refused {
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    let message = format!(
        "Too many requests with keys that are not known here came from this address; try again in {seconds} s with the right key."
    );
    Refused {
        retry_after_s: Some(seconds),
        ..ApiError::new(429, "rate_limit_error", "too_many_unknown_keys", &message).into()
    }
}
