//! All limits and budgets of this process, letting requests in, and how the limits stand. `leases` asks the ledger,
//! `sharing` asks for shares of limits that are one for several gateways.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::leases::{Want, Word};
use super::rules::{Budget, Count, Gauge, Limit, Unit};
use super::tally::add;
use super::{Clock, Denied, Pool, Reservation, Short, Standing, Tally, Worst};
use crate::flow::{Flow, Resolver, Spent};

/// A budget is near its end when it pays for fewer answers of unknown length: then each gets a limit, and is known.
const NEAR_THE_END: u64 = 32;
/// Gauges are swept of idle ones when there are this many more than after the last time.
const SWEEP_AFTER: usize = 1_024;
/// How often a request that may be clipped tries again, where others take what it was to have.
const TRIES: usize = 16;

#[derive(Debug, PartialEq, Eq, Hash)]
struct GaugeKey {
    id: Box<str>,
    unit: Unit,
    window_s: u32,
}

#[derive(Default)]
struct Gauges {
    by_key: HashMap<GaugeKey, Arc<Gauge>>,
    sweep_at: usize,
}

/// By budget and the start of its period.
type Pools = HashMap<(Box<str>, u64), Arc<Pool>>;

pub struct Limiter {
    pub clock: Clock,
    pub tally: Tally,
    pub(super) resolver: Arc<Resolver>,
    /// Which life of which gateway this is: by it others know who holds what.
    pub(super) life: String,
    /// Whether limits are one for several gateways.
    pub(super) shares_limits: bool,
    /// How long a request waits for a lease.
    deadline: Duration,
    /// Tokens: an answer that would have to be shorter is refused.
    least_answer: u64,
    gauges: Mutex<Gauges>,
    pools: Mutex<Pools>,
    /// Gauges of which this gateway has a share, or had one lately.
    pub(super) shares: Mutex<Vec<Arc<Gauge>>>,
}

impl Limiter {
    pub fn new(resolver: Arc<Resolver>, life: String, deadline: Duration, least_answer: u64) -> Self {
        Self {
            clock: Clock::default(),
            tally: Tally::default(),
            resolver,
            life,
            shares_limits: false,
            deadline,
            least_answer,
            gauges: Mutex::default(),
            pools: Mutex::default(),
            shares: Mutex::default(),
        }
    }

    /// Limits are one for several gateways.
    #[must_use]
    pub fn sharing(self) -> Self {
        Self {
            shares_limits: true,
            ..self
        }
    }

    // --- What flows are counted by ---

    pub fn gauge(&self, limit: &Limit) -> Arc<Gauge> {
        let key = GaugeKey {
            id: limit.id.as_str().into(),
            unit: limit.unit,
            window_s: limit.window_s,
        };
        let mut gauges = self.gauges.lock();
        if gauges.by_key.len() >= gauges.sweep_at.max(SWEEP_AFTER) {
            let now_us = self.clock.now();
            gauges
                .by_key
                .retain(|_, gauge| Arc::strong_count(gauge) > 1 || !gauge.is_idle(now_us));
            gauges.sweep_at = gauges.by_key.len() + SWEEP_AFTER;
        }
        let new = || {
            if self.shares_limits {
                limit.new_shared_gauge(&self.clock)
            } else {
                limit.new_gauge(&self.clock)
            }
        };
        let gauge = gauges.by_key.entry(key).or_insert_with(|| Arc::new(new()));
        Arc::clone(gauge)
    }

    pub fn pool(&self, budget: &Budget) -> Arc<Pool> {
        let mut pools = self.pools.lock();
        let pool = pools
            .entry((budget.id.as_str().into(), budget.period_start_us))
            .or_insert_with(|| Arc::new(Pool::new(&budget.id, budget.period_start_us, budget.period_end_us)));
        Arc::clone(pool)
    }

    pub fn pools(&self) -> Vec<Arc<Pool>> {
        self.pools.lock().values().cloned().collect()
    }

    /// Forgets a pool that nobody else holds.
    pub fn forget(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools.lock();
        // The table's, and the caller's.
        if Arc::strong_count(pool) <= 2 {
            pools.remove(&(pool.budget.clone(), pool.period_start_us));
        }
    }

    // --- Letting a request in ---

    /// Sets aside what a request may use at most, of each limit and budget of its flow, and waits for leases where they are
    /// short. Where a budget cannot pay for as long an answer as is asked for, `worst` becomes what it can pay for; before
    /// that `closer` is asked for a closer bound of the input, which costs too much to be asked for at once.
    pub async fn reserve(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        worst: &mut Worst,
        request_id: &str,
        closer: impl AsyncFnOnce() -> Option<u64>,
    ) -> Result<Reservation, Denied> {
        if flow.counts_money()
            && let Some(target) = flow.targets.iter().position(|target| target.rates.is_none())
        {
            return Err(Denied::Unpriced { target });
        }
        self.shorten_guess(flow, worst);
        match self.try_reserve(flow, worst) {
            Ok(reservation) => Ok(reservation),
            Err(Short::Limit(denied)) => Err(Denied::Limit(denied)),
            // On the heap, so that requests that are in luck do not carry its state.
            Err(Short::Budget { at, lack }) => {
                Box::pin(self.reserve_late(flow, worst, request_id, (at, lack), closer)).await
            }
            Err(short) => Box::pin(self.reserve_with_shares(flow, worst, request_id, short, closer)).await,
        }
    }

    /// Of a request that met a limit of which this gateway has too small a share.
    async fn reserve_with_shares(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        worst: &mut Worst,
        request_id: &str,
        short: Short,
        closer: impl AsyncFnOnce() -> Option<u64>,
    ) -> Result<Reservation, Denied> {
        match self.after_shares(flow, worst, short).await {
            Ok(reservation) => Ok(reservation),
            Err(Short::Budget { at, lack }) => self.reserve_late(flow, worst, request_id, (at, lack), closer).await,
            Err(Short::Limit(denied)) => Err(Denied::Limit(denied)),
            Err(Short::Share { .. }) => Err(Denied::Unavailable),
        }
    }

    /// Tries again as often as shares are short, for as long as a request may wait: then one of its limits has refused it.
    async fn after_shares(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        worst: &Worst,
        mut short: Short,
    ) -> Result<Reservation, Short> {
        let until = tokio::time::Instant::now() + self.deadline;
        while let Short::Share { at, needed } = short {
            self.share(flow, at, needed, until).await.map_err(Short::Limit)?;
            short = match self.try_reserve(flow, worst) {
                Ok(reservation) => return Ok(reservation),
                Err(short) => short,
            };
        }
        Err(short)
    }

    /// As [`Self::try_reserve`], with as many shares as it takes.
    async fn try_with_shares(self: &Arc<Self>, flow: &Arc<Flow>, worst: &Worst) -> Result<Reservation, Short> {
        match self.try_reserve(flow, worst) {
            Err(short @ Short::Share { .. }) => self.after_shares(flow, worst, short).await,
            other => other,
        }
    }

    fn try_reserve(self: &Arc<Self>, flow: &Arc<Flow>, worst: &Worst) -> Result<Reservation, Short> {
        let now_us = self.clock.now();
        let charge = worst.charge(flow).unwrap_or(0);
        let reservation = Reservation::of(self, flow, worst, charge, now_us)?;
        for budget in flow.hard_budgets() {
            let pool = budget.pool(self);
            if pool.runs_low(now_us) && !pool.is_dry(now_us) {
                self.ask(pool, 0, Want::Handy, "");
            }
        }
        Ok(reservation)
    }

    /// A guess at the length of an answer is no more than what its limits on tokens ever allow; and where a budget nears
    /// its end it becomes a limit, which the upstream keeps.
    fn shorten_guess(&self, flow: &Flow, worst: &mut Worst) {
        if !worst.is_guess || !worst.can_be_clipped {
            return;
        }
        let answers = worst.answers.max(1);
        for limit in flow.limits.iter().filter(|limit| limit.unit == Unit::Tokens) {
            let most = limit.amount.saturating_sub(worst.input) / answers;
            if most < worst.output && most >= self.least_answer {
                worst.output = most;
                worst.is_guess = false;
            }
        }
        let now_us = self.clock.now();
        let charge = worst.charge(flow).unwrap_or(0);
        if flow
            .hard_budgets()
            .any(|budget| budget.pool(self).in_sight(now_us) < charge.saturating_mul(NEAR_THE_END))
        {
            worst.is_guess = false;
        }
    }

    async fn reserve_late(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        worst: &mut Worst,
        request_id: &str,
        mut short: (usize, u64),
        closer: impl AsyncFnOnce() -> Option<u64>,
    ) -> Result<Reservation, Denied> {
        add(&self.tally.waits, 1);
        let mut until = tokio::time::Instant::now() + self.deadline;
        let mut asked = *worst;
        let mut closer = Some(closer);
        let mut last = None;
        for _ in 0..TRIES {
            let (at, lack) = short;
            let total = worst.charge(flow).unwrap_or(0).max(lack);
            match self.lease(flow, at, total, request_id, until).await {
                Word::Look => {}
                Word::Silence => return Err(Denied::Unavailable),
                Word::Spent(spent) => {
                    if let Some(input) = closer_than(&asked, closer.take()).await {
                        (asked.input, worst.input) = (input, input);
                        last = Some((at, spent));
                        // Counting is no time that the ledger has taken.
                        until = tokio::time::Instant::now() + self.deadline;
                        short = match self.try_with_shares(flow, worst).await {
                            Ok(reservation) => return Ok(reservation),
                            Err(Short::Limit(denied)) => return Err(Denied::Limit(denied)),
                            Err(Short::Budget { at, lack }) => (at, lack),
                            Err(Short::Share { .. }) => return Err(Denied::Unavailable),
                        };
                        continue;
                    }
                    let shorter = self.shorter(flow, &asked, request_id, until).await;
                    let Some(shorter) = shorter.filter(|shorter| shorter.output < worst.output) else {
                        return Err(self.denied(flow, at, spent, &asked));
                    };
                    last = Some((at, spent));
                    *worst = shorter;
                }
            }
            short = match self.try_with_shares(flow, worst).await {
                Ok(reservation) => {
                    if worst.output < asked.output {
                        add(&self.tally.clipped, 1);
                    }
                    return Ok(reservation);
                }
                Err(Short::Limit(denied)) => return Err(Denied::Limit(denied)),
                Err(Short::Budget { at, lack }) => (at, lack),
                Err(Short::Share { .. }) => return Err(Denied::Unavailable),
            };
        }
        // Others were faster each time: what there was is theirs.
        let (at, spent) = last.ok_or(Denied::Unavailable)?;
        Err(self.denied(flow, at, spent, &asked))
    }

    /// As long an answer as all budgets can pay for now, with what the ledger still gives. None where that is none at all.
    async fn shorter(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        asked: &Worst,
        request_id: &str,
        until: tokio::time::Instant,
    ) -> Option<Worst> {
        if !asked.can_be_clipped {
            return None;
        }
        let least = Worst {
            output: self.least_answer.min(asked.output),
            is_guess: false,
            ..*asked
        };
        let (needed, in_full) = (least.charge(flow)?, asked.charge(flow)?);
        let mut paid = in_full;
        for (at, budget) in flow.budgets.iter().enumerate().filter(|(_, budget)| budget.hard) {
            let pool = budget.pool(self);
            // All that there is, as the ledger has just told; others may be faster, then it tells anew.
            let mut found = None;
            for _ in 0..TRIES {
                let wanted = pool.in_sight(self.clock.now()).min(paid);
                if wanted < needed {
                    return None;
                }
                match self.lease(flow, at, wanted, request_id, until).await {
                    Word::Look => {
                        found = Some(wanted);
                        break;
                    }
                    Word::Spent(_) => {}
                    Word::Silence => return None,
                }
            }
            paid = found?;
        }
        let output = asked.payable(flow, paid)?.min(asked.output);
        (output >= least.output).then_some(Worst { output, ..least })
    }

    fn denied(&self, flow: &Flow, at: usize, spent: Spent, worst: &Worst) -> Denied {
        Denied::Budget {
            at,
            spent,
            needed: worst.charge(flow).unwrap_or(0),
            reserved: flow.budgets[at].pool(self).reserved(),
        }
    }

    /// The fullest limits on requests and on tokens, for the response's headers.
    pub fn standings(&self, flow: &Flow, now: Instant) -> Vec<Standing> {
        let now_us = self.clock.at(now);
        let mut standings: Vec<Standing> = Vec::new();
        for limit in &flow.limits {
            let gauge = limit.gauge(self);
            let Count::Window(window) = &gauge.count else {
                continue;
            };
            if limit.unit == Unit::Spend {
                continue;
            }
            let (here, reset) = window.standing(now_us);
            let used = gauge
                .share
                .as_ref()
                .map_or(here, |share| share.others().saturating_add(here));
            let standing = Standing {
                unit: limit.unit,
                limit: limit.amount,
                remaining: limit.amount.saturating_sub(used),
                reset,
            };
            match standings.iter_mut().find(|other| other.unit == limit.unit) {
                Some(other) if standing.remaining < other.remaining => *other = standing,
                Some(_) => {}
                None => standings.push(standing),
            }
        }
        standings
    }
}

/// What `closer` says of the input, where it is asked for the first time and says less.
async fn closer_than(asked: &Worst, closer: Option<impl AsyncFnOnce() -> Option<u64>>) -> Option<u64> {
    closer?().await.filter(|input| *input < asked.input)
}
