//! Many at once, and in any order: what is drawn is never more than what was granted, and nothing stays reserved.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::limit::{Pool, Short, Slots};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_hundred_on_one_budget_draw_no_more_than_it_has() {
    let amount = 10 * PRICE;
    let world = Arc::new(World::of(amount));
    let flow = flow(&json!({"budgets": [budget("bud_1")], "limits": [
        {"id": "lim_c", "scope": "key", "unit": "concurrent", "amount": 1_000, "window_s": 0, "used": []},
    ]}));
    let clients = (0..400_u64).map(|number| {
        let (world, flow) = (Arc::clone(&world), Arc::clone(&flow));
        tokio::spawn(async move {
            let asked = Worst {
                can_be_clipped: number % 3 == 0,
                ..ANSWER
            };
            let Ok(reservation) = world.reserve(&flow, &asked).await else {
                return (0, 0);
            };
            tokio::task::yield_now().await;
            if number % 5 == 0 {
                drop(reservation);
                return (0, 0);
            }
            let charge = reservation.drawn().min(PRICE * (number % 4) / 4);
            let drawn = reservation.settle(Used { tokens: 1, charge });
            (charge, drawn)
        })
    });
    let mut charged = 0;
    for client in clients.collect::<Vec<_>>() {
        let (charge, drawn) = client.await.unwrap();
        assert_eq!(charge, drawn, "each was known before");
        charged += charge;
    }
    let ledger = world.ledger.lock();
    assert!(
        charged <= ledger.granted && ledger.granted <= amount,
        "{charged} of {ledger:?}"
    );
    assert_eq!((world.reserved(), world.drawn()), (0, charged));
}

#[test]
fn four_hundred_threads_on_one_pool_take_no_more_than_there_is() {
    let pool = Pool::new("bud_1", 0, None);
    pool.granted(1_000, 0, 0, u64::MAX / 2);
    std::thread::scope(|scope| {
        for number in 0..400_u64 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..20 {
                    let amount = 1 + (number + round) % 40;
                    if pool.reserve(amount, 1) {
                        let more = pool.take_up_to(3);
                        assert!(pool.left(1) <= 1_000);
                        pool.settle(amount + more, u64::from(round == 0).min(amount));
                    }
                }
            });
        }
    });
    assert_eq!(pool.reserved(), 0);
    assert!(pool.drawn() <= 1_000);
    assert_eq!(pool.drawn() + pool.left(1), 1_000);
}

#[test]
fn threads_get_all_of_a_reservation_or_none_of_it() {
    let world = World::of(0);
    let flow = flow(&json!({"limits": [
        {"id": "a", "scope": "key", "unit": "concurrent", "amount": 7, "window_s": 0, "used": []},
        {"id": "b", "scope": "key", "unit": "concurrent", "amount": 5, "window_s": 0, "used": []},
        {"id": "c", "scope": "key", "unit": "requests", "amount": 1_000_000, "window_s": 60, "used": []},
        {"id": "d", "scope": "key", "unit": "concurrent", "amount": 3, "window_s": 0, "used": []},
    ]}));
    let running = Slots::default();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..300 {
                    if let Ok(held) = Reservation::of(&world.limiter, &flow, &ANSWER, 0, world.limiter.clock.now()) {
                        assert!(running.take(3), "the strictest holds");
                        std::hint::black_box(&held);
                        running.give_back();
                        held.settle(Used::default());
                    }
                }
            });
        }
    });
    let open = world.limiter.tally.open.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(open, 0);
    let all: Vec<_> = (0..3)
        .map(|_| Reservation::of(&world.limiter, &flow, &ANSWER, 0, world.limiter.clock.now()))
        .collect();
    assert!(all.iter().all(Result::is_ok), "all slots came back");
}

/// A step of any interleaving.
#[derive(Debug, Clone)]
enum Step {
    Reserve(u64),
    Settle(usize, u64),
    Drop(usize),
    Grant(u64),
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_000_u64).prop_map(Step::Reserve),
        3 => (any::<usize>(), 0..3_000_u64).prop_map(|(at, tokens)| Step::Settle(at, tokens)),
        1 => any::<usize>().prop_map(Step::Drop),
        2 => (0..5 * PRICE).prop_map(Step::Grant),
        1 => Just(Step::Expire),
    ]
}

proptest! {
    #[test]
    fn in_any_order_nothing_stays_and_no_more_is_drawn_than_was_granted(steps in prop::collection::vec(step(), 1..120)) {
        let world = World::of(0);
        let flow = flow(&json!({"budgets": [budget("bud_1"), budget("bud_2")], "limits": [
            {"id": "t", "scope": "key", "unit": "tokens", "amount": 20_000, "window_s": 60, "used": []},
            {"id": "c", "scope": "key", "unit": "concurrent", "amount": 6, "window_s": 0, "used": []},
        ]}));
        let pools: Vec<_> = flow.budgets.iter().map(|budget| Arc::clone(budget.pool(&world.limiter))).collect();
        let mut open: Vec<(Reservation, u64)> = Vec::new();
        let (mut granted, mut returned) = (0, 0);
        for step in steps {
            match step {
                Step::Reserve(tokens) => {
                    let worst = Worst { output: tokens, ..ANSWER };
                    let charge = tokens * 1_000;
                    let left: Vec<_> = pools.iter().map(|pool| pool.left(world.limiter.clock.now())).collect();
                    match Reservation::of(&world.limiter, &flow, &worst, charge, world.limiter.clock.now()) {
                        Ok(reservation) => open.push((reservation, charge)),
                        Err(Short::Budget { at, lack }) => prop_assert_eq!(lack, charge - left[at]),
                        Err(Short::Limit(_) | Short::Share { .. }) => {}
                    }
                    prop_assert!(open.len() <= 6);
                }
                Step::Settle(at, tokens) if !open.is_empty() => {
                    let (reservation, reserved) = open.swap_remove(at % open.len());
                    let drawn = reservation.settle(used(tokens));
                    prop_assert!(drawn <= tokens * 1_000);
                    prop_assert!(drawn >= reserved.min(tokens * 1_000));
                }
                Step::Drop(at) if !open.is_empty() => drop(open.swap_remove(at % open.len())),
                Step::Grant(amount) => {
                    granted += amount;
                    for pool in &pools {
                        pool.granted(amount, 0, world.limiter.clock.now(), 60_000_000);
                    }
                }
                Step::Expire => returned += pools.iter().map(|pool| pool.empty()).min().unwrap(),
                Step::Settle(..) | Step::Drop(_) => {}
            }
            let reserved: u64 = open.iter().map(|(_, charge)| charge).sum();
            for pool in &pools {
                prop_assert_eq!(pool.reserved(), reserved);
                prop_assert!(pool.drawn() + pool.reserved() <= granted);
            }
        }
        drop(open);
        for pool in &pools {
            prop_assert_eq!(pool.reserved(), 0);
            prop_assert!(pool.drawn() + pool.left(world.limiter.clock.now()) + returned <= granted);
        }
        let now_us = world.limiter.clock.now();
        for limit in &flow.limits {
            let gauge = limit.gauge(&world.limiter);
            prop_assert!(matches!(gauge.count, crate::limit::Count::Window(_)) || gauge.is_idle(now_us));
        }
    }
}
