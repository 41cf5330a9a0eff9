//! What this gateway may still draw of one budget's period.
//!
//! Grants of the ledger come in, reservations take from it and give back what they did not use. What was drawn is never
//! more than what was granted: all that is handed out is taken from `left` in one atomic step.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::flow::Spent;

/// How long the ledger's word that a budget is spent is repeated without asking.
const SPENT_FOR_US: u64 = 500_000;
/// How long a ledger that did not answer is left alone.
const FAILED_FOR_US: u64 = 200_000;
/// Between questions that nobody waits for.
const AHEAD_EVERY_US: u64 = 200_000;
/// A grant is to last about as long, by how fast was drawn since the last question.
const WANTED_US: u64 = 10_000_000;
/// And for as many requests like the one that asks.
const WANTED_REQUESTS: u64 = 8;

#[derive(Debug)]
pub struct Pool {
    pub budget: Box<str>,
    pub period_start_us: u64,
    pub period_end_us: Option<u64>,
    left: AtomicU64,
    reserved: AtomicU64,
    drawn: AtomicU64,
    /// When the leases end, by the limits' clock; 0 before the first.
    ends_us: AtomicU64,
    term_us: AtomicU64,
    /// The last grant.
    slice: AtomicU64,
    /// What nobody held after it.
    remaining: AtomicU64,
    used_at_us: AtomicU64,
    ahead_at_us: AtomicU64,
    asking: AtomicBool,
    /// Told after each answer.
    pub heard: Notify,
    word: Mutex<Word>,
}

/// What the ledger last said.
#[derive(Debug, Default)]
struct Word {
    /// For requests that need at least as much, until then.
    spent: Option<(u64, u64, Spent)>,
    failed_until_us: u64,
    asked_at_us: u64,
    drawn_then: u64,
}

impl Pool {
    pub fn new(budget: &str, period_start_us: u64, period_end_us: Option<u64>) -> Self {
        Self {
            budget: budget.into(),
            period_start_us,
            period_end_us,
            left: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            drawn: AtomicU64::new(0),
            ends_us: AtomicU64::new(0),
            term_us: AtomicU64::new(0),
            slice: AtomicU64::new(0),
            remaining: AtomicU64::new(u64::MAX),
            used_at_us: AtomicU64::new(0),
            ahead_at_us: AtomicU64::new(0),
            asking: AtomicBool::new(false),
            heard: Notify::new(),
            word: Mutex::default(),
        }
    }

    // --- Requests ---

    /// Takes an amount for a request. False when there is not as much, or the leases have ended.
    pub fn reserve(&self, amount: u64, now_us: u64) -> bool {
        if amount == 0 {
            // What costs nothing needs no lease, and no ledger.
            return true;
        }
        if now_us >= self.ends_us.load(Ordering::Relaxed) {
            return false;
        }
        // Counted as reserved first: whoever sees an amount gone from `left` finds it there.
        self.reserved.fetch_add(amount, Ordering::Relaxed);
        let rest = |left: u64| left.checked_sub(amount);
        let is_taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, rest)
            .is_ok();
        if is_taken {
            self.used_at_us.store(now_us, Ordering::Relaxed);
        } else {
            self.reserved.fetch_sub(amount, Ordering::Relaxed);
        }
        is_taken
    }

    /// A request that had reserved an amount has ended, and used `drawn` of it.
    pub fn settle(&self, reserved: u64, drawn: u64) {
        self.drawn.fetch_add(drawn, Ordering::Relaxed);
        self.left.fetch_add(reserved - drawn, Ordering::AcqRel);
        self.reserved.fetch_sub(reserved, Ordering::Relaxed);
    }

    /// Takes what there is, at most `wanted`, for a request that used more than it had reserved.
    pub fn take_up_to(&self, wanted: u64) -> u64 {
        let mut taken = 0;
        let rest = |left: u64| {
            taken = left.min(wanted);
            Some(left - taken)
        };
        let _ = self.left.fetch_update(Ordering::AcqRel, Ordering::Relaxed, rest);
        self.reserved.fetch_add(taken, Ordering::Relaxed);
        taken
    }

    pub fn left(&self, now_us: u64) -> u64 {
        if now_us >= self.ends_us.load(Ordering::Relaxed) {
            return 0;
        }
        self.left.load(Ordering::Acquire)
    }

    /// All that could still be had, as far as is known: here, and from the ledger.
    pub fn in_sight(&self, now_us: u64) -> u64 {
        self.left(now_us).saturating_add(self.remaining.load(Ordering::Relaxed))
    }

    // --- The ledger ---

    /// Whether it is time to ask for more before somebody has to wait. True for one of those who ask.
    pub fn runs_low(&self, now_us: u64) -> bool {
        self.left.load(Ordering::Relaxed) < self.slice.load(Ordering::Relaxed) / 4 && self.may_ask_ahead(now_us)
    }

    fn may_ask_ahead(&self, now_us: u64) -> bool {
        let at = self.ahead_at_us.load(Ordering::Relaxed);
        now_us >= at + AHEAD_EVERY_US
            && self
                .ahead_at_us
                .compare_exchange(at, now_us, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// True for the one who is to ask; [`Self::answered`] ends it.
    pub fn begins_to_ask(&self) -> bool {
        !self.asking.swap(true, Ordering::AcqRel)
    }

    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Acquire)
    }

    /// How much would be handy for whoever needs `need`.
    pub fn wanted(&self, need: u64, now_us: u64) -> u64 {
        let drawn = self.drawn.load(Ordering::Relaxed);
        let mut word = self.word.lock();
        let since_us = now_us.saturating_sub(word.asked_at_us).max(1);
        let drew = drawn - word.drawn_then;
        (word.asked_at_us, word.drawn_then) = (now_us, drawn);
        let by_rate = u128::from(drew) * u128::from(WANTED_US) / u128::from(since_us);
        let by_rate = u64::try_from(by_rate).unwrap_or(u64::MAX / 2);
        by_rate
            .max(need.saturating_mul(WANTED_REQUESTS))
            .min(i64::MAX.unsigned_abs())
    }

    /// More was granted. The term is counted from when it was asked for: it never ends here after it ended there.
    pub fn granted(&self, amount: u64, remaining: u64, asked_at_us: u64, term_us: u64) {
        self.term_us.store(term_us, Ordering::Relaxed);
        if amount > 0 {
            self.slice.store(amount, Ordering::Relaxed);
            self.word.lock().spent = None;
        }
        self.remaining.store(remaining, Ordering::Relaxed);
        self.left.fetch_add(amount, Ordering::AcqRel);
        self.ends_us
            .store(asked_at_us.saturating_add(term_us), Ordering::Relaxed);
    }

    /// There is not as much left as `need`.
    pub fn refused(&self, need: u64, spent: Spent, now_us: u64) {
        let remaining = spent.amount.saturating_sub(spent.spent).saturating_sub(spent.held);
        self.remaining.store(remaining, Ordering::Relaxed);
        self.word.lock().spent = Some((need, now_us + SPENT_FOR_US, spent));
    }

    pub fn failed(&self, now_us: u64) {
        self.word.lock().failed_until_us = now_us + FAILED_FOR_US;
    }

    /// The answer was taken in: whoever waits looks again.
    pub fn answered(&self) {
        self.asking.store(false, Ordering::Release);
        self.heard.notify_waiters();
    }

    /// What the ledger said lately to somebody who needed as much or less.
    pub fn spent_for(&self, need: u64, now_us: u64) -> Option<Spent> {
        let word = self.word.lock();
        let (refused, until_us, spent) = word.spent.as_ref()?;
        (need >= *refused && now_us < *until_us).then(|| spent.clone())
    }

    /// Whether the ledger has had nothing to give lately, or no answer.
    pub fn is_dry(&self, now_us: u64) -> bool {
        let word = self.word.lock();
        now_us < word.failed_until_us || word.spent.as_ref().is_some_and(|(_, until_us, _)| now_us < *until_us)
    }

    pub fn has_failed(&self, now_us: u64) -> bool {
        now_us < self.word.lock().failed_until_us
    }

    // --- Its end ---

    /// Takes all that is left, to give it back.
    pub fn empty(&self) -> u64 {
        self.left.swap(0, Ordering::AcqRel)
    }

    /// The budget was changed: what is left is taken to give it back, and nothing that was said before holds.
    pub fn recall(&self) -> u64 {
        *self.word.lock() = Word::default();
        self.remaining.store(u64::MAX, Ordering::Relaxed);
        self.slice.store(0, Ordering::Relaxed);
        self.empty()
    }

    /// What is to be done with the leases at this moment.
    pub fn due(&self, now_us: u64, epoch_us: u64) -> Due {
        let (ends, term) = (
            self.ends_us.load(Ordering::Relaxed),
            self.term_us.load(Ordering::Relaxed),
        );
        let is_reserved = self.reserved.load(Ordering::Relaxed) > 0;
        if self.period_end_us.is_some_and(|end| epoch_us >= end) {
            // Requests that began before the end keep what they have reserved.
            self.ends_us.store(0, Ordering::Relaxed);
            return self.end(is_reserved);
        }
        let is_used = is_reserved || self.used_at_us.load(Ordering::Relaxed).saturating_add(term) > now_us;
        if is_used && ends > 0 && now_us.saturating_add(term / 2) >= ends && self.may_ask_ahead(now_us) {
            return Due::Renewal;
        }
        if now_us < ends {
            return Due::Nothing;
        }
        self.end(is_used)
    }

    fn end(&self, is_used: bool) -> Due {
        match self.empty() {
            0 if is_used => Due::Nothing,
            0 => Due::Removal,
            left => Due::Return(left),
        }
    }

    /// Reserved by requests that have not ended.
    pub fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed)
    }

    /// Drawn by requests that have ended.
    pub fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed)
    }
}

/// What a pool needs of its keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// It is in use, and its term nears its end.
    Renewal,
    /// Its term or its period has ended: as much goes back.
    Return(u64),
    /// Nobody has used it for a term, and nothing is left.
    Removal,
}
