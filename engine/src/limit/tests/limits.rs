use std::time::Duration;

use serde_json::json;

use super::*;
use crate::limit::Unit;

fn limit(id: &str, unit: &str, amount: u64) -> Value {
    let window_s = if unit == "concurrent" { 0 } else { 60 };
    json!({"id": id, "scope": "key", "unit": unit, "amount": amount, "window_s": window_s, "used": []})
}

fn refused_by(denied: Result<Reservation, Denied>) -> (usize, u64, u64) {
    match denied.map(|_| ()) {
        Err(Denied::Limit(denied)) => (denied.at, denied.used, denied.needed),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_limit_that_refuses_is_named_and_the_others_are_as_before() {
    let world = World::of(0);
    let flow = flow(&json!({"limits": [
        limit("lim_r", "requests", 3), limit("lim_c", "concurrent", 2), limit("lim_t", "tokens", 2_500),
    ]}));
    let first = world.reserve(&flow, &ANSWER).await.unwrap();
    let second = world.reserve(&flow, &ANSWER).await.unwrap();
    assert_eq!(
        refused_by(world.reserve(&flow, &ANSWER).await),
        (2, 2_000, 1_000),
        "two run already, but for tokens it would have to wait longer"
    );
    first.settle(used(400));
    let third = world.reserve(&flow, &ANSWER).await.unwrap();
    drop(third);
    second.settle(used(100));
    let third = world.reserve(&flow, &ANSWER).await.unwrap();
    third.settle(Used::default());
    assert_eq!(
        refused_by(world.reserve(&flow, &ANSWER).await),
        (0, 3, 1),
        "one that was dropped never was"
    );
}

#[tokio::test]
async fn flows_share_the_limits_that_they_name() {
    let world = World::of(0);
    let rules = json!({"limits": [limit("lim_r", "requests", 1)]});
    let (one, other) = (flow(&rules), flow(&rules));
    let _held = world.reserve(&one, &ANSWER).await.unwrap();
    assert_eq!(refused_by(world.reserve(&other, &ANSWER).await), (0, 1, 1));
}

#[tokio::test]
async fn limits_on_spend_count_what_was_charged() {
    let world = World::of(0);
    let flow = flow(&json!({"limits": [limit("lim_s", "spend", 1_500_000)]}));
    world.reserve(&flow, &ANSWER).await.unwrap().settle(used(400));
    let _held = world.reserve(&flow, &ANSWER).await.unwrap();
    assert_eq!(refused_by(world.reserve(&flow, &ANSWER).await), (0, 1_400_000, PRICE));
}

#[tokio::test]
async fn what_has_no_price_is_not_counted_as_nothing() {
    let world = World::of(0);
    let mut rules = json!({"limits": [limit("lim_s", "spend", u64::MAX / 4)]});
    let mut unpriced = flow(&rules);
    Arc::get_mut(&mut unpriced).unwrap().targets[0].rates = None;
    assert!(matches!(
        world.reserve(&unpriced, &ANSWER).await.map(|_| ()),
        Err(Denied::Unpriced { target: 0 })
    ));
    rules["limits"][0]["unit"] = json!("tokens");
    let mut uncounted = flow(&rules);
    Arc::get_mut(&mut uncounted).unwrap().targets[0].rates = None;
    assert!(
        world.reserve(&uncounted, &ANSWER).await.is_ok(),
        "where nobody counts money"
    );
}

#[tokio::test]
async fn a_guess_is_no_more_than_a_limit_ever_allows() {
    let world = World::of(0);
    let flow = flow(&json!({"limits": [limit("lim_t", "tokens", 600)]}));
    let guess = Worst {
        is_guess: true,
        can_be_clipped: true,
        ..ANSWER
    };
    let mut worst = guess;
    let _held = world
        .limiter
        .reserve(&flow, &mut worst, "req", async || None)
        .await
        .unwrap();
    assert_eq!((worst.output, worst.is_guess), (600, false));
    let asked = Worst {
        is_guess: false,
        ..guess
    };
    match world.reserve(&flow, &asked).await.map(|_| ()) {
        Err(Denied::Limit(denied)) => assert_eq!(denied.free_in, None, "waiting is of no use"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn standings_are_of_the_fullest() {
    let world = World::of(0);
    let flow = flow(&json!({"limits": [
        limit("lim_a", "requests", 9), limit("lim_b", "requests", 4), limit("lim_t", "tokens", 5_000),
        limit("lim_c", "concurrent", 4), limit("lim_s", "spend", 5_000_000),
    ]}));
    let _held = world.reserve(&flow, &ANSWER).await.unwrap();
    let standings = world.limiter.standings(&flow, std::time::Instant::now());
    let shown: Vec<_> = standings
        .iter()
        .map(|one| (one.unit, one.limit, one.remaining))
        .collect();
    assert_eq!(shown, [(Unit::Requests, 4, 3), (Unit::Tokens, 5_000, 4_000)]);
    assert!(standings.iter().all(|one| one.reset > Duration::from_secs(59)));
}
