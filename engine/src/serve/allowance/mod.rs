//! Whether the limits and budgets of a request's flow let it in, and what its caller is told of them.

mod headers;
mod moment;
mod refusals;
mod worst;

use std::sync::Arc;

use http::HeaderMap;

use super::Gateway;
use super::intake::Intake;
use super::refusal::Refused;
use crate::flow::{Endpoint, Flow};
use crate::limit::{Reservation, Standing};
use crate::meter::RequestId;

/// What a request was let in with.
pub struct Allowance {
    pub reservation: Box<Reservation>,
    pub shown: Box<Shown>,
}

/// What its response says of it.
pub struct Shown {
    standings: Vec<Standing>,
    /// The limit on the length of the answer that it got instead of its own.
    clipped: Option<u64>,
}

impl Shown {
    pub fn put(&self, headers: &mut HeaderMap) {
        headers::put(headers, &self.standings, self.clipped);
    }
}

/// Sets aside what the request may use at most. A body whose answer can't be paid for in full asks for a shorter one.
pub async fn reserve(
    gateway: &Gateway,
    flow: &Arc<Flow>,
    endpoint: Endpoint,
    intake: &mut Intake,
    id: RequestId,
) -> Result<Allowance, Refused> {
    let mut worst = worst::of(flow, endpoint, intake, gateway.settings.unknown_output_tokens);
    let asked = worst;
    let limiter = &gateway.limiter;
    let closer = async || worst::closer_input(flow, intake, &asked).await;
    let reserved = limiter.reserve(flow, &mut worst, id.text().as_str(), closer).await;
    let now = std::time::Instant::now();
    let reservation = reserved.map_err(|denied| {
        let mut refused = refusals::of(gateway, flow, denied);
        let more = refused.more.get_or_insert_default();
        headers::list(&mut more.headers, &limiter.standings(flow, now));
        refused
    })?;
    let is_bounded = asked.is_guess && !worst.is_guess;
    let clipped = (is_bounded || worst.output < asked.output).then_some(worst.output);
    if let Some(tokens) = clipped {
        intake.clip(worst::limit_field(endpoint), tokens);
    }
    Ok(Allowance {
        reservation: Box::new(reservation),
        shown: Box::new(Shown {
            standings: limiter.standings(flow, now),
            clipped,
        }),
    })
}
