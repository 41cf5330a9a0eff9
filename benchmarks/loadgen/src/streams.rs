//! Many event streams at once: when the first byte comes, how long each chunk is on its way, how even they come, and
//! whether all come.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::arguments::Arguments;
use crate::client::{Chunks, Client, Length};
use crate::events::{Events, Found};
use crate::report::{Counts, Times, per_second};
use crate::request;

/// Silence between two chunks that a reader would notice.
const STALL: Duration = Duration::from_millis(200);

struct Tally {
    counts: Counts,
    first_byte: Times,
    one_way: Times,
    gap: Times,
    chunks: u64,
    stalls: u64,
    /// Streams that brought every chunk and their end.
    whole: u64,
}

/// Runs one request on each connection, and reports on all.
pub async fn run(arguments: &Arguments, chunks: u64, ramp: Duration) -> Value {
    let tally = Rc::new(RefCell::new(Tally {
        counts: Counts::default(),
        first_byte: Times::new(),
        one_way: Times::new(),
        gap: Times::new(),
        chunks: 0,
        stalls: 0,
        whole: 0,
    }));
    let request: Rc<[u8]> = request::chat(arguments, arguments.bearer.as_deref(), true).into();
    let start = Instant::now();
    let count = u32::try_from(arguments.connections).unwrap_or(u32::MAX);
    let mut streams = JoinSet::new();
    for index in 0..count {
        let (request, tally) = (Rc::clone(&request), Rc::clone(&tally));
        let begin = start + ramp.mul_f64(f64::from(index) / f64::from(count));
        let (address, limit) = (arguments.target.address, arguments.timeout);
        streams.spawn_local(async move {
            sleep_until(begin.into()).await;
            let mut client = Client::new(address);
            let followed = timeout(limit, follow(&mut client, &request, chunks, &tally)).await;
            let mut tally = tally.borrow_mut();
            match followed {
                Ok(Ok(status)) => tally.counts.answered(status),
                Ok(Err(error)) => tally.counts.failed(&error),
                Err(_) => tally.counts.timed_out(),
            }
        });
    }
    while streams.join_next().await.is_some() {}
    let elapsed = start.elapsed();
    let tally = tally.borrow();
    let expected = chunks * u64::from(count);
    json!({
        "mode": "streams",
        "streams": count,
        "seconds": elapsed.as_secs_f64(),
        "requests": tally.counts.report(),
        "whole_streams": tally.whole,
        "chunks": tally.chunks,
        "lost_chunks": expected.saturating_sub(tally.chunks),
        "chunks_per_second": per_second(tally.chunks, elapsed),
        "stalls_over_200_ms": tally.stalls,
        "first_byte_us": tally.first_byte.report(),
        "one_way_us": tally.one_way.report(),
        "gap_us": tally.gap.report(),
    })
}

async fn follow(client: &mut Client, request: &[u8], expected: u64, tally: &RefCell<Tally>) -> io::Result<u16> {
    let start = Instant::now();
    let head = client.begin(request).await?;
    tally.borrow_mut().first_byte.add(start.elapsed());
    if head.length != Length::Chunked {
        return Ok(head.status);
    }
    let (mut chunks, mut events, mut found) = (Chunks::default(), Events::default(), Found::default());
    let mut last = None;
    let mut count = 0;
    loop {
        let taken = chunks.take(client.buffer(), events.pending())?;
        client.buffer().drain(..taken);
        events.take(&mut found);
        count += found.stamps.len() as u64;
        tally.borrow_mut().arrived(&found.stamps, &mut last);
        if chunks.is_over() {
            tally.borrow_mut().whole += u64::from(found.is_done && count == expected);
            return Ok(head.status);
        }
        client.fill().await?;
    }
}

impl Tally {
    /// Chunks that came in one read came at the same moment.
    fn arrived(&mut self, stamps: &[u64], last: &mut Option<Instant>) {
        if stamps.is_empty() {
            return;
        }
        let (now, wall) = (Instant::now(), unix_micros());
        for stamp in stamps {
            self.chunks += 1;
            self.one_way.add(Duration::from_micros(wall.saturating_sub(*stamp)));
            if let Some(last) = last.replace(now) {
                let gap = now - last;
                self.stalls += u64::from(gap > STALL);
                self.gap.add(gap);
            }
        }
    }
}

fn unix_micros() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
