//! Limits and budgets as a flow names them, each with what it is counted by.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Clock, Full, Limiter, Pool, Share, Slots, Window};

/// When one of the requests that run may have ended: nobody knows.
pub const NEXT_SLOT: Duration = Duration::from_secs(1);

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Requests,
    Tokens,
    /// Nanodollars of charge.
    Spend,
    Concurrent,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Spend => "spend",
            Self::Concurrent => "concurrent",
        }
    }
}

/// `headworks.dataplane.flow.Limit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub id: String,
    pub scope: String,
    pub unit: Unit,
    pub amount: u64,
    pub window_s: u32,
    /// (Unix second, amount)
    pub used: Vec<(u64, u64)>,
    /// Looked up at the first use.
    #[serde(skip)]
    gauge: OnceLock<Arc<Gauge>>,
}

/// What a limit is counted by: one for each limit, shared by all flows that name it.
#[derive(Debug)]
pub struct Gauge {
    pub count: Count,
    /// Where the limit is one for several gateways: what this one has of it.
    pub share: Option<Share>,
}

#[derive(Debug)]
pub enum Count {
    Window(Box<Window>),
    Slots(Slots),
}

impl Gauge {
    /// Whether it counts nothing at this moment, so that it can be made anew when it is needed.
    pub fn is_idle(&self, now_us: u64) -> bool {
        match &self.count {
            Count::Window(window) => window.standing(now_us).0 == 0,
            Count::Slots(slots) => slots.taken() == 0,
        }
    }
}

impl Count {
    /// Why an amount does not fit into `limit`, whatever is allowed here.
    pub fn refusal(&self, amount: u64, limit: u64, now_us: u64) -> Option<Full> {
        match self {
            Self::Window(window) => window.refusal(amount, limit, now_us),
            Self::Slots(slots) => slots.is_full(limit).then(|| Full {
                used: slots.taken(),
                free_in: (limit > 0).then_some(NEXT_SLOT),
            }),
        }
    }

    /// What is allowed here, and what is used of it.
    pub fn figures(&self, now_us: u64) -> (u64, u64) {
        match self {
            Self::Window(window) => window.figures(now_us),
            Self::Slots(slots) => slots.figures(),
        }
    }

    /// As much is allowed from now on, or what is used.
    pub fn allow(&self, cap: u64) {
        match self {
            Self::Window(window) => window.allow(cap),
            Self::Slots(slots) => slots.allow(cap),
        }
    }

    /// No more than `keep` beyond what is used. What is allowed then, and what is used.
    pub fn lower(&self, keep: u64, now_us: u64) -> (u64, u64) {
        match self {
            Self::Window(window) => window.lower(keep, now_us),
            Self::Slots(slots) => slots.lower(keep),
        }
    }
}

impl Limit {
    pub fn gauge(&self, limiter: &Limiter) -> &Arc<Gauge> {
        self.gauge.get_or_init(|| limiter.gauge(self))
    }

    /// Of a limit that this gateway counts alone.
    pub fn new_gauge(&self, clock: &Clock) -> Gauge {
        Gauge {
            count: if self.unit == Unit::Concurrent {
                Count::Slots(Slots::default())
            } else {
                Count::Window(Box::new(self.window(clock)))
            },
            share: None,
        }
    }

    /// Of a limit that is one for several gateways. What was used before this one began is in their shares, its own former
    /// one included: the flow's `used` would count it once more.
    pub fn new_shared_gauge(&self, clock: &Clock) -> Gauge {
        Gauge {
            count: if self.unit == Unit::Concurrent {
                Count::Slots(Slots::capped(0))
            } else {
                Count::Window(Box::new(Window::closed(self.window_s, clock.now())))
            },
            share: Some(Share::of(self)),
        }
    }

    fn window(&self, clock: &Clock) -> Window {
        // A second is counted at its end: later than it was is safe, earlier is not.
        let used = self.used.iter().map(|(second, amount)| {
            (
                clock.of_epoch(second.saturating_add(1).saturating_mul(1_000_000)),
                *amount,
            )
        });
        Window::new(self.window_s, used, clock.now())
    }
}

/// `headworks.dataplane.flow.Budget`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub id: String,
    pub scope: String,
    /// A soft one is the ledger's affair alone: it refuses nothing, so nothing of it is reserved or leased.
    pub hard: bool,
    pub amount: u64,
    pub period_start_us: u64,
    pub period_end_us: Option<u64>,
    /// Looked up at the first use.
    #[serde(skip)]
    pool: OnceLock<Arc<Pool>>,
}

impl Budget {
    pub fn pool(&self, limiter: &Limiter) -> &Arc<Pool> {
        self.pool.get_or_init(|| limiter.pool(self))
    }
}
