//! The mock's state: its options, its records, the answers it keeps, and the calls it counts for `fail_first`.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::{self, Answer, Ready};
use crate::hash::{hash, join};
use crate::received::Received;
use crate::records::Records;

/// Answers that are kept; beyond that all are forgotten at once, which no steady load notices.
const KEPT_ANSWERS: usize = 512;
/// Larger answers are made anew each time.
const KEPT_ANSWER_BYTES: usize = 320 * 1024;
/// Model strings whose calls are counted.
const COUNTED_MODELS: usize = 100_000;

/// How a mock is set up.
#[derive(Debug)]
pub struct Options {
    /// Names that `/v1/models` lists.
    pub models: Vec<String>,
    /// Where set, a request must bear this key.
    pub api_key: Option<String>,
    /// Whether knobs, `x-mock` and `/mock/…` work.
    pub knobs: bool,
    /// Newest records kept in memory.
    pub records: usize,
    /// Every record is appended here, a JSON line each.
    pub log: Option<File>,
    /// Larger requests are refused with 413.
    pub body_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            models: vec!["mock".to_owned(), "echo".to_owned()],
            api_key: None,
            knobs: true,
            records: 200_000,
            log: None,
            body_limit: 256 * 1024 * 1024,
        }
    }
}

impl Options {
    /// The built-in demo model: no knobs for strangers, no records.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            models: vec!["echo".to_owned()],
            knobs: false,
            records: 0,
            ..Self::default()
        }
    }
}

/// A mock provider; shared by all its connections.
pub struct Mock {
    options: Options,
    records: Records,
    kept: Mutex<HashMap<u64, Arc<Ready>>>,
    calls: Mutex<HashMap<String, u64>>,
}

impl Mock {
    #[must_use]
    pub fn new(mut options: Options) -> Self {
        let records = Records::new(options.records, options.log.take());
        Self {
            options,
            records,
            kept: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The answer to a request; a plain one that was asked before is not made again.
    pub(crate) fn answer(&self, received: &Received<'_>) -> Answer {
        let seed = join(hash(received.path().as_bytes()), hash(received.body));
        if received.method != "POST" {
            return answer::answer(self, received, seed);
        }
        let header = |name| hash(received.header(name).unwrap_or_default().as_bytes());
        let key = join(
            seed,
            join(header("x-mock"), join(header("authorization"), header("content-type"))),
        );
        if let Some(ready) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Answer::Ready(Arc::clone(ready));
        }
        let answer = answer::answer(self, received, seed);
        if let Answer::Ready(ready) = &answer
            && ready.wire.len() <= KEPT_ANSWER_BYTES
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_ANSWERS {
                kept.clear();
            }
            kept.insert(key, Arc::clone(ready));
        }
        answer
    }

    /// Counts a call with exactly this model string; 1 for the first.
    pub(crate) fn count_call(&self, model: &str) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= COUNTED_MODELS {
            calls.clear();
        }
        let count = calls.entry(model.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// Back to the state after the start; open requests go on.
    pub(crate) fn reset(&self) {
        self.records.reset();
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
