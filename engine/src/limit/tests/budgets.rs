use serde_json::json;

use super::*;

fn one_budget() -> Arc<Flow> {
    flow(&json!({"budgets": [budget("bud_1")]}))
}

fn is_spent(result: Result<Reservation, Denied>) -> bool {
    matches!(result.map(|_| ()), Err(Denied::Budget { .. }))
}

async fn until(condition: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(tokio::time::Instant::now() < end, "it did not come true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_known_budget_is_drawn_from_without_asking() {
    let (world, flow) = (World::of(1_000 * PRICE), one_budget());
    world.reserve(&flow, &ANSWER).await.unwrap().settle(used(1_000));
    let asked = world.ledger.lock().questions;
    for _ in 0..5 {
        assert_eq!(world.reserve(&flow, &ANSWER).await.unwrap().settle(used(10)), 10_000);
    }
    assert_eq!(world.ledger.lock().questions, asked);
    assert_eq!((world.reserved(), world.drawn()), (0, PRICE + 50_000));
}

#[tokio::test]
async fn what_was_not_used_pays_for_others() {
    let (world, flow) = (World::of(PRICE * 3 / 2), one_budget());
    for _ in 0..11 {
        assert_eq!(world.reserve(&flow, &ANSWER).await.unwrap().settle(used(50)), 50_000);
    }
    let held = world.reserve(&flow, &ANSWER).await;
    assert!(is_spent(held), "what is left does not pay for a whole answer");
    assert_eq!(world.drawn(), 550_000);
}

#[tokio::test]
async fn the_refusal_says_what_the_ledger_said() {
    let (world, flow) = (World::of(PRICE * 3 / 2), one_budget());
    let _held = world.reserve(&flow, &ANSWER).await.unwrap();
    match world.reserve(&flow, &ANSWER).await.map(|_| ()) {
        Err(Denied::Budget {
            at: 0,
            spent,
            needed,
            reserved,
        }) => {
            assert_eq!((spent.amount, needed, reserved), (PRICE * 3 / 2, PRICE, PRICE));
            assert!(spent.held >= PRICE);
        }
        other => panic!("{other:?}"),
    }
    let asked = world.ledger.lock().questions;
    assert!(is_spent(world.reserve(&flow, &ANSWER).await));
    assert_eq!(world.ledger.lock().questions, asked, "it is believed for a moment");
}

#[tokio::test]
async fn what_costs_nothing_asks_for_nothing() {
    let world = World::of(0);
    let flow = one_budget();
    let free = Worst { output: 0, ..ANSWER };
    assert_eq!(world.reserve(&flow, &free).await.unwrap().settle(used(0)), 0);
    assert_eq!(world.ledger.lock().questions, 0);
}

#[tokio::test]
async fn a_soft_budget_refuses_nothing_and_is_not_leased() {
    let world = World::of(0);
    let mut soft = budget("bud_1");
    soft["hard"] = json!(false);
    let flow = flow(&json!({"budgets": [soft]}));
    let reservation = world.reserve(&flow, &ANSWER).await.unwrap();
    assert_eq!((reservation.drawn(), reservation.settle(used(9))), (0, 0));
    assert_eq!((world.ledger.lock().questions, flow.budgets_text("spool-7")), (0, ""));
}

#[tokio::test]
async fn of_two_budgets_both_are_drawn_from_or_none() {
    let (world, flow) = (
        World::of(8 * PRICE),
        flow(&json!({"budgets": [budget("bud_1"), budget("bud_2")]})),
    );
    assert_eq!(flow.budgets_text("spool-7"), "bud_1@5,bud_2@5#7");
    let first = world.reserve(&flow, &ANSWER).await.unwrap();
    assert_eq!((world.reserved(), first.drawn()), (2 * PRICE, PRICE));
    world.ledger.lock().amount = 0;
    world.ledger.lock().held = 0;
    let mut open = vec![first];
    while let Ok(reservation) = world.reserve(&flow, &ANSWER).await {
        open.push(reservation);
    }
    let count = open.len() as u64;
    assert_eq!(
        world.reserved(),
        2 * count * PRICE,
        "the one that was refused left nothing behind"
    );
    drop(open);
    assert_eq!((world.reserved(), world.drawn()), (0, 0));
}

#[tokio::test]
async fn an_outage_is_not_a_spent_budget() {
    let world = World::with(Ledger {
        is_away: true,
        ..Ledger::default()
    });
    let silent = world.reserve(&one_budget(), &ANSWER).await.map(|_| ());
    assert!(matches!(silent, Err(Denied::Unavailable)), "{silent:?}");
    assert_eq!(world.reserved(), 0);
}

#[tokio::test]
async fn an_answer_is_shortened_to_what_is_left() {
    let (world, flow) = (World::of(PRICE * 3 / 2), one_budget());
    let asked = Worst {
        can_be_clipped: true,
        ..ANSWER
    };
    let first = world.reserve(&flow, &asked).await.unwrap();
    let mut worst = asked;
    let second = world
        .limiter
        .reserve(&flow, &mut worst, "req", async || None)
        .await
        .unwrap();
    assert_eq!(worst.output, 500);
    assert!(
        is_spent(world.reserve(&flow, &asked).await),
        "nothing is left for a single token"
    );
    assert_eq!(first.settle(used(1_000)) + second.settle(used(500)), PRICE * 3 / 2);
    assert_eq!((world.reserved(), world.drawn()), (0, world.ledger.lock().granted));
}

#[tokio::test]
async fn what_nobody_foresaw_is_drawn_as_far_as_there_is_anything() {
    let (world, flow) = (World::of(3 * PRICE), one_budget());
    let first = world.reserve(&flow, &ANSWER).await.unwrap();
    let left = world.limiter.pools()[0].left(world.limiter.clock.now());
    let drawn = first.settle(used(9_000));
    assert_eq!(drawn, PRICE + left);
    let overshoot = world.limiter.tally.overshoot.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(overshoot, 9 * PRICE - drawn);
    assert_eq!((world.reserved(), world.drawn()), (0, world.ledger.lock().granted));
}

#[tokio::test]
async fn an_answer_of_unknown_length_gets_more_until_there_is_none() {
    let (world, flow) = (World::of(1_000 * PRICE), one_budget());
    let guess = Worst {
        is_guess: true,
        can_be_clipped: true,
        ..ANSWER
    };
    let mut open = world.reserve(&flow, &guess).await.unwrap();
    assert!(open.may_be_outrun());
    for tokens in (0..4_000).step_by(10) {
        assert!(!open.is_outrun(tokens), "{tokens}");
        tokio::task::yield_now().await;
    }
    let rest = 1_000 * PRICE - world.ledger.lock().held;
    world.ledger.lock().held += rest;
    let mut tokens = 4_000;
    while !open.is_outrun(tokens) {
        tokens += 10;
        assert!(tokens < 1_000_000);
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    let drawn = open.settle(used(tokens));
    assert!(drawn <= world.ledger.lock().granted);
    assert_eq!(world.reserved(), 0);
}

#[tokio::test]
async fn near_its_end_a_budget_limits_every_answer() {
    let (world, flow) = (World::of(20 * PRICE), one_budget());
    let guess = Worst {
        is_guess: true,
        can_be_clipped: true,
        ..ANSWER
    };
    let mut first = guess;
    world
        .limiter
        .reserve(&flow, &mut first, "req", async || None)
        .await
        .unwrap()
        .settle(used(1));
    let mut second = guess;
    let _held = world
        .limiter
        .reserve(&flow, &mut second, "req", async || None)
        .await
        .unwrap();
    assert!(!second.is_guess, "now it is known how little is left");
}

#[tokio::test]
async fn an_unused_lease_goes_back_and_a_used_one_is_renewed() {
    let world = World::with(Ledger {
        amount: 100 * PRICE,
        term_ms: 400,
        slices: 4,
        ..Ledger::default()
    });
    let flow = one_budget();
    let open = world.reserve(&flow, &ANSWER).await.unwrap();
    let keeping = tokio::spawn(Arc::clone(&world.limiter).keep());
    let granted = world.ledger.lock().granted;
    // Renewed while a request holds some of it, terms after it was granted.
    until(|| world.ledger.lock().questions > 4).await;
    assert_eq!(world.reserved(), PRICE);
    assert_eq!(world.ledger.lock().granted, granted);
    assert_eq!(world.ledger.lock().returned, 0);
    open.settle(used(1_000));
    until(|| world.ledger.lock().returned == granted - PRICE).await;
    assert_eq!(
        world.ledger.lock().held,
        PRICE,
        "what was drawn is the ledger's to settle"
    );
    // And asked for anew by the next.
    assert!(world.reserve(&flow, &ANSWER).await.is_ok());
    keeping.abort();
}

#[tokio::test]
async fn a_recalled_budget_is_asked_for_anew() {
    let (world, flow) = (World::of(100 * PRICE), one_budget());
    let open = world.reserve(&flow, &ANSWER).await.unwrap();
    world.limiter.recall("bud_1");
    until(|| world.ledger.lock().held == PRICE).await;
    world.ledger.lock().amount = PRICE;
    assert!(is_spent(world.reserve(&flow, &ANSWER).await), "it was lowered");
    world.ledger.lock().amount = 5 * PRICE;
    world.limiter.recall("bud_1");
    assert!(world.reserve(&flow, &ANSWER).await.is_ok(), "and raised");
    open.settle(used(1));
}

#[tokio::test]
async fn everything_goes_back_at_the_end() {
    let (world, flow) = (World::of(100 * PRICE), one_budget());
    world.reserve(&flow, &ANSWER).await.unwrap().settle(used(500));
    world.limiter.give_all_back(Duration::from_secs(10)).await;
    assert_eq!(world.ledger.lock().held, PRICE / 2);
}
