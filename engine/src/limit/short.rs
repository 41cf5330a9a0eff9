//! What a request is told of the limits and budgets that it met.

use std::time::Duration;

use super::Unit;
use crate::flow::Spent;

/// The fullest of the limits of one unit, after the request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub unit: Unit,
    pub limit: u64,
    pub remaining: u64,
    /// Until it is as if nothing had been used.
    pub reset: Duration,
}

/// What a reservation lacks.
#[derive(Debug)]
pub enum Short {
    Limit(LimitDenied),
    /// The flow's limit at this place has room, and this gateway has not as much of it as is needed.
    Share {
        at: usize,
        needed: u64,
    },
    /// The flow's budget at this place has `lack` nanodollars too little here.
    Budget {
        at: usize,
        lack: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitDenied {
    /// The place in the flow's limits.
    pub at: usize,
    pub used: u64,
    /// What the request was held to need, at most.
    pub needed: u64,
    /// None where waiting is of no use.
    pub free_in: Option<Duration>,
}

/// Why a request is not let in.
#[derive(Debug)]
pub enum Denied {
    Limit(LimitDenied),
    Budget {
        /// The place in the flow's budgets.
        at: usize,
        spent: Spent,
        needed: u64,
        /// By requests of this gateway that have not ended.
        reserved: u64,
    },
    /// A target has no price, and there is a limit or a budget that counts money.
    Unpriced {
        target: usize,
    },
    /// The ledger could not be asked.
    Unavailable,
}
