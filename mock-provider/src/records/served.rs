//! A request that is being served. Whatever ends it, its drop leaves the record.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Counters, Draft, Outcome, Record};
use crate::clock::unix_micros;
use crate::mock::Mock;

/// Follows one request; dropped without `end`, the caller has left.
pub struct Served {
    mock: Arc<Mock>,
    record: Option<Record>,
}

impl Served {
    /// Begins a record.
    pub fn begin(mock: &Arc<Mock>, draft: &Draft, request_id: Option<&str>) -> Self {
        let counters = &mock.records().counters;
        Counters::enter(&counters.open_requests, &counters.peak_requests);
        Self {
            mock: Arc::clone(mock),
            record: Some(draft.begin(request_id)),
        }
    }

    /// Tokens were made, and are about to be sent.
    pub fn produced(&mut self, tokens: u64) {
        if let Some(record) = &mut self.record {
            record.produced += tokens;
        }
    }

    /// Body bytes that carry `tokens` were handed to the socket.
    pub fn delivered(&mut self, bytes: usize, tokens: u64) {
        if let Some(record) = &mut self.record {
            record.delivered += tokens;
            record.bytes += bytes as u64;
            record.last_write_us = unix_micros();
        }
    }

    /// No status line has been sent so far.
    pub fn unanswered(&mut self) {
        if let Some(record) = &mut self.record {
            record.status = 0;
        }
    }

    /// This status line is about to be sent.
    pub fn answered(&mut self, status: u16) {
        if let Some(record) = &mut self.record {
            record.status = status;
        }
    }

    /// The answer is over.
    pub fn end(mut self, outcome: Outcome) {
        if let Some(record) = &mut self.record {
            record.outcome = outcome;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.ended_us = unix_micros();
        self.mock.records().counters.open_requests.fetch_sub(1, Relaxed);
        self.mock.records().push(record);
    }
}
