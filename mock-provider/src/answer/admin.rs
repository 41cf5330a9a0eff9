//! `/mock/…`: what was served, for tests; and a health route for whoever waits for the start.

use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Refusal, ready};
use crate::knobs::Knobs;
use crate::mock::Mock;
use crate::received::Received;
use crate::records::ADMINISTRATION;

/// Records in one answer.
const MOST_RECORDS: usize = 100_000;

/// The answer of an administrative route; None for all others. These leave no record.
pub fn answer(mock: &Mock, received: &Received<'_>) -> Option<Answer> {
    let path = received.path();
    if path == "/healthz" {
        return Some(ready::typed(ADMINISTRATION, 200, "text/plain", b"ok\n", 0));
    }
    if !mock.options().knobs || !path.starts_with("/mock/") {
        return None;
    }
    Some(match (received.method, path) {
        ("GET", "/mock/requests") => {
            let number = |name| received.query(name).and_then(|value| value.parse::<u64>().ok());
            let limit = number("limit")
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(MOST_RECORDS);
            let lines = mock
                .records()
                .lines_after(number("after").unwrap_or(0), limit.min(MOST_RECORDS));
            ready::typed(ADMINISTRATION, 200, "application/x-ndjson", &lines, 0)
        }
        ("GET", "/mock/stats") => {
            ready::document(ADMINISTRATION, 200, mock.records().stats().to_string().as_bytes(), 0)
        }
        ("POST", "/mock/reset") => {
            mock.reset();
            ready::document(ADMINISTRATION, 200, b"{}", 0)
        }
        (_, "/mock/redirected") => {
            mock.records().counters.redirects_followed.fetch_add(1, Relaxed);
            ready::document(ADMINISTRATION, 200, br#"{"followed":true}"#, 0)
        }
        _ => Refusal::no_such_path(received).into_answer(ADMINISTRATION, "", 0, &Knobs::default()),
    })
}
