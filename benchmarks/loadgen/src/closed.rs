//! Closed loop: each caller asks again as soon as it is answered.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::client::Client;
use crate::report::{Counts, Times, per_second};
use crate::request;

/// A caller that is refused or cut off waits so long before it asks again: failures must not look like speed.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// The status, or why there is none.
type Asked = Result<io::Result<u16>, Elapsed>;

struct Tally {
    counts: Counts,
    times: Times,
    /// The warm-up included: what the CPU time of the whole run is divided by.
    good_in_all: u64,
}

impl Tally {
    fn add(&mut self, asked: Asked, time: Duration, is_measured: bool) {
        let is_good = matches!(asked, Ok(Ok(200..300)));
        self.good_in_all += u64::from(is_good);
        if !is_measured {
            return;
        }
        match asked {
            Ok(Ok(status)) => self.counts.answered(status),
            Ok(Err(error)) => self.counts.failed(&error),
            Err(_) => self.counts.timed_out(),
        }
        if is_good {
            self.times.add(time);
        }
    }
}

/// Runs, and reports what was answered between the warm-up and the end.
pub async fn run(arguments: &Arguments) -> Value {
    let tally = Rc::new(RefCell::new(Tally {
        counts: Counts::default(),
        times: Times::new(),
        good_in_all: 0,
    }));
    let request: Rc<[u8]> = request::chat(arguments, arguments.bearer.as_deref(), false).into();
    let from = Instant::now() + arguments.warmup;
    let until = from + arguments.seconds;
    let mut callers = JoinSet::new();
    for _ in 0..arguments.connections {
        let client = Client::new(arguments.target.address);
        callers.spawn_local(call(
            client,
            Rc::clone(&request),
            Rc::clone(&tally),
            from,
            until,
            arguments.timeout,
        ));
    }
    while callers.join_next().await.is_some() {}
    let tally = tally.borrow();
    json!({
        "mode": "closed",
        "connections": arguments.connections,
        "body_bytes": arguments.body_bytes,
        "seconds": arguments.seconds.as_secs_f64(),
        "requests": tally.counts.report(),
        "good_in_all": tally.good_in_all,
        "requests_per_second": per_second(tally.counts.good(), arguments.seconds),
        "latency_us": tally.times.report(),
    })
}

async fn call(
    mut client: Client,
    request: Rc<[u8]>,
    tally: Rc<RefCell<Tally>>,
    from: Instant,
    until: Instant,
    limit: Duration,
) {
    loop {
        let start = Instant::now();
        if start >= until {
            return;
        }
        let asked = timeout(limit, client.ask(&request)).await;
        let end = Instant::now();
        let is_good = matches!(asked, Ok(Ok(200..300)));
        tally.borrow_mut().add(asked, end - start, (from..until).contains(&end));
        if !is_good {
            client.close();
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}
