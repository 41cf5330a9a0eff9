//! What was served, for proofs that nothing was lost: one record for each request, kept in memory and written to a log.

mod served;

pub use served::Served;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::clock::unix_micros;

/// The endpoint of requests that look at the mock itself.
pub const ADMINISTRATION: &str = "mock";

/// How a request ended, seen from the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything that was meant to be sent was handed to the socket.
    Complete,
    /// The caller closed or reset before that.
    ClientLeft,
    /// A knob cut the answer short.
    Cut,
}

/// Honest counts, whatever the usage block in the answer said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    pub input: u64,
    /// Of the input.
    pub cached: u64,
    /// Everything that is generated, reasoning included.
    pub output: u64,
    /// Of the output.
    pub reasoning: u64,
}

/// One request. Times are microseconds since 1970, UTC.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Counts from 1, without gaps, until a reset.
    pub sequence: u64,
    /// The caller's `x-request-id`.
    pub request_id: Option<Box<str>>,
    pub endpoint: &'static str,
    pub model: Arc<str>,
    pub stream: bool,
    /// 0 where none was sent.
    pub status: u16,
    /// What a complete answer costs.
    pub tokens: Tokens,
    /// Output tokens made so far; what a provider would bill for.
    pub produced: u64,
    /// Output tokens whose bytes were handed to the socket.
    pub delivered: u64,
    /// Of body.
    pub bytes: u64,
    pub outcome: Outcome,
    pub started_us: u64,
    /// The last write that succeeded; 0 where there was none.
    pub last_write_us: u64,
    /// For `client_left`: when the leaving was noticed.
    pub ended_us: u64,
}

/// What is known of a request's record before it is served.
#[derive(Clone, Debug)]
pub struct Draft {
    pub endpoint: &'static str,
    pub model: Arc<str>,
    pub stream: bool,
    pub status: u16,
    pub tokens: Tokens,
}

impl Draft {
    /// A request that has no model or no answer worth the name.
    pub fn refusal(endpoint: &'static str, model: &str, status: u16) -> Self {
        Self {
            endpoint,
            model: Arc::from(model),
            stream: false,
            status,
            tokens: Tokens::default(),
        }
    }

    /// A record that has just begun.
    pub fn begin(&self, request_id: Option<&str>) -> Record {
        Record {
            sequence: 0,
            request_id: request_id.map(Box::from),
            endpoint: self.endpoint,
            model: Arc::clone(&self.model),
            stream: self.stream,
            status: self.status,
            tokens: self.tokens,
            produced: 0,
            delivered: 0,
            bytes: 0,
            outcome: Outcome::ClientLeft,
            started_us: unix_micros(),
            last_write_us: 0,
            ended_us: 0,
        }
    }
}

/// Counts since the start or the last reset, but for the `open` ones, which are of this moment.
#[derive(Default)]
pub struct Counters {
    pub open_connections: AtomicU64,
    pub peak_connections: AtomicU64,
    pub connections: AtomicU64,
    pub open_requests: AtomicU64,
    pub peak_requests: AtomicU64,
    pub redirects_followed: AtomicU64,
    pub protocol_errors: AtomicU64,
}

impl Counters {
    /// One more connection or request; keeps the peak.
    pub fn enter(open: &AtomicU64, peak: &AtomicU64) {
        let now = open.fetch_add(1, Relaxed) + 1;
        if now > peak.load(Relaxed) {
            peak.fetch_max(now, Relaxed);
        }
    }
}

#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    requests: u64,
    complete: u64,
    client_left: u64,
    cut: u64,
    refused: u64,
    produced_tokens: u64,
    delivered_tokens: u64,
}

/// The newest records, the totals of all, and the log.
pub struct Records {
    kept: usize,
    state: Mutex<State>,
    log: Option<Mutex<File>>,
    pub counters: Counters,
}

#[derive(Default)]
struct State {
    newest: VecDeque<Record>,
    totals: Totals,
}

impl Records {
    /// Keeps the newest `kept` records; writes every one as a JSON line to `log`.
    pub fn new(kept: usize, log: Option<File>) -> Self {
        Self {
            kept,
            state: Mutex::default(),
            log: log.map(Mutex::new),
            counters: Counters::default(),
        }
    }

    /// Takes a record that has ended. Administrative requests leave none.
    pub fn push(&self, mut record: Record) {
        if record.endpoint == ADMINISTRATION {
            return;
        }
        let mut state = self.lock();
        state.totals.add(&record);
        record.sequence = state.totals.requests;
        if let Some(log) = &self.log {
            write_line(log, &record);
        }
        if self.kept == 0 {
            return;
        }
        if state.newest.len() == self.kept {
            state.newest.pop_front();
        }
        state.newest.push_back(record);
    }

    /// JSON lines of up to `limit` records after the sequence number `after`, oldest first.
    pub fn lines_after(&self, after: u64, limit: usize) -> Vec<u8> {
        let mut lines = Vec::new();
        for record in self
            .lock()
            .newest
            .iter()
            .filter(|record| record.sequence > after)
            .take(limit)
        {
            if serde_json::to_writer(&mut lines, record).is_ok() {
                lines.push(b'\n');
            }
        }
        lines
    }

    /// Totals and the connections of this moment.
    pub fn stats(&self) -> serde_json::Value {
        let totals = self.lock().totals;
        let counters = &self.counters;
        serde_json::json!({
            "requests": totals.requests,
            "complete": totals.complete,
            "client_left": totals.client_left,
            "cut": totals.cut,
            "refused": totals.refused,
            "produced_tokens": totals.produced_tokens,
            "delivered_tokens": totals.delivered_tokens,
            "connections": counters.connections.load(Relaxed),
            "open_connections": counters.open_connections.load(Relaxed),
            "peak_connections": counters.peak_connections.load(Relaxed),
            "open_requests": counters.open_requests.load(Relaxed),
            "peak_requests": counters.peak_requests.load(Relaxed),
            "redirects_followed": counters.redirects_followed.load(Relaxed),
            "protocol_errors": counters.protocol_errors.load(Relaxed),
        })
    }

    /// Forgets records, totals and peaks. The log file is left as it is.
    pub fn reset(&self) {
        *self.lock() = State::default();
        let counters = &self.counters;
        counters
            .peak_connections
            .store(counters.open_connections.load(Relaxed), Relaxed);
        counters
            .peak_requests
            .store(counters.open_requests.load(Relaxed), Relaxed);
        for counter in [
            &counters.connections,
            &counters.redirects_followed,
            &counters.protocol_errors,
        ] {
            counter.store(0, Relaxed);
        }
    }

    /// A record is whole even if another thread died while it held the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn add(&mut self, record: &Record) {
        self.requests += 1;
        self.produced_tokens += record.produced;
        self.delivered_tokens += record.delivered;
        self.refused += u64::from(record.status >= 400);
        match record.outcome {
            Outcome::Complete => self.complete += 1,
            Outcome::ClientLeft => self.client_left += 1,
            Outcome::Cut => self.cut += 1,
        }
    }
}

/// One write for each line, so that a reader never sees half a record. A full disk costs the line, not the request.
fn write_line(log: &Mutex<File>, record: &Record) {
    let Ok(mut line) = serde_json::to_vec(record) else {
        return;
    };
    line.push(b'\n');
    let _ = log.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
}
