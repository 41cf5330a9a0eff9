//! Counts of what leases and reservations did, for the metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Tally {
    /// Reservations that have not ended.
    pub open: AtomicI64,
    /// Requests that had to wait for a lease.
    pub waits: AtomicU64,
    /// Grants, and nanodollars of them.
    pub grants: AtomicU64,
    pub granted: AtomicU64,
    /// Nanodollars that were given back.
    pub returned: AtomicU64,
    /// Nanodollars of charge that no lease covered: what requests used beyond their worst case.
    pub overshoot: AtomicU64,
    /// Requests whose output limit was lowered to what their budget could pay.
    pub clipped: AtomicU64,
    /// Streams that were ended because their budget was.
    pub cut_short: AtomicU64,
    /// Requests that had to wait for a share of a limit.
    pub share_waits: AtomicU64,
    /// Answers that made a share larger.
    pub shares: AtomicU64,
    /// Shares of which the rest was given back because others wanted it.
    pub share_recalls: AtomicU64,
}

pub fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
