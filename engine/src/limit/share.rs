//! What this gateway has of a limit that is one for all gateways: its share.
//!
//! The office (`headworks.gateway.domain.shares`) hands out shares that together are no more than the limit's amount, and
//! no gateway's goes below what it counts now: so all of them together never count more. While the office is away each
//! counts alone, against the whole amount. `sharing` asks; nothing here waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::demand::Demand;
use super::rules::{Count, Limit, NEXT_SLOT, Unit};
use super::{Full, Gauge};
use crate::flow::ShareAnswer;

/// Between reports of a share that is in use.
const REPORT_EVERY_US: u64 = 1_000_000;
/// Slots tell that they are held also when nothing changes: the office keeps them no longer than ten seconds unheard.
const SLOTS_TELL_EVERY_US: u64 = 3_000_000;
/// How long the office's word that there is no more is repeated without asking: at first, and at most.
const REFUSED_FOR_US: u64 = 250_000;
const REFUSED_AT_MOST_US: u64 = 1_000_000;
/// Slots come back at any moment.
const NO_SLOT_FOR_US: u64 = 100_000;
/// How long an office that had nothing to spare is not asked for more than is needed.
const DRY_FOR_US: u64 = 1_000_000;
/// How long an office that did not answer is left alone: at first, and at most.
const ALONE_FOR_US: u64 = 1_000_000;
const ALONE_AT_MOST_US: u64 = 8_000_000;
/// Steps in which the office is told when what is used will have passed.
const STEPS: usize = 12;

#[derive(Debug)]
pub struct Share {
    pub limit_id: Box<str>,
    pub unit: Unit,
    pub window_s: u32,
    /// The limit's, as the last request knew it.
    amount: AtomicU64,
    /// What requests need that wait.
    waiting: AtomicU64,
    /// Told after each answer.
    pub heard: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The question that is under way.
    asked: Option<Told>,
    last: Told,
    /// Somebody else wanted what was to spare while a question was under way.
    is_recalled: bool,
    /// The office does not answer: when it is tried again, and the pause before that.
    alone: Option<(u64, u64)>,
    refused: Option<Refused>,
    dry_until_us: u64,
    /// What others had used when the office last told.
    others: u64,
    demand: Demand,
    is_listed: bool,
}

/// What the office was told. Numbers go up, so that what comes late changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pub number: u64,
    at_us: u64,
    pub cap: u64,
    pub used: u64,
    pub need: u64,
    pub want: u64,
}

#[derive(Debug, Clone, Copy)]
struct Refused {
    need: u64,
    until_us: u64,
    pause_us: u64,
    used: u64,
    free_in: Option<Duration>,
}

/// Why a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A request needs as much.
    Need(u64),
    /// It is time to tell, and perhaps to give back or to ask ahead.
    Time,
    /// Others need what is to spare.
    Recall,
}

impl Share {
    pub fn of(limit: &Limit) -> Self {
        Self {
            limit_id: limit.id.as_str().into(),
            unit: limit.unit,
            window_s: limit.window_s,
            amount: AtomicU64::new(limit.amount),
            waiting: AtomicU64::new(0),
            heard: Notify::new(),
            state: Mutex::default(),
        }
    }

    pub fn amount(&self) -> u64 {
        self.amount.load(Ordering::Relaxed)
    }

    /// A request waits that needs as much, until what is returned is dropped.
    pub fn wait_for(&self, needed: u64, amount: u64) -> Waiting<'_> {
        self.amount.store(amount, Ordering::Relaxed);
        self.waiting.fetch_add(needed, Ordering::Relaxed);
        Waiting(self, needed)
    }

    /// What all others had used when the office last told.
    pub fn others(&self) -> u64 {
        self.state.lock().others
    }

    pub fn counts_alone(&self) -> bool {
        self.state.lock().alone.is_some()
    }

    /// Whether a question is under way.
    pub fn is_asking(&self) -> bool {
        self.state.lock().asked.is_some()
    }

    /// What the office said lately to somebody who needed as much or less.
    pub fn refused_for(&self, needed: u64, now_us: u64) -> Option<Full> {
        let state = self.state.lock();
        let refused = state.refused.as_ref()?;
        (needed >= refused.need && now_us < refused.until_us).then_some(Full {
            used: refused.used,
            free_in: refused.free_in,
        })
    }

    /// True for the first: then somebody is to look after it from now on.
    pub fn is_to_be_listed(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().is_listed, true)
    }
}

/// A request that waits for more of a share.
pub struct Waiting<'a>(&'a Share, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// A gauge with its share, for what concerns both.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    pub share: &'a Share,
    count: &'a Count,
}

impl<'a> Shared<'a> {
    /// None of a limit that this gateway counts alone.
    pub fn of(gauge: &'a Gauge) -> Option<Self> {
        gauge.share.as_ref().map(|share| Self {
            share,
            count: &gauge.count,
        })
    }

    pub fn has_room(self, needed: u64, now_us: u64) -> bool {
        let (cap, used) = self.count.figures(now_us);
        used.saturating_add(needed) <= cap.min(self.share.amount())
    }

    // --- Asking ---

    /// What the office is to be told; None while a question is under way, which an answer ends.
    ///
    /// Who needs more than it has puts on the table what it has: two that wait for each other's rest would wait for ever.
    pub fn ask(self, why: Why, now_us: u64) -> Option<Told> {
        let mut state = self.share.state.lock();
        if state.asked.is_some() {
            state.is_recalled |= why == Why::Recall;
            return None;
        }
        let demand = state.demand.of(self.count, now_us);
        let (need, keep) = match why {
            Why::Need(need) => (need, 0),
            Why::Time => (0, demand),
            Why::Recall => (0, 0),
        };
        let (cap, used) = if state.alone.is_some() {
            let used = self.count.figures(now_us).1;
            (used, used)
        } else {
            self.count.lower(keep, now_us)
        };
        let want = match why {
            Why::Need(need) => self
                .share
                .waiting
                .load(Ordering::Relaxed)
                .max(need)
                .saturating_add(demand),
            Why::Time if now_us >= state.dry_until_us => demand.saturating_sub(cap - used),
            Why::Time | Why::Recall => 0,
        };
        let told = Told {
            number: now_us.max(state.last.number + 1),
            at_us: now_us,
            cap,
            used,
            need,
            want: want.min(i64::MAX.unsigned_abs()),
        };
        (state.last, state.asked) = (told, Some(told));
        Some(told)
    }

    pub fn passing(self, now_us: u64) -> Vec<(u64, u64)> {
        match self.count {
            Count::Window(window) => window.passing(STEPS, now_us),
            // They pass when nobody speaks for them any more.
            Count::Slots(slots) => vec![(0, slots.taken())],
        }
    }

    /// Takes in what the office said to the question that is under way. Returns by how much the share grew.
    pub fn answered(self, answer: Option<&ShareAnswer>, now_us: u64) -> u64 {
        let mut state = self.share.state.lock();
        let told = state.asked.take().unwrap_or_default();
        let grown = if let Some(answer) = answer {
            self.count.allow(answer.cap);
            state.heard(told, answer, self.share.window_s == 0, now_us);
            answer.cap.saturating_sub(told.cap)
        } else {
            self.count.allow(u64::MAX);
            state.went_alone(now_us);
            0
        };
        drop(state);
        self.share.heard.notify_waiters();
        grown
    }

    /// Whether others wanted what is to spare while the question was under way; true once.
    pub fn was_recalled(self) -> bool {
        std::mem::take(&mut self.share.state.lock().is_recalled)
    }

    /// The question that is under way has been for as long: whoever waits for it goes on alone. False where there is none.
    pub fn gives_up(self, after: Duration, now_us: u64) -> bool {
        let mut state = self.share.state.lock();
        let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        let is_silent = state
            .asked
            .is_some_and(|told| now_us >= told.at_us.saturating_add(after_us));
        if is_silent {
            self.count.allow(u64::MAX);
            state.went_alone(now_us);
        }
        is_silent || state.alone.is_some()
    }

    // --- As time goes by ---

    /// Whether the office is to be told something now. Called several times a second.
    pub fn is_due(self, now_us: u64) -> bool {
        let mut state = self.share.state.lock();
        state.demand.sample(self.count, now_us);
        if state.asked.is_some() {
            return false;
        }
        if let Some((until_us, _)) = state.alone {
            return now_us >= until_us;
        }
        let (cap, used) = self.count.figures(now_us);
        let slack = cap - used.min(cap);
        let demand = state.demand.of(self.count, now_us);
        if slack < demand / 2 && now_us >= state.dry_until_us {
            return true;
        }
        let since_us = now_us.saturating_sub(state.last.at_us);
        let changed = (cap, used) != (state.last.cap, state.last.used);
        let is_held = self.share.window_s == 0 && cap > 0 && since_us >= SLOTS_TELL_EVERY_US;
        is_held || (since_us >= REPORT_EVERY_US && (slack > 0 || changed))
    }

    /// Whether nobody need look after it any more: it has nothing, and the office knows. It is not listed then.
    pub fn is_over(self, now_us: u64) -> bool {
        let mut state = self.share.state.lock();
        let is_over = state.asked.is_none()
            && state.alone.is_none()
            && self.share.waiting.load(Ordering::Relaxed) == 0
            && (state.last.cap, state.last.used) == (0, 0)
            && self.count.figures(now_us) == (0, 0);
        state.is_listed &= !is_over;
        is_over
    }
}

impl State {
    fn heard(&mut self, told: Told, answer: &ShareAnswer, is_slots: bool, now_us: u64) {
        self.alone = None;
        self.others = answer.used.saturating_sub(told.used);
        if told.want > 0 && answer.cap <= told.cap {
            self.dry_until_us = now_us + DRY_FOR_US;
        }
        if answer.enough {
            if told.need > 0 {
                self.refused = None;
            }
            return;
        }
        let before = self.refused.map_or(0, |refused| refused.pause_us);
        let pause_us = if is_slots {
            NO_SLOT_FOR_US
        } else {
            (before * 2).clamp(REFUSED_FOR_US, REFUSED_AT_MOST_US)
        };
        self.refused = Some(Refused {
            need: told.need,
            until_us: now_us + pause_us,
            pause_us,
            used: answer.used,
            free_in: answer
                .free_in_ms
                .map(Duration::from_millis)
                .or(is_slots.then_some(NEXT_SLOT)),
        });
    }

    fn went_alone(&mut self, now_us: u64) {
        let pause_us = self
            .alone
            .map_or(ALONE_FOR_US, |(_, pause_us)| (pause_us * 2).min(ALONE_AT_MOST_US));
        self.alone = Some((now_us + pause_us, pause_us));
        self.refused = None;
        self.others = 0;
    }
}
