//! What requests are held to: what this process may hold at once, how often strangers may try, and the limits and
//! budgets that come with a flow.
//!
//! A request *reserves* its worst case on all limits and budgets of its flow, or on none, and *settles* with what it
//! used, however it ends. Limits are counted here, up to this gateway's *share* of each where there are several gateways;
//! budgets are drawn from *leases*, slices that the ledger grants for a term. So a known flow asks nobody.

mod bodies;
mod clock;
mod demand;
mod keeper;
mod leases;
mod limiter;
mod pool;
mod reservation;
mod rules;
mod samples;
mod share;
mod sharing;
mod short;
mod slots;
mod strangers;
mod tally;
#[cfg(test)]
mod tests;
mod window;
mod worst;

pub use bodies::{BodyBudget, Held};
pub use clock::Clock;
pub use limiter::Limiter;
pub use pool::Pool;
pub use reservation::{Reservation, Used};
pub use rules::{Budget, Count, Gauge, Limit, Unit};
pub use share::{Share, Told};
pub use short::{Denied, LimitDenied, Short, Standing};
pub use slots::Slots;
pub use strangers::Strangers;
pub use tally::Tally;
pub use window::{Full, Window};
pub use worst::{IMAGE_TOKENS, Media, Worst};
