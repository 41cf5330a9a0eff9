//! Requests that run at the same time.

use std::sync::atomic::{AtomicU64, Ordering};

const CAP: u32 = 32;
const TAKEN: u64 = (1 << CAP) - 1;

/// How many may run here, and below that how many do, in one word: so that neither changes behind the other's back.
#[derive(Debug)]
pub struct Slots(AtomicU64);

impl Default for Slots {
    /// Held to nothing but the limit itself.
    fn default() -> Self {
        Self::capped(u64::MAX)
    }
}

impl Slots {
    /// At most `cap` of them, whatever the limit allows.
    pub fn capped(cap: u64) -> Self {
        Self(AtomicU64::new(word(cap, 0)))
    }

    /// False when `limit` are taken, or as many as may be here.
    pub fn take(&self, limit: u64) -> bool {
        let next = |word: u64| (taken(word) < limit.min(word >> CAP)).then_some(word + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    pub fn give_back(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether one more would be too many for `limit`, wherever it runs.
    pub fn is_full(&self, limit: u64) -> bool {
        self.taken() >= limit
    }

    pub fn taken(&self) -> u64 {
        taken(self.0.load(Ordering::Relaxed))
    }

    /// How many may run here, and how many do.
    pub fn figures(&self) -> (u64, u64) {
        let word = self.0.load(Ordering::Relaxed);
        (word >> CAP, taken(word))
    }

    /// So many may run here from now on, or as many as do.
    pub fn allow(&self, cap: u64) {
        self.change(|_, taken| cap.max(taken));
    }

    /// No more than `keep` beyond those that run. What is allowed then, and how many run.
    pub fn lower(&self, keep: u64) -> (u64, u64) {
        self.change(|cap, taken| cap.min(taken.saturating_add(keep)))
    }

    fn change(&self, next: impl Fn(u64, u64) -> u64) -> (u64, u64) {
        let mut figures = (0, 0);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| {
            figures = (next(before >> CAP, taken(before)).min(TAKEN), taken(before));
            Some(word(figures.0, figures.1))
        });
        figures
    }
}

fn taken(word: u64) -> u64 {
    word & TAKEN
}

fn word(cap: u64, taken: u64) -> u64 {
    cap.min(TAKEN) << CAP | taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_than_may_here() {
        let slots = Slots::capped(0);
        assert!(!slots.take(5), "nothing is allowed yet");
        slots.allow(2);
        assert!(slots.take(5) && slots.take(5));
        assert!(!slots.take(5) && !slots.is_full(5), "elsewhere it may");
        slots.allow(9);
        assert!(!slots.take(2), "nor more than the limit");
        assert_eq!(slots.lower(1), (3, 2));
        slots.allow(1);
        assert_eq!(slots.figures(), (2, 2), "what runs is allowed");
        slots.give_back();
        assert_eq!(slots.lower(0), (1, 1));
    }

    #[test]
    fn it_is_held_to_the_limit_alone_unless_it_is_told() {
        let slots = Slots::default();
        assert!(slots.take(u64::MAX) && slots.take(2) && !slots.take(2));
        slots.allow(u64::MAX);
        assert!(slots.take(3));
        assert_eq!(slots.taken(), 3);
    }
}
