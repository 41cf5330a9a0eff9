//! What this process may hold at once of request bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Request bodies held in memory at once, in bytes.
pub struct BodyBudget {
    limit: u64,
    held: AtomicU64,
}

/// A share of the budget, given back when the request is done with its body.
pub struct Held {
    budget: Arc<BodyBudget>,
    bytes: u64,
}

impl BodyBudget {
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: AtomicU64::new(0),
        })
    }

    /// None when the bodies of other requests leave no room.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        self.reserve(bytes).then(|| Held {
            budget: Arc::clone(self),
            bytes,
        })
    }

    fn reserve(&self, bytes: u64) -> bool {
        let fits = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok()
    }

    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Held {
    /// The body turned out longer. False when there is no room for the rest.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let fits = self.budget.reserve(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back() {
        let budget = BodyBudget::new(10);
        let mut first = budget.hold(6).unwrap();
        assert!(budget.hold(5).is_none());
        assert!(first.grow(4));
        assert!(!first.grow(1));
        assert_eq!(budget.held(), 10);
        drop(first);
        assert_eq!(budget.held(), 0);
    }
}
