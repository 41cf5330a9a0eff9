//! What a request has set aside on all limits and budgets of its flow, until it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::rules::{Budget, Count, NEXT_SLOT, Unit};
use super::tally::add;
use super::{Full, LimitDenied, Limiter, Short, Worst};
use crate::flow::Flow;

/// Dropped without being settled, all of it is given back as if the request had never been.
pub struct Reservation {
    limiter: Arc<Limiter>,
    flow: Arc<Flow>,
    /// For each of the flow's limits so far, the part of its window that the request is counted in.
    parts: Vec<u64>,
    /// On how many of the flow's hard budgets the charge is reserved.
    pools: usize,
    worst: Worst,
    tokens: u64,
    /// What limits on spend count.
    spend: u64,
    /// What is reserved on each budget: it grows with an answer of unknown length.
    charge: u64,
    /// Tokens of output that are paid for.
    output: u64,
    /// Whether the answer may get longer than that.
    is_open: bool,
}

/// What a request used in the end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    pub tokens: u64,
    pub charge: u64,
}

impl Reservation {
    /// All or nothing. `charge` is that of `worst`.
    pub fn of(
        limiter: &Arc<Limiter>,
        flow: &Arc<Flow>,
        worst: &Worst,
        charge: u64,
        now_us: u64,
    ) -> Result<Self, Short> {
        let mut reservation = Self {
            limiter: Arc::clone(limiter),
            flow: Arc::clone(flow),
            parts: Vec::with_capacity(flow.limits.len()),
            pools: 0,
            worst: *worst,
            tokens: worst.tokens(),
            spend: charge,
            charge,
            output: worst.output_tokens(),
            is_open: worst.is_guess,
        };
        limiter.tally.open.fetch_add(1, Ordering::Relaxed);
        // What was reserved up to the first that refuses goes back with the drop.
        reservation.reserve_limits(flow, now_us)?;
        reservation.reserve_budgets(flow, now_us)?;
        Ok(reservation)
    }

    fn reserve_limits(&mut self, flow: &Flow, now_us: u64) -> Result<(), Short> {
        for (at, limit) in flow.limits.iter().enumerate() {
            let part = match &limit.gauge(&self.limiter).count {
                Count::Window(window) => window.reserve(self.needed(limit.unit), limit.amount, now_us),
                Count::Slots(slots) => slots.take(limit.amount).then_some(0),
            };
            self.parts.push(part.ok_or_else(|| self.short_of(flow, at, now_us))?);
        }
        Ok(())
    }

    /// What the limit at this place lacks: room, or this gateway's share of it.
    fn short_of(&self, flow: &Flow, at: usize, now_us: u64) -> Short {
        if let Some(denied) = self.strictest(flow, at, now_us) {
            return Short::Limit(denied);
        }
        let limit = &flow.limits[at];
        let needed = self.needed(limit.unit);
        if limit.gauge(&self.limiter).share.is_some() {
            return Short::Share { at, needed };
        }
        // It has made room meanwhile.
        Short::Limit(LimitDenied {
            at,
            used: limit.amount,
            needed,
            free_in: Some(NEXT_SLOT),
        })
    }

    /// Of the limits that refuse, from `first` on, the one that goes on refusing longest.
    fn strictest(&self, flow: &Flow, first: usize, now_us: u64) -> Option<LimitDenied> {
        let denied = flow.limits.iter().enumerate().skip(first).filter_map(|(at, limit)| {
            let needed = self.needed(limit.unit);
            let count = &limit.gauge(&self.limiter).count;
            let Full { used, free_in } = count.refusal(needed, limit.amount, now_us)?;
            Some(LimitDenied {
                at,
                used,
                needed,
                free_in,
            })
        });
        denied.max_by_key(|denied| denied.free_in.unwrap_or(Duration::MAX))
    }

    fn reserve_budgets(&mut self, flow: &Flow, now_us: u64) -> Result<(), Short> {
        for (at, budget) in hard(flow) {
            let pool = budget.pool(&self.limiter);
            if !pool.reserve(self.charge, now_us) {
                let lack = self.charge.saturating_sub(pool.left(now_us));
                return Err(Short::Budget { at, lack });
            }
            self.pools += 1;
        }
        Ok(())
    }

    fn needed(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests | Unit::Concurrent => 1,
            Unit::Tokens => self.tokens,
            Unit::Spend => self.spend,
        }
    }

    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Whether nothing limits the length of the answer but its budgets.
    pub fn may_be_outrun(&self) -> bool {
        self.is_open && self.pools > 0
    }

    pub fn was_cut_short(&self) {
        add(&self.limiter.tally.cut_short, 1);
    }

    /// What an intent says that it will have drawn, if nothing more is heard of it.
    pub fn drawn(&self) -> u64 {
        if self.pools > 0 { self.charge } else { 0 }
    }

    /// The request has ended. Returns what it drew from each of its budgets.
    pub fn settle(mut self, used: Used) -> u64 {
        let drawn = self.draw(used.charge);
        for (limit, part) in self.flow.limits.iter().zip(&self.parts) {
            match (&limit.gauge(&self.limiter).count, limit.unit) {
                (Count::Slots(slots), _) => slots.give_back(),
                (Count::Window(window), Unit::Tokens) => window.settle(*part, self.tokens, used.tokens),
                (Count::Window(window), Unit::Spend) => window.settle(*part, self.spend, used.charge),
                // A request that was let in is one, however it ended.
                (Count::Window(_), _) => {}
            }
        }
        self.parts.clear();
        drawn
    }

    fn draw(&mut self, charge: u64) -> u64 {
        if self.pools == 0 {
            return 0;
        }
        if charge > self.charge && !self.grow(charge - self.charge) {
            self.grow_by_what_is_left(charge - self.charge);
        }
        let drawn = charge.min(self.charge);
        add(&self.limiter.tally.overshoot, charge - drawn);
        for (_, budget) in hard(&self.flow).take(std::mem::take(&mut self.pools)) {
            budget.pool(&self.limiter).settle(self.charge, drawn);
        }
        drawn
    }

    /// Reserves more on all budgets, or on none.
    fn grow(&mut self, more: u64) -> bool {
        let now_us = self.limiter.clock.now();
        let grown = hard(&self.flow)
            .take_while(|(_, budget)| budget.pool(&self.limiter).reserve(more, now_us))
            .count();
        let is_grown = grown == self.pools;
        if is_grown {
            self.charge += more;
        } else {
            for (_, budget) in hard(&self.flow).take(grown) {
                budget.pool(&self.limiter).settle(more, 0);
            }
        }
        is_grown
    }

    /// The same amount from each, so much as all of them have.
    fn grow_by_what_is_left(&mut self, wanted: u64) {
        let taken: Vec<u64> = hard(&self.flow)
            .map(|(_, budget)| budget.pool(&self.limiter).take_up_to(wanted))
            .collect();
        let least = taken.iter().copied().min().unwrap_or(0);
        for ((_, budget), taken) in hard(&self.flow).zip(taken) {
            budget.pool(&self.limiter).settle(taken - least, 0);
        }
        self.charge += least;
    }

    /// An answer of which nobody knows how long it gets has come to `output` tokens. Sets more aside before that is
    /// needed; true where there is no more, and the answer has to end.
    pub fn is_outrun(&mut self, output: u64) -> bool {
        if !self.is_open || self.pools == 0 || output.saturating_mul(4) < self.output.saturating_mul(3) {
            return false;
        }
        let longer = Worst {
            output: self.worst.output.saturating_mul(2),
            ..self.worst
        };
        let Some(charge) = longer.charge(&self.flow) else {
            return output >= self.output;
        };
        let more = charge.saturating_sub(self.charge);
        if self.grow(more) {
            self.worst = longer;
            self.output = longer.output_tokens();
            return false;
        }
        let mut is_coming = false;
        let now_us = self.limiter.clock.now();
        for (_, budget) in hard(&self.flow) {
            let pool = budget.pool(&self.limiter);
            let lack = more.saturating_sub(pool.left(now_us));
            is_coming |= lack > 0 && self.limiter.ask_for(pool, lack);
        }
        output >= self.output && !is_coming
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.limiter.tally.open.fetch_sub(1, Ordering::Relaxed);
        for (limit, part) in self.flow.limits.iter().zip(&self.parts) {
            match &limit.gauge(&self.limiter).count {
                Count::Slots(slots) => slots.give_back(),
                Count::Window(window) => window.settle(*part, self.needed(limit.unit), 0),
            }
        }
        for (_, budget) in hard(&self.flow).take(self.pools) {
            budget.pool(&self.limiter).settle(self.charge, 0);
        }
    }
}

/// With their places.
fn hard(flow: &Flow) -> impl Iterator<Item = (usize, &Budget)> {
    flow.budgets.iter().enumerate().filter(|(_, budget)| budget.hard)
}
