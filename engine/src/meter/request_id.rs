//! The id that a request carries everywhere: response header, upstream, logs, spool and ledger.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// 48 bits of Unix milliseconds, then randomness, laid out as a version 7 UUID (RFC 9562): ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

const PREFIX: &[u8; 4] = b"req_";
pub const TEXT_LENGTH: usize = 36;

impl RequestId {
    pub fn generate() -> Self {
        let millis = now_us() / 1_000;
        let mut bytes = fastrand::u128(..).to_be_bytes();
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    pub fn text(&self) -> Text {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; TEXT_LENGTH];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        for (pair, byte) in text[PREFIX.len()..].chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Text(text)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text().as_str())
    }
}

/// The printed form, on the stack.
pub struct Text([u8; TEXT_LENGTH]);

impl Text {
    pub fn as_str(&self) -> &str {
        // Only ASCII is written above.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static("req_"))
    }
}

/// Microseconds since the Unix epoch.
pub fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let first = RequestId::generate();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = RequestId::generate();
        assert!(first.to_string() < second.to_string());
        assert_eq!(first.to_string().len(), TEXT_LENGTH);
        assert!(RequestId::from_bytes(first.bytes()) == first);
    }
}
