//! One clock for all limits: microseconds that only go forward, and where they lie in the calendar.

use std::time::Instant;

use crate::meter::now_us as epoch_now_us;

/// Older than anything that a window looks back at, so that what was used before this process has a place too.
const BEFORE_US: u64 = 2 * 86_400_000_000;

#[derive(Debug)]
pub struct Clock {
    began: Instant,
    began_epoch_us: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            began_epoch_us: epoch_now_us(),
        }
    }
}

impl Clock {
    /// Microseconds at a moment of this process.
    pub fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        BEFORE_US + u64::try_from(since.as_micros()).unwrap_or(u64::MAX / 2)
    }

    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The Unix time (microseconds) of a reading of this clock, as the calendar was when it was made.
    pub fn epoch_us(&self, at_us: u64) -> u64 {
        (self.began_epoch_us + at_us).saturating_sub(BEFORE_US)
    }

    /// The reading of this clock at a Unix time (microseconds); the earliest one for what lies further back.
    pub fn of_epoch(&self, epoch_us: u64) -> u64 {
        (BEFORE_US + epoch_us).saturating_sub(self.began_epoch_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let clock = Clock::default();
        let now = clock.now();
        assert_eq!(clock.of_epoch(clock.epoch_us(now)), now);
        assert_eq!(clock.of_epoch(0), 0);
        assert!(clock.now() >= now);
    }
}
