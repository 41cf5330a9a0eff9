//! Asking the ledger: a lease is asked for once, however many wait for it.

use std::sync::Arc;

use tokio::time::timeout_at;

use super::tally::add;
use super::{Limiter, Pool};
use crate::flow::{Answer, Flow, LeaseQuestion, ReturnQuestion, Spent};

/// How much more than the need is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// What lasts for a while.
    Handy,
    Nothing,
}

/// What the ledger says to a request that lacks something.
pub enum Word {
    /// There may be enough now.
    Look,
    Spent(Spent),
    Silence,
}

impl Limiter {
    /// Waits until as much as `total` is left in the pool, or the ledger says that there is none.
    pub(super) async fn lease(
        self: &Arc<Self>,
        flow: &Flow,
        at: usize,
        total: u64,
        request_id: &str,
        until: tokio::time::Instant,
    ) -> Word {
        let pool = flow.budgets[at].pool(self);
        loop {
            let mut heard = std::pin::pin!(pool.heard.notified());
            heard.as_mut().enable();
            let now_us = self.clock.now();
            let lack = total.saturating_sub(pool.left(now_us));
            if lack == 0 {
                return Word::Look;
            }
            if let Some(spent) = pool.spent_for(lack, now_us) {
                return Word::Spent(spent);
            }
            if pool.has_failed(now_us) {
                return Word::Silence;
            }
            self.ask(pool, lack, Want::Handy, request_id);
            if timeout_at(until, heard).await.is_err() {
                return Word::Silence;
            }
        }
    }

    /// Asks for more without waiting. False where the ledger has said lately that there is none.
    pub fn ask_for(self: &Arc<Self>, pool: &Arc<Pool>, lack: u64) -> bool {
        let now_us = self.clock.now();
        if pool.spent_for(lack, now_us).is_some() || pool.has_failed(now_us) {
            return false;
        }
        self.ask(pool, lack, Want::Handy, "");
        true
    }

    /// Puts the question in a task of its own, so that a request that leaves does not leave others waiting. Nothing
    /// happens where one is under way.
    pub fn ask(self: &Arc<Self>, pool: &Arc<Pool>, need: u64, want: Want, request_id: &str) {
        if !pool.begins_to_ask() {
            return;
        }
        let now_us = self.clock.now();
        let want = match want {
            Want::Handy => pool.wanted(need, now_us).saturating_sub(pool.left(now_us)).max(need),
            Want::Nothing => need,
        };
        let (limiter, pool, request_id) = (Arc::clone(self), Arc::clone(pool), request_id.to_owned());
        tokio::spawn(async move {
            limiter.question(&pool, need, want, &request_id).await;
            pool.answered();
        });
    }

    async fn question(&self, pool: &Pool, need: u64, want: u64, request_id: &str) {
        let asked_at_us = self.clock.now();
        let question = LeaseQuestion {
            kind: "lease",
            life: &self.life,
            budget_id: &pool.budget,
            period_start_us: pool.period_start_us,
            need,
            want,
            request_id,
        };
        match self.resolver.put(&question).await {
            Some(Answer::Lease(lease)) => {
                if lease.granted > 0 {
                    add(&self.tally.grants, 1);
                    add(&self.tally.granted, lease.granted);
                }
                let term_us = lease.term_ms.saturating_mul(1_000);
                pool.granted(lease.granted, lease.remaining, asked_at_us, term_us);
            }
            Some(Answer::Spent(spent)) => pool.refused(need, spent, self.clock.now()),
            _ => pool.failed(self.clock.now()),
        }
    }

    /// Tells the ledger that an amount will not be drawn. If it does not hear it, the end of the term says the same.
    pub async fn give_back(&self, pool: &Pool, amount: u64) {
        if amount == 0 {
            return;
        }
        add(&self.tally.returned, amount);
        let question = ReturnQuestion {
            kind: "return",
            life: &self.life,
            budget_id: &pool.budget,
            period_start_us: pool.period_start_us,
            amount,
        };
        if self.resolver.put(&question).await.is_none() {
            tracing::warn!(
                budget = &*pool.budget,
                amount,
                "a lease could not be given back; it ends with its term"
            );
        }
    }
}
