//! How many bytes a token has at a deployment, learnt from the requests whose usage it told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::flow::Target;

/// Fewer tokens than this teach nothing.
const ENOUGH: u64 = 1_000;
/// When so many have been seen, they count for half: what a deployment does now outweighs what it did long ago.
const MANY: u64 = 1 << 20;
/// A token has at least a byte, and an estimate never takes it to have more than this many.
const MOST_BYTES: u64 = 16;
/// Fewer answers than this say nothing of how they differ.
const ENOUGH_ANSWERS: u64 = 16;
/// When so many have been seen, they count for half.
const MANY_ANSWERS: u64 = 1 << 10;
/// In thousandths.
const FARTHEST: u64 = 500;
/// In bytes. What is longer may be an image in its letters, and would outweigh all else.
const LONGEST_LESSON: u64 = 64 * 1024;
/// Deployments that are gone are forgotten when there are this many.
const SWEEP_AT: usize = 4_096;

/// Of one deployment. Its counts are sums that age, not exact: two requests at once may lose a sample.
#[derive(Debug, Default)]
pub struct Calibration {
    input: Ratio,
    output: Ratio,
    spread: Spread,
}

/// How far answers lie from what the ratio makes of them: the sum of squares, in thousandths.
#[derive(Debug, Default)]
struct Spread {
    squares: AtomicU64,
    answers: AtomicU64,
}

#[derive(Debug, Default)]
struct Ratio {
    bytes: AtomicU64,
    tokens: AtomicU64,
}

impl Calibration {
    pub fn learn_input(&self, bytes: u64, tokens: u64) {
        self.input.learn(bytes, tokens);
    }

    pub fn learn_output(&self, bytes: u64, tokens: u64) {
        self.output.learn(bytes, tokens);
    }

    /// Tokens of a request's body of so many bytes. None where too little was seen.
    pub fn input(&self, bytes: u64) -> Option<u64> {
        self.input.tokens(bytes)
    }

    /// An answer that is text and nothing else has so many tokens, of so many bytes: how far is that from the ratio?
    pub fn learn_spread(&self, bytes: u64, tokens: u64) {
        if let Some(expected) = self.output(bytes).filter(|expected| *expected > 0) {
            self.spread
                .learn(tokens.abs_diff(expected).saturating_mul(1_000) / expected);
        }
    }

    /// Of answers, in thousandths of what the ratio makes of them: what three standard deviations are. None where too few
    /// were seen.
    pub fn spread(&self) -> Option<u64> {
        self.spread.margin()
    }

    /// Tokens of so many bytes of output.
    pub fn output(&self, bytes: u64) -> Option<u64> {
        self.output.tokens(bytes)
    }
}

impl Spread {
    fn learn(&self, error: u64) {
        // One that is far off, because it lies or because it is of another kind, does not hide all others.
        let error = error.min(FARTHEST);
        let (squares, answers) = (
            self.squares.load(Ordering::Relaxed) + error * error,
            self.answers.load(Ordering::Relaxed) + 1,
        );
        let (squares, answers) = if answers > MANY_ANSWERS {
            (squares / 2, answers / 2)
        } else {
            (squares, answers)
        };
        self.squares.store(squares, Ordering::Relaxed);
        self.answers.store(answers, Ordering::Relaxed);
    }

    fn margin(&self) -> Option<u64> {
        let answers = self.answers.load(Ordering::Relaxed);
        (answers >= ENOUGH_ANSWERS).then(|| 3 * (self.squares.load(Ordering::Relaxed) / answers).isqrt())
    }
}

impl Ratio {
    fn learn(&self, bytes: u64, tokens: u64) {
        if bytes == 0 || tokens == 0 || bytes > LONGEST_LESSON {
            return;
        }
        // What lies beyond is no text: sound, images, or tokens that were not asked for.
        let tokens = tokens.clamp(bytes.div_ceil(MOST_BYTES), bytes);
        let (seen, of) = (
            self.tokens.load(Ordering::Relaxed) + tokens,
            self.bytes.load(Ordering::Relaxed) + bytes,
        );
        let (seen, of) = if seen > MANY { (seen / 2, of / 2) } else { (seen, of) };
        self.tokens.store(seen, Ordering::Relaxed);
        self.bytes.store(of, Ordering::Relaxed);
    }

    fn tokens(&self, bytes: u64) -> Option<u64> {
        let (seen, of) = (
            self.tokens.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed).max(1),
        );
        let tokens = (u128::from(bytes) * u128::from(seen)).div_ceil(u128::from(of));
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        (seen >= ENOUGH).then(|| tokens.clamp(bytes.div_ceil(MOST_BYTES), bytes))
    }
}

/// Of all deployments that were called.
#[derive(Debug, Default)]
pub struct Calibrations(Mutex<HashMap<Box<str>, Arc<Calibration>>>);

impl Calibrations {
    pub fn of(&self, target: &Target) -> Arc<Calibration> {
        // What goes to a provider as a whole has no deployment.
        let id = if target.deployment_id.is_empty() {
            &target.provider_id
        } else {
            &target.deployment_id
        };
        let mut all = self.0.lock();
        if all.len() >= SWEEP_AT {
            all.retain(|_, one| Arc::strong_count(one) > 1);
        }
        Arc::clone(all.entry(id.as_str().into()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_knows_what_it_has_seen_enough_of() {
        let calibration = Calibration::default();
        calibration.learn_output(2_997, 999);
        assert_eq!(calibration.output(300), None);
        calibration.learn_output(3, 1);
        assert_eq!(calibration.output(300), Some(100));
        assert_eq!(calibration.output(301), Some(101), "rounded up");
        assert_eq!(calibration.output(0), Some(0));
        assert_eq!(calibration.input(300), None, "the two are apart");
    }

    #[test]
    fn what_is_long_ago_weighs_less() {
        let calibration = Calibration::default();
        for _ in 0..4_000 {
            calibration.learn_input(4_000, 1_000);
        }
        for _ in 0..4_000 {
            calibration.learn_input(2_000, 1_000);
        }
        let tokens = calibration.input(1_000).unwrap();
        assert!((450..=500).contains(&tokens), "{tokens}");
    }

    #[test]
    fn answers_differ_by_what_was_seen() {
        let calibration = Calibration::default();
        calibration.learn_spread(400, 100);
        calibration.learn_output(4_000, 1_000);
        for _ in 0..ENOUGH_ANSWERS - 1 {
            calibration.learn_spread(400, 110);
        }
        assert_eq!(
            calibration.spread(),
            None,
            "before there was a ratio nothing could differ from it"
        );
        calibration.learn_spread(400, 90);
        assert_eq!(calibration.spread(), Some(300));
        calibration.learn_spread(400, 100_000);
        let margin = calibration.spread().unwrap();
        assert!((300..500).contains(&margin), "one liar hides nothing: {margin}");
        for _ in 0..10 * MANY_ANSWERS {
            calibration.learn_spread(400, 100);
        }
        assert!(calibration.spread().unwrap() < 30, "what is long ago weighs less");
    }

    #[test]
    fn nothing_teaches_what_can_not_be() {
        let calibration = Calibration::default();
        for (bytes, tokens) in [(0, 5_000), (5_000, 0), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
            calibration.learn_input(bytes, tokens);
            assert_eq!(calibration.input(100), None);
        }
    }

    proptest! {
        #[test]
        fn a_token_has_between_one_byte_and_sixteen(
            seen in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50),
            ordinary in prop::collection::vec((1..100_000_u64, 1..100_000_u64), 0..50),
            bytes in any::<u64>(),
        ) {
            let calibration = Calibration::default();
            for (bytes, tokens) in seen.into_iter().chain(ordinary) {
                calibration.learn_input(bytes, tokens);
            }
            if let Some(tokens) = calibration.input(bytes) {
                prop_assert!(tokens <= bytes && tokens >= bytes.div_ceil(MOST_BYTES));
            }
        }
    }
}
