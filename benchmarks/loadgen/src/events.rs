//! Finds the events of a stream, and in them the time when the mock sent them.

use memchr::memmem;

/// The member that the mock's knob `stamp` adds, and its digits.
const STAMP: &[u8] = b"\"x_mock_us\":";
const DIGITS: usize = 16;
const DONE: &[u8] = b"data: [DONE]";

/// What the events of some bytes brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// When each content event was sent: microseconds since 1970.
    pub stamps: Vec<u64>,
    pub is_done: bool,
}

/// Holds an event until it is whole.
#[derive(Debug, Default)]
pub struct Events {
    pending: Vec<u8>,
}

impl Events {
    /// Where to put more bytes.
    pub fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Takes the whole events.
    pub fn take(&mut self, found: &mut Found) {
        found.stamps.clear();
        let mut at = 0;
        while let Some(length) = memmem::find(&self.pending[at..], b"\n\n") {
            let event = &self.pending[at..at + length];
            found.stamps.extend(stamp(event));
            found.is_done |= event.starts_with(DONE);
            at += length + 2;
        }
        self.pending.drain(..at);
    }
}

fn stamp(event: &[u8]) -> Option<u64> {
    let at = memmem::rfind(event, STAMP)? + STAMP.len();
    std::str::from_utf8(event.get(at..at + DIGITS)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_however_the_bytes_come() {
        let wire = b"data: {\"a\":1}\n\ndata: {\"x_mock_us\":1700000000000001}\n\ndata: {\"x_mock_us\":1700000000000002}\n\ndata: [DONE]\n\n";
        for step in 1..wire.len() {
            let (mut events, mut found, mut all) = (Events::default(), Found::default(), Vec::new());
            for part in wire.chunks(step) {
                events.pending().extend_from_slice(part);
                events.take(&mut found);
                all.extend_from_slice(&found.stamps);
            }
            assert_eq!(all, [1_700_000_000_000_001, 1_700_000_000_000_002]);
            assert!(found.is_done);
        }
    }
}
