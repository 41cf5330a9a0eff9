//! What happens to leases and shares while no request asks: they are renewed or given back before they end.

use std::sync::Arc;
use std::time::Duration;

use super::leases::Want;
use super::pool::Due;
use super::sharing::LOOK;
use super::{Limiter, Pool};

/// How late a term's end may be noticed, at most. The ledger waits longer than that before it reclaims a hold.
const TICK: Duration = Duration::from_millis(100);

impl Limiter {
    /// Runs as long as the process serves.
    pub async fn keep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked = tokio::time::Instant::now();
        loop {
            let at = ticks.tick().await;
            if self.shares_limits && at >= looked + LOOK {
                looked = at;
                self.look_at_shares();
            }
            let now_us = self.clock.now();
            let epoch_us = crate::meter::now_us();
            for pool in self.pools() {
                match pool.due(now_us, epoch_us) {
                    Due::Nothing => {}
                    Due::Renewal => self.ask(&pool, 0, Want::Nothing, ""),
                    Due::Return(amount) => self.give_back_later(pool, amount),
                    Due::Removal => self.forget(&pool),
                }
            }
        }
    }

    /// A budget was changed or removed: what is left of its leases goes back, and the next request asks anew.
    pub fn recall(self: &Arc<Self>, budget_id: &str) {
        for pool in self.pools().into_iter().filter(|pool| &*pool.budget == budget_id) {
            let amount = pool.recall();
            self.give_back_later(pool, amount);
        }
    }

    fn give_back_later(self: &Arc<Self>, pool: Arc<Pool>, amount: u64) {
        let limiter = Arc::clone(self);
        tokio::spawn(async move { limiter.give_back(&pool, amount).await });
    }

    /// Everything that is left goes back, for the process ends.
    pub async fn give_all_back(self: &Arc<Self>, limit: Duration) {
        let pools = self.pools();
        let all = pools.iter().map(|pool| self.give_back(pool, pool.empty()));
        let mut all: Vec<_> = all.map(Box::pin).collect();
        let one_after_the_other = async {
            self.give_shares_back().await;
            for back in &mut all {
                back.await;
            }
        };
        let _ = tokio::time::timeout(limit, one_after_the_other).await;
    }
}
