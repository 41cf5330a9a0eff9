//! Whether a provider's count of output can be true of what it delivered.
//!
//! What is delivered is counted by means that err: so each count is a range, and the provider contradicts it where it lies
//! more than a fifth outside, and by more than [`FLOOR`]. What the provider says is what is charged, all the same.

use std::sync::atomic::{AtomicU64, Ordering};

use super::estimate::{Calibration, CountedBy, Encoding, by_bytes};

/// Tokens: the ends of turns, roles, what a sequence that stops an answer took. Tiny answers are all of these.
const FLOOR: u64 = 32;
/// In thousandths: how much content of one kind differs from another's in bytes a token (prose, digits, other scripts),
/// at the least. Where a stream's events speak too, they have to agree.
const LEAST_MARGIN: u64 = 500;
const LEAST_MARGIN_OF_BYTES_ALONE: u64 = 1_000;
/// An alarm is said once in so many seconds, with how many were not.
const QUIET_S: u64 = 10;

/// What of an answer was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delivered {
    pub bytes: u64,
    /// Of its stream; 0 where it came as a whole.
    pub events: u64,
}

/// Tokens of output, as we count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub tokens: u64,
    pub by: CountedBy,
    least: u64,
    most: u64,
}

impl Estimate {
    /// By the model's own tokenizer: exact, but for models that are not what they are called.
    pub fn counted(by: Encoding, tokens: u64, delivered: Delivered) -> Self {
        Self::of(CountedBy::Tokenizer(by), tokens, tokens, tokens, delivered)
    }

    /// By what can be had for nothing.
    pub fn cheap(calibration: Option<&Calibration>, delivered: Delivered) -> Self {
        let taught = calibration.and_then(|taught| Some((taught.output(delivered.bytes)?, taught.spread()?)));
        let Some((tokens, spread)) = taught else {
            // A token of text has at least a byte, and hardly ever more than sixteen.
            let bytes = delivered.bytes;
            return Self::of(CountedBy::Bytes, by_bytes(bytes), bytes / 16, bytes, delivered);
        };
        let least_margin = if delivered.events > 0 {
            LEAST_MARGIN
        } else {
            LEAST_MARGIN_OF_BYTES_ALONE
        };
        let margin = parts_of(tokens, spread.max(least_margin));
        let (least, most) = (tokens.saturating_sub(margin), tokens.saturating_add(margin));
        Self::of(CountedBy::Calibration, tokens, least, most, delivered)
    }

    /// Most servers send a token, or a few, in each event.
    fn of(by: CountedBy, tokens: u64, least: u64, most: u64, delivered: Delivered) -> Self {
        let Delivered { events, .. } = delivered;
        Self {
            tokens,
            by,
            least: if events > 0 { least.min(events) } else { least },
            most: most.max(events),
        }
    }

    /// On the record, beside the provider's count.
    pub fn remark(&self) -> String {
        format!("contradicts:{},{}", self.tokens, self.by.remark())
    }

    pub fn is_contradicted_by(&self, told: u64) -> bool {
        let least = self.least.saturating_sub(parts_of(self.least, 200));
        let most = self.most.saturating_add(parts_of(self.most, 200));
        told.saturating_add(FLOOR) < least || told > most.saturating_add(FLOOR)
    }
}

/// Whether it is worth counting by the tokenizer: in prose a token has four to five bytes, and in text of any other kind
/// that people ask for seldom more than six or less than three.
pub fn is_doubtful(told: u64, delivered: Delivered) -> bool {
    let bytes = delivered.bytes;
    Estimate {
        tokens: by_bytes(bytes),
        by: CountedBy::Bytes,
        least: bytes / 6,
        most: bytes / 3,
    }
    .is_contradicted_by(told)
}

fn parts_of(tokens: u64, thousandths: u64) -> u64 {
    (tokens / 1_000).saturating_mul(thousandths) + tokens % 1_000 * thousandths / 1_000
}

/// Keeps a provider that always contradicts itself from filling the log.
#[derive(Debug, Default)]
pub struct Alarm {
    said_at_s: AtomicU64,
    unsaid: AtomicU64,
}

impl Alarm {
    /// How many were not said since the last that was; None where this one is not to be said either. `now_s` is a clock's
    /// that begins above [`QUIET_S`].
    pub fn raised(&self, now_s: u64) -> Option<u64> {
        let said_at = self.said_at_s.load(Ordering::Relaxed);
        let is_due = now_s.saturating_sub(said_at) >= QUIET_S;
        let is_ours = || {
            self.said_at_s
                .compare_exchange(said_at, now_s, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        if is_due && is_ours() {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(bytes: u64, events: u64) -> Delivered {
        Delivered { bytes, events }
    }

    /// Of a deployment whose tokens have five bytes.
    fn taught(spread: u64) -> Calibration {
        let calibration = Calibration::default();
        calibration.learn_output(5_000, 1_000);
        for _ in 0..20 {
            calibration.learn_spread(5_000, 1_000 + spread);
        }
        calibration
    }

    #[test]
    fn a_tokenizers_count_may_be_off_by_a_fifth() {
        let counted = Estimate::counted(Encoding::O200k, 1_000, stream(5_000, 0));
        for (told, expected) in [(1_232, false), (1_233, true), (768, false), (767, true), (0, true)] {
            assert_eq!(counted.is_contradicted_by(told), expected, "{told}");
        }
    }

    #[test]
    fn tiny_answers_never_contradict() {
        for told in 0..=FLOOR {
            assert!(!Estimate::counted(Encoding::O200k, 1, stream(4, 1)).is_contradicted_by(told));
            assert!(!Estimate::cheap(None, stream(2, 1)).is_contradicted_by(told));
        }
    }

    #[test]
    fn bytes_alone_know_what_can_not_be() {
        let cheap = Estimate::cheap(None, stream(1_000, 0));
        assert_eq!((cheap.tokens, cheap.by), (250, CountedBy::Bytes));
        for (told, expected) in [(500, false), (1_200, false), (1_300, true), (60, false), (10, true)] {
            assert_eq!(cheap.is_contradicted_by(told), expected, "{told}");
        }
    }

    #[test]
    fn what_a_deployment_has_taught_is_closer() {
        let even = taught(0);
        let cheap = Estimate::cheap(Some(&even), stream(5_000, 1_000));
        assert_eq!((cheap.tokens, cheap.by), (1_000, CountedBy::Calibration));
        assert!(cheap.is_contradicted_by(2_000) && cheap.is_contradicted_by(300));
        assert!(!cheap.is_contradicted_by(1_500) && !cheap.is_contradicted_by(600));
        let uneven = taught(400);
        assert!(!Estimate::cheap(Some(&uneven), stream(5_000, 1_000)).is_contradicted_by(2_000));
        let whole = Estimate::cheap(Some(&even), stream(5_000, 0));
        assert!(!whole.is_contradicted_by(2_000), "digits may have a token each");
        assert!(whole.is_contradicted_by(2_500));
    }

    #[test]
    fn a_token_for_each_event_is_believed() {
        let even = taught(0);
        // A table of digits: two bytes and an event for each token.
        assert!(!Estimate::cheap(Some(&even), stream(5_000, 2_500)).is_contradicted_by(2_500));
        // Another model under this name.
        assert!(!Estimate::counted(Encoding::Cl100k, 600, stream(2_000, 1_000)).is_contradicted_by(1_000));
        assert!(Estimate::counted(Encoding::Cl100k, 600, stream(2_000, 600)).is_contradicted_by(1_000));
    }

    #[test]
    fn only_what_is_doubtful_is_counted() {
        for (told, expected) in [(1_000, false), (1_200, false), (2_500, true), (500, true)] {
            assert_eq!(is_doubtful(told, stream(4_600, 1_000)), expected, "{told}");
        }
    }

    #[test]
    fn an_alarm_is_said_once_in_a_while() {
        let alarm = Alarm::default();
        assert_eq!(alarm.raised(1_000), Some(0));
        assert_eq!(alarm.raised(1_000), None);
        assert_eq!(alarm.raised(1_000 + QUIET_S - 1), None);
        assert_eq!(alarm.raised(1_000 + QUIET_S), Some(2));
        assert_eq!(alarm.raised(1_000 + QUIET_S), None);
    }

    proptest! {
        #[test]
        fn what_is_counted_never_contradicts_itself(bytes in any::<u64>(), events in 0..1_000_000_u64, tokens in any::<u64>()) {
            let delivered = stream(bytes, events);
            let even = taught(0);
            for estimate in [
                Estimate::cheap(None, delivered),
                Estimate::cheap(Some(&even), delivered),
                Estimate::counted(Encoding::O200k, tokens, delivered),
            ] {
                prop_assert!(!estimate.is_contradicted_by(estimate.tokens));
            }
        }
    }
}
