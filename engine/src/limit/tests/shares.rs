//! Several gateways and one office: together they count no more than the limit, whatever is late; and what requests see of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::flow::ShareAnswer;
use crate::limit::share::{Shared, Why};
use crate::limit::{Clock, Gauge, Limit, Told};

const SECOND: u64 = 1_000_000;
/// After the clock of the gauges began.
const START: u64 = 200_000 * SECOND;

fn limit(unit: &str, amount: u64) -> Value {
    let window_s = if unit == "concurrent" { 0 } else { 60 };
    json!({"id": "lim_1", "scope": "key", "unit": unit, "amount": amount, "window_s": window_s, "used": [[0, 5]]})
}

fn gauge_of(unit: &str, amount: u64) -> Gauge {
    let limit: Limit = serde_json::from_value(limit(unit, amount)).unwrap();
    limit.new_shared_gauge(&Clock::default())
}

fn share(cap: u64) -> ShareAnswer {
    ShareAnswer {
        cap,
        used: 0,
        enough: true,
        free_in_ms: None,
    }
}

// --- One share ---

#[test]
fn a_share_is_asked_for_once_and_what_comes_is_what_may_be_counted() {
    let gauge = gauge_of("requests", 10);
    let shared = Shared::of(&gauge).unwrap();
    let _first = shared.share.wait_for(1, 10);
    let _second = shared.share.wait_for(1, 10);
    assert!(!shared.has_room(1, START), "nothing is known yet");
    let told = shared.ask(Why::Need(1), START).unwrap();
    assert_eq!(
        (told.cap, told.used, told.need, told.want),
        (0, 0, 1, 2),
        "for all who wait"
    );
    assert_eq!(shared.ask(Why::Need(1), START), None, "one question at a time");
    assert_eq!(shared.answered(Some(&share(4)), START), 4);
    assert!(shared.has_room(4, START) && !shared.has_room(5, START));
    let again = shared.ask(Why::Need(5), START).unwrap();
    assert_eq!(again.cap, 0, "who needs more puts on the table what it has");
    assert!(again.number > told.number, "at the same microsecond too");
}

#[test]
fn a_refusal_is_repeated_for_a_while_for_who_needs_as_much() {
    let gauge = gauge_of("requests", 10);
    let shared = Shared::of(&gauge).unwrap();
    let refusal = ShareAnswer {
        cap: 0,
        used: 10,
        enough: false,
        free_in_ms: Some(7_000),
    };
    let mut lasted = Vec::new();
    let mut now = START;
    for _ in 0..4 {
        shared.ask(Why::Need(2), now).unwrap();
        shared.answered(Some(&refusal), now);
        let full = shared.share.refused_for(2, now).unwrap();
        assert_eq!((full.used, full.free_in), (10, Some(Duration::from_secs(7))));
        assert!(shared.share.refused_for(1, now).is_none(), "less may be there");
        let began = now;
        while shared.share.refused_for(2, now).is_some() {
            now += SECOND / 20;
        }
        lasted.push((now - began) / 1_000);
    }
    assert_eq!(lasted, [250, 500, 1_000, 1_000]);
    shared.ask(Why::Need(2), now).unwrap();
    shared.answered(Some(&share(2)), now);
    assert!(shared.share.refused_for(2, now).is_none());
}

#[test]
fn without_an_answer_all_of_the_limit_is_counted_here() {
    let gauge = gauge_of("requests", 10);
    let shared = Shared::of(&gauge).unwrap();
    shared.ask(Why::Need(1), START).unwrap();
    shared.answered(None, START);
    assert!(shared.share.counts_alone() && shared.has_room(10, START) && !shared.has_room(11, START));
    assert!(!shared.is_due(START + SECOND / 2) && shared.is_due(START + SECOND));
    let told = shared.ask(Why::Time, START + SECOND).unwrap();
    assert_eq!((told.cap, told.used), (0, 0), "what is used");
    shared.answered(None, START + SECOND);
    assert!(
        !shared.is_due(START + 2 * SECOND) && shared.is_due(START + 3 * SECOND),
        "less and less often"
    );
    shared.ask(Why::Time, START + 3 * SECOND).unwrap();
    shared.answered(Some(&share(3)), START + 3 * SECOND);
    assert!(!shared.share.counts_alone() && shared.has_room(3, START) && !shared.has_room(4, START));
}

#[test]
fn who_waits_for_silence_goes_on_alone() {
    let gauge = gauge_of("requests", 10);
    let shared = Shared::of(&gauge).unwrap();
    assert!(!shared.gives_up(Duration::ZERO, START), "nothing was asked");
    shared.ask(Why::Need(1), START).unwrap();
    assert!(!shared.gives_up(Duration::from_secs(3), START + 2 * SECOND));
    assert!(shared.gives_up(Duration::from_secs(3), START + 3 * SECOND));
    assert!(shared.has_room(10, START));
    shared.answered(Some(&share(1)), START + 4 * SECOND);
    assert!(!shared.share.counts_alone(), "late is better than never");
}

#[test]
fn what_nobody_wants_goes_back_and_then_it_is_over() {
    let gauge = gauge_of("requests", 100);
    let shared = Shared::of(&gauge).unwrap();
    assert!(shared.share.is_to_be_listed() && !shared.share.is_to_be_listed());
    shared.ask(Why::Need(1), START).unwrap();
    shared.answered(Some(&share(30)), START);
    assert!(gauge.count.figures(START) == (30, 0) && take(&gauge, 8, 100, START));
    let mut told = Vec::new();
    for quarter in 1..=400 {
        let now = START + quarter * SECOND / 4;
        if shared.is_due(now) {
            let one = shared.ask(Why::Time, now).unwrap();
            shared.answered(Some(&share(one.cap)), now);
            told.push((one.cap, one.used));
        }
        assert_eq!(shared.is_over(now), told.last() == Some(&(0, 0)));
    }
    assert_eq!(
        told,
        [(16, 8), (8, 8), (0, 0)],
        "as much as was wanted is kept for two seconds"
    );
    assert!(shared.share.is_to_be_listed(), "from the beginning");
}

#[test]
fn who_has_slots_says_so_again_and_again() {
    let gauge = gauge_of("concurrent", 10);
    let shared = Shared::of(&gauge).unwrap();
    shared.ask(Why::Need(1), START).unwrap();
    shared.answered(Some(&share(1)), START);
    assert!(take(&gauge, 1, 10, START));
    let said = (1..=60)
        .filter(|quarter| {
            let now = START + quarter * SECOND / 4;
            let is_due = shared.is_due(now);
            if is_due {
                let told = shared.ask(Why::Time, now).unwrap();
                assert_eq!((told.cap, told.used), (1, 1));
                shared.answered(Some(&share(1)), now);
            }
            is_due
        })
        .count();
    assert!((5..=7).contains(&said), "{said} times in 15 s");
}

#[test]
fn what_runs_low_is_asked_for_ahead_unless_there_was_none() {
    let gauge = gauge_of("requests", 1_000);
    let shared = Shared::of(&gauge).unwrap();
    shared.ask(Why::Need(1), START).unwrap();
    shared.answered(Some(&share(40)), START);
    assert!(take(&gauge, 20, 1_000, START));
    assert!(!shared.is_due(START + SECOND / 4), "as much as was wanted is there");
    assert!(take(&gauge, 15, 1_000, START));
    assert!(shared.is_due(START + SECOND / 2));
    let told = shared.ask(Why::Time, START + SECOND / 2).unwrap();
    assert_eq!((told.cap, told.need, told.want), (40, 0, 30));
    shared.answered(Some(&share(40)), START + SECOND / 2);
    assert!(!shared.is_due(START + SECOND), "there was none a moment ago");
}

// --- Many gateways ---

fn take(gauge: &Gauge, amount: u64, limit: u64, now: u64) -> bool {
    match &gauge.count {
        crate::limit::Count::Window(window) => window.reserve(amount, limit, now).is_some(),
        crate::limit::Count::Slots(slots) => slots.take(limit),
    }
}

/// As `gateway/domain/shares.py`, of lives that never die.
#[derive(Default)]
struct Office {
    held: std::collections::HashMap<usize, (u64, u64)>,
}

impl Office {
    fn answer(&mut self, life: usize, told: &Told, amount: u64) -> ShareAnswer {
        if self.held.get(&life).is_some_and(|(number, _)| told.number < *number) {
            return ShareAnswer {
                enough: false,
                ..share(told.cap)
            };
        }
        let others: u64 = self
            .held
            .iter()
            .filter(|(one, _)| **one != life)
            .map(|(_, (_, cap))| cap)
            .sum();
        let free = amount.saturating_sub(others + told.cap);
        let enough = told.need <= free;
        let more = if enough {
            told.need.max(told.want.min(free / 6))
        } else {
            0
        };
        self.held.insert(life, (told.number, told.cap + more));
        ShareAnswer {
            enough,
            ..share(told.cap + more)
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Use(usize, u64),
    Ask(usize, u64),
    Recall(usize),
    Look(usize),
    Deliver(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..3_usize;
    prop_oneof![
        2 => (0..3_000_000_u64).prop_map(Step::Pass),
        4 => (who.clone(), 1..30_u64).prop_map(|(who, amount)| Step::Use(who, amount)),
        3 => (who.clone(), 1..30_u64).prop_map(|(who, amount)| Step::Ask(who, amount)),
        1 => who.clone().prop_map(Step::Recall),
        2 => who.clone().prop_map(Step::Look),
        4 => who.prop_map(Step::Deliver),
    ]
}

proptest! {
    /// Questions reach the office at once, or as late as their answers; answers come when they come.
    #[test]
    fn together_they_count_no_more_than_the_limit(
        steps in prop::collection::vec(step(), 1..200), slow in any::<[bool; 3]>(),
    ) {
        let amount = 100;
        let mut office = Office::default();
        let gauges: Vec<Gauge> = (0..3).map(|_| gauge_of("requests", amount)).collect();
        let mut under_way: [Option<(Told, Option<ShareAnswer>)>; 3] = [None, None, None];
        let mut counted: Vec<(u64, u64)> = Vec::new();
        let mut now = START;
        for step in steps {
            let mut put = |who: usize, why: Why, now: u64| {
                let shared = Shared::of(&gauges[who]).unwrap();
                if let Some(told) = shared.ask(why, now) {
                    let answer = (!slow[who]).then(|| office.answer(who, &told, amount));
                    under_way[who] = Some((told, answer));
                }
            };
            match step {
                Step::Pass(span) => now += span,
                Step::Use(who, wanted) => {
                    if take(&gauges[who], wanted, amount, now) {
                        counted.push((now, wanted));
                    }
                }
                Step::Ask(who, need) => put(who, Why::Need(need), now),
                Step::Recall(who) => put(who, Why::Recall, now),
                Step::Look(who) => {
                    if Shared::of(&gauges[who]).unwrap().is_due(now) {
                        put(who, Why::Time, now);
                    }
                }
                Step::Deliver(who) => {
                    if let Some((told, answer)) = under_way[who].take() {
                        let answer = answer.unwrap_or_else(|| office.answer(who, &told, amount));
                        Shared::of(&gauges[who]).unwrap().answered(Some(&answer), now);
                    }
                }
            }
            let figures: Vec<_> = gauges.iter().map(|gauge| gauge.count.figures(now)).collect();
            for (who, (cap, used)) in figures.iter().enumerate() {
                prop_assert!(used <= cap);
                let known = office.held.get(&who).map_or(0, |(_, cap)| *cap);
                prop_assert!(*cap <= known, "{who} has {cap}, and the office knows of {known}");
            }
            prop_assert!(office.held.values().map(|(_, cap)| cap).sum::<u64>() <= amount);
            let in_window: u64 = counted.iter().filter(|(at, _)| at + 60 * SECOND > now).map(|(_, one)| one).sum();
            prop_assert!(in_window <= amount, "{in_window} in a true window");
        }
    }
}

// --- Requests ---

#[tokio::test]
async fn requests_wait_for_a_share_and_are_told_by_the_office_that_there_is_none() {
    let world = World::shared();
    let flow = flow(&json!({"limits": [limit("requests", 3)]}));
    let all: Vec<_> = (0..3).map(|_| world.reserve(&flow, &ANSWER)).collect();
    for one in all {
        one.await.unwrap().settle(Used::default());
    }
    let denied = world.reserve(&flow, &ANSWER).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(denied, Denied::Limit(denied) if denied.used == 3),
        "by its own count"
    );
    let asked = world.ledger.lock().questions;
    assert!(asked <= 3, "{asked} questions");
}

#[tokio::test]
async fn what_others_have_used_is_told_too() {
    let world = World::shared();
    world.ledger.lock().held = 8;
    let flow = flow(&json!({"limits": [limit("requests", 10)]}));
    for _ in 0..2 {
        world.reserve(&flow, &ANSWER).await.unwrap().settle(Used::default());
    }
    match world.reserve(&flow, &ANSWER).await.map(|_| ()) {
        Err(Denied::Limit(denied)) => {
            assert_eq!((denied.at, denied.used, denied.needed), (0, 10, 1));
            assert_eq!(denied.free_in, Some(Duration::from_secs(9)));
        }
        other => panic!("{other:?}"),
    }
    let standing = world.limiter.standings(&flow, std::time::Instant::now());
    assert_eq!(standing[0].remaining, 0);
}

#[tokio::test]
async fn while_nobody_answers_a_limit_holds_here() {
    let world = World::shared();
    world.ledger.lock().is_away = true;
    let flow = flow(&json!({"limits": [limit("requests", 2), limit("concurrent", 2)]}));
    let _held = [
        world.reserve(&flow, &ANSWER).await.unwrap(),
        world.reserve(&flow, &ANSWER).await.unwrap(),
    ];
    assert!(matches!(world.reserve(&flow, &ANSWER).await, Err(Denied::Limit(_))));
    assert_eq!(world.limiter.counted_alone(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_hundred_on_one_limit_are_let_in_as_often_as_it_allows() {
    let world = Arc::new(World::shared());
    world.ledger.lock().slices = 8;
    let flow = flow(&json!({"limits": [limit("requests", 60)]}));
    let clients = (0..400).map(|_| {
        let (world, flow) = (Arc::clone(&world), Arc::clone(&flow));
        tokio::spawn(async move {
            let reserved = world.reserve(&flow, &ANSWER).await;
            reserved.map(|reservation| reservation.settle(Used::default())).is_ok()
        })
    });
    let mut let_in = 0;
    for client in clients.collect::<Vec<_>>() {
        let_in += u64::from(client.await.unwrap());
    }
    assert_eq!(let_in, 60);
}

#[tokio::test]
async fn what_is_to_spare_goes_back_when_others_want_it_and_at_the_end() {
    let world = World::shared();
    let flow = flow(&json!({"limits": [limit("requests", 100)]}));
    world.reserve(&flow, &ANSWER).await.unwrap().settle(Used::default());
    let gauge = Arc::clone(flow.limits[0].gauge(&world.limiter));
    gauge.count.allow(50);
    world.ledger.lock().held = 50;
    world.limiter.recall_shares("lim_other");
    assert_eq!(gauge.count.figures(world.limiter.clock.now()), (50, 1));
    world.limiter.recall_shares("lim_1");
    assert_eq!(gauge.count.figures(world.limiter.clock.now()), (1, 1));
    gauge.count.allow(50);
    world.limiter.give_all_back(Duration::from_secs(5)).await;
    assert_eq!(gauge.count.figures(world.limiter.clock.now()), (1, 1));
    world.limiter.look_at_shares();
    assert_eq!(
        gauge.count.figures(world.limiter.clock.now()),
        (1, 1),
        "and nothing is asked for any more"
    );
}
