//! Asking the office for shares of limits, telling it what is used of them, and giving back. A share is asked for once,
//! however many wait for it; what only tells goes together, many shares at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::share::{Shared, Told, Why};
use super::tally::add;
use super::{Full, Gauge, LimitDenied, Limiter, Unit};
use crate::flow::{Answer, Flow, ShareAnswer, ShareAsk, SharesQuestion};

/// Shares of one question.
const AT_ONCE: usize = 256;
/// Where the controller itself is silent for so long, whoever waits goes on without it.
const SILENCE: Duration = Duration::from_secs(3);
/// For requests that were given a share to take it, before others get what is left.
const FIRST_TAKE: Duration = Duration::from_millis(5);
/// Between looks at shares that are in use.
pub const LOOK: Duration = Duration::from_millis(250);

impl Limiter {
    /// Waits until the limit at that place has room here for what is needed, or the office says that it has none. Where the
    /// office does not answer, there is room for all that this gateway counts itself.
    pub(super) async fn share(
        self: &Arc<Self>,
        flow: &Flow,
        at: usize,
        needed: u64,
        until: Instant,
    ) -> Result<(), LimitDenied> {
        let limit = &flow.limits[at];
        let gauge = limit.gauge(self);
        let Some(shared) = Shared::of(gauge) else {
            return Ok(());
        };
        let _waiting = shared.share.wait_for(needed, limit.amount);
        let mut has_waited = false;
        loop {
            let mut heard = std::pin::pin!(shared.share.heard.notified());
            heard.as_mut().enable();
            let now_us = self.clock.now();
            if shared.has_room(needed, now_us) || shared.share.counts_alone() {
                return Ok(());
            }
            if let Some(full) = shared.share.refused_for(needed, now_us) {
                return Err(self.longest(flow, at, needed, full));
            }
            self.ask_share(gauge, Why::Need(needed));
            if !std::mem::replace(&mut has_waited, true) {
                add(&self.tally.share_waits, 1);
            }
            if timeout_at(until, heard).await.is_err() {
                if shared.gives_up(SILENCE, self.clock.now()) {
                    return Ok(());
                }
                // Others were faster each time.
                let used = limit.amount;
                let free_in = Some(Duration::from_secs(1));
                return Err(self.longest(flow, at, needed, Full { used, free_in }));
            }
        }
    }

    /// Of the limits on requests that the office refused lately, the one that goes on refusing longest.
    fn longest(&self, flow: &Flow, at: usize, needed: u64, full: Full) -> LimitDenied {
        let now_us = self.clock.now();
        let denied = |(at, needed, full): (usize, u64, Full)| LimitDenied {
            at,
            used: full.used,
            needed,
            free_in: full.free_in,
        };
        let others = flow.limits.iter().enumerate().filter_map(|(place, limit)| {
            let is_one = place != at && matches!(limit.unit, Unit::Requests | Unit::Concurrent);
            let share = limit.gauge(self).share.as_ref().filter(|_| is_one)?;
            Some((place, 1, share.refused_for(1, now_us)?))
        });
        let lasts = |(_, _, full): &(usize, u64, Full)| full.free_in.unwrap_or(Duration::MAX);
        let first = (at, needed, full);
        denied(others.fold(first, |most, one| if lasts(&one) > lasts(&most) { one } else { most }))
    }

    /// Puts the question in a task of its own, so that a request that leaves does not leave others waiting.
    fn ask_share(self: &Arc<Self>, gauge: &Arc<Gauge>, why: Why) {
        let Some(shared) = Shared::of(gauge) else { return };
        if let Some(told) = shared.ask(why, self.clock.now()) {
            if shared.share.is_to_be_listed() {
                self.shares.lock().push(Arc::clone(gauge));
            }
            self.tell_shares(vec![(Arc::clone(gauge), told)]);
        }
    }

    fn tell_shares(self: &Arc<Self>, asks: Vec<(Arc<Gauge>, Told)>) {
        let limiter = Arc::clone(self);
        tokio::spawn(async move { limiter.put_shares(asks).await });
    }

    async fn put_shares(self: &Arc<Self>, asks: Vec<(Arc<Gauge>, Told)>) {
        let answers = self.answers(&asks).await;
        let now_us = self.clock.now();
        let mut answers = answers.into_iter();
        let mut recalled = Vec::new();
        for (gauge, _) in asks {
            let answer = answers.next();
            let Some(shared) = Shared::of(&gauge) else { continue };
            if shared.answered(answer.as_ref(), now_us) > 0 {
                add(&self.tally.shares, 1);
            }
            if shared.was_recalled() {
                recalled.push(Arc::clone(&gauge));
            }
        }
        if !recalled.is_empty() {
            tokio::time::sleep(FIRST_TAKE).await;
            self.give_up_shares(recalled);
        }
    }

    /// One for each, or none at all.
    async fn answers(&self, asks: &[(Arc<Gauge>, Told)]) -> Vec<ShareAnswer> {
        let now_us = self.clock.now();
        let question = SharesQuestion {
            kind: "shares",
            life: &self.life,
            asks: asks
                .iter()
                .filter_map(|(gauge, told)| ask_of(gauge, told, now_us))
                .collect(),
        };
        match self.resolver.put(&question).await {
            Some(Answer::Shares(answers)) if answers.len() == asks.len() => answers,
            _ => Vec::new(),
        }
    }

    // --- As time goes by ---

    /// Tells the office what changed, gives back what nobody has wanted for a while, and asks ahead where that runs low.
    pub(super) fn look_at_shares(self: &Arc<Self>) {
        let now_us = self.clock.now();
        let is_due = |gauge: &Arc<Gauge>| Shared::of(gauge).is_some_and(|shared| shared.is_due(now_us));
        let due: Vec<_> = self
            .shares
            .lock()
            .iter()
            .filter(|gauge| is_due(gauge))
            .cloned()
            .collect();
        self.put_together(due, Why::Time);
        let is_over = |gauge: &Arc<Gauge>| Shared::of(gauge).is_none_or(|shared| shared.is_over(now_us));
        self.shares.lock().retain(|gauge| !is_over(gauge));
    }

    /// Others need what is to spare of a limit; of all limits where none is named, since the office began anew.
    pub fn recall_shares(self: &Arc<Self>, limit_id: &str) {
        let is_meant = |gauge: &&Arc<Gauge>| {
            let named = gauge.share.as_ref().map(|share| &*share.limit_id);
            limit_id.is_empty() || named == Some(limit_id)
        };
        let meant: Vec<_> = self.shares.lock().iter().filter(is_meant).cloned().collect();
        self.give_up_shares(meant);
    }

    fn give_up_shares(self: &Arc<Self>, gauges: Vec<Arc<Gauge>>) {
        add(&self.tally.share_recalls, gauges.len() as u64);
        self.put_together(gauges, Why::Recall);
    }

    fn put_together(self: &Arc<Self>, gauges: Vec<Arc<Gauge>>, why: Why) {
        for asks in self.together(gauges, why) {
            self.tell_shares(asks);
        }
    }

    fn together(&self, gauges: Vec<Arc<Gauge>>, why: Why) -> Vec<Vec<(Arc<Gauge>, Told)>> {
        let now_us = self.clock.now();
        let ask = |gauge: Arc<Gauge>| {
            let told = Shared::of(&gauge)?.ask(why, now_us)?;
            Some((gauge, told))
        };
        let asks: Vec<_> = gauges.into_iter().filter_map(ask).collect();
        asks.chunks(AT_ONCE).map(<[_]>::to_vec).collect()
    }

    /// The process ends: what is to spare goes back. What was used stays with the office until it has passed.
    pub(super) async fn give_shares_back(self: &Arc<Self>) {
        // Nobody looks after them any more, and so asks for more.
        let gauges = std::mem::take(&mut *self.shares.lock());
        let shares = gauges.iter().filter_map(|gauge| gauge.share.as_ref());
        for share in shares {
            while share.is_asking() {
                tokio::time::sleep(FIRST_TAKE).await;
            }
        }
        for asks in self.together(gauges, Why::Recall) {
            self.put_shares(asks).await;
        }
    }

    /// Limits that are counted here alone, since the office is away.
    pub fn counted_alone(&self) -> u64 {
        let counts_alone = |gauge: &&Arc<Gauge>| gauge.share.as_ref().is_some_and(super::Share::counts_alone);
        self.shares.lock().iter().filter(counts_alone).count() as u64
    }
}

fn ask_of<'a>(gauge: &'a Gauge, told: &Told, now_us: u64) -> Option<ShareAsk<'a>> {
    let shared = Shared::of(gauge)?;
    Some(ShareAsk::new(shared.share, told, shared.passing(now_us)))
}
