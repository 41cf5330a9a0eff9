//! Open loop: requests arrive when they arrive, whatever became of those before them; a late answer is late from the
//! moment when its request should have been sent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::alarm::Alarm;
use crate::arguments::Arguments;
use crate::client::Client;
use crate::report::{Counts, Times, per_second};
use crate::request;

/// Arrivals that no connection has taken, and what became of the others.
struct Floor {
    waiting: RefCell<VecDeque<Instant>>,
    arrival: Notify,
    is_over: RefCell<bool>,
    tally: RefCell<Tally>,
    from: Instant,
}

struct Tally {
    counts: Counts,
    latency: Times,
    /// How late requests were sent: by this program, or because all connections were taken.
    slip: Times,
    /// The warm-up included.
    good_in_all: u64,
}

/// Runs, and reports on the arrivals after the warm-up. All of them are waited for.
pub async fn run(arguments: &Arguments, rate: f64) -> Result<Value, String> {
    let start = Instant::now();
    let floor = Rc::new(Floor {
        waiting: RefCell::default(),
        arrival: Notify::new(),
        is_over: RefCell::new(false),
        tally: RefCell::new(Tally {
            counts: Counts::default(),
            latency: Times::new(),
            slip: Times::new(),
            good_in_all: 0,
        }),
        from: start + arguments.warmup,
    });
    let request: Rc<[u8]> = request::chat(arguments, arguments.bearer.as_deref(), false).into();
    let mut callers = JoinSet::new();
    for _ in 0..arguments.connections {
        let client = Client::new(arguments.target.address);
        callers.spawn_local(call(client, Rc::clone(&request), Rc::clone(&floor), arguments.timeout));
    }
    let until = floor.from + arguments.seconds;
    let arrivals = arrive(&floor, rate, arguments.seed, start, until);
    arrivals.await.map_err(|error| format!("the timer failed: {error}"))?;
    *floor.is_over.borrow_mut() = true;
    floor.arrival.notify_waiters();
    while callers.join_next().await.is_some() {}
    let tally = floor.tally.borrow();
    Ok(json!({
        "mode": "open",
        "connections": arguments.connections,
        "body_bytes": arguments.body_bytes,
        "seconds": arguments.seconds.as_secs_f64(),
        "rate": rate,
        "requests": tally.counts.report(),
        "good_in_all": tally.good_in_all,
        "requests_per_second": per_second(tally.counts.good(), arguments.seconds),
        "latency_us": tally.latency.report(),
        "send_slip_us": tally.slip.report(),
    }))
}

async fn arrive(floor: &Floor, rate: f64, seed: u64, start: Instant, until: Instant) -> std::io::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut alarm = Alarm::new()?;
    let mut next = start;
    loop {
        // The time between events of a Poisson process is exponential.
        next += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
        if next >= until {
            return Ok(());
        }
        if next > Instant::now() {
            alarm.wait_until(next).await?;
        }
        floor.waiting.borrow_mut().push_back(next);
        floor.arrival.notify_one();
    }
}

async fn call(mut client: Client, request: Rc<[u8]>, floor: Rc<Floor>, limit: Duration) {
    loop {
        let next = floor.waiting.borrow_mut().pop_front();
        let Some(intended) = next else {
            if *floor.is_over.borrow() {
                return;
            }
            floor.arrival.notified().await;
            continue;
        };
        let sent = Instant::now();
        let asked = timeout(limit, client.ask(&request)).await;
        let end = Instant::now();
        if matches!(asked, Err(_) | Ok(Err(_))) {
            client.close();
        }
        let mut tally = floor.tally.borrow_mut();
        tally.good_in_all += u64::from(matches!(asked, Ok(Ok(200..300))));
        if intended < floor.from {
            continue;
        }
        tally.slip.add(sent - intended);
        match asked {
            Ok(Ok(status)) => {
                tally.counts.answered(status);
                tally.latency.add(end - intended);
            }
            Ok(Err(error)) => tally.counts.failed(&error),
            Err(_) => tally.counts.timed_out(),
        }
    }
}
