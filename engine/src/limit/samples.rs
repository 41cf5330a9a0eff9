//! What the metrics tell of limits, shares and leases.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Limiter;
use crate::telemetry::Sample;

impl Limiter {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are doubles")]
    pub fn samples(&self) -> Vec<Sample> {
        let (tally, pools, now_us) = (&self.tally, self.pools(), self.clock.now());
        let sample = |kind, name, help, value: u64| Sample {
            name,
            kind,
            help,
            value: value as f64,
        };
        let gauge = |name, help, value| sample("gauge", name, help, value);
        let counter = |name, help, value: &AtomicU64| sample("counter", name, help, value.load(Ordering::Relaxed));
        let open = u64::try_from(tally.open.load(Ordering::Relaxed)).unwrap_or(0);
        let reserved = pools.iter().map(|pool| pool.reserved()).sum();
        let left = pools.iter().map(|pool| pool.left(now_us)).sum();
        vec![
            gauge(
                "reservations_open",
                "Requests that hold something of a limit or a budget",
                open,
            ),
            gauge(
                "reserved_nanodollars",
                "Set aside on budgets for requests that have not ended",
                reserved,
            ),
            gauge(
                "leased_nanodollars",
                "Left of the leases on budgets, for requests to come",
                left,
            ),
            counter(
                "lease_waits_total",
                "Requests that waited for a lease on a budget",
                &tally.waits,
            ),
            counter("leases_granted_total", "Leases that the ledger granted", &tally.grants),
            counter("leases_granted_nanodollars_total", "What it granted", &tally.granted),
            counter(
                "leases_returned_nanodollars_total",
                "What of it was given back",
                &tally.returned,
            ),
            counter(
                "budget_overshoot_nanodollars_total",
                "Charged beyond what leases covered: more than a request's worst case",
                &tally.overshoot,
            ),
            counter(
                "clipped_requests_total",
                "Requests whose answer was limited to what a budget could pay",
                &tally.clipped,
            ),
            counter(
                "cut_short_streams_total",
                "Streams that ended because a budget did",
                &tally.cut_short,
            ),
            counter(
                "share_waits_total",
                "Requests that waited for a share of a limit",
                &tally.share_waits,
            ),
            counter(
                "shares_granted_total",
                "Answers that made this gateway's share of a limit larger",
                &tally.shares,
            ),
            counter(
                "shares_recalled_total",
                "Shares of limits whose rest other gateways wanted back",
                &tally.share_recalls,
            ),
            gauge(
                "limits_counted_alone",
                "Limits that this gateway counts by itself, since nobody tells what others use",
                self.counted_alone(),
            ),
        ]
    }
}
