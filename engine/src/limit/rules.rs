//! Limits and budgets as a flow names them, each with what it is counted by.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::{Clock, Limiter, Pool, Slots, Window};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
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
    gauge: OnceLock<Gauge>,
}

/// What a limit is counted by: one for each limit, shared by all flows that name it.
#[derive(Debug, Clone)]
pub enum Gauge {
    Window(Arc<Window>),
    Slots(Arc<Slots>),
}

impl Gauge {
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Window(window) => Arc::strong_count(window) > 1,
            Self::Slots(slots) => Arc::strong_count(slots) > 1,
        }
    }

    /// Whether it counts nothing at this moment, so that it can be made anew when it is needed.
    pub fn is_idle(&self, now_us: u64) -> bool {
        match self {
            Self::Window(window) => window.standing(now_us).0 == 0,
            Self::Slots(slots) => slots.taken() == 0,
        }
    }
}

impl Limit {
    pub fn gauge(&self, limiter: &Limiter) -> &Gauge {
        self.gauge.get_or_init(|| limiter.gauge(self))
    }

    pub fn new_gauge(&self, clock: &Clock) -> Gauge {
        if self.unit == Unit::Concurrent {
            return Gauge::Slots(Arc::default());
        }
        // A second is counted at its end: later than it was is safe, earlier is not.
        let used = self.used.iter().map(|(second, amount)| {
            (
                clock.of_epoch(second.saturating_add(1).saturating_mul(1_000_000)),
                *amount,
            )
        });
        Gauge::Window(Arc::new(Window::new(self.window_s, used, clock.now())))
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
