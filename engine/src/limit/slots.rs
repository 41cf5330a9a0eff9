//! Requests that run at the same time.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Slots {
    taken: AtomicU64,
}

impl Slots {
    /// False when `limit` are taken.
    pub fn take(&self, limit: u64) -> bool {
        let next = |taken: u64| (taken < limit).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    pub fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn is_full(&self, limit: u64) -> bool {
        self.taken() >= limit
    }

    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}
