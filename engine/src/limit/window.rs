//! An amount in a sliding window of time.
//!
//! The window is counted in sixty parts and the running one besides: so no true window ever holds more than the amount,
//! and at least sixty parts in sixty-one of it can be used. What a request uses is counted where it was let in.

use std::time::Duration;

use parking_lot::Mutex;

const PARTS: u64 = 60;
const RING: usize = 61;

#[derive(Debug)]
pub struct Window {
    part_us: u64,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    parts: [u128; RING],
    /// The part that runs now, counted from the clock's beginning.
    newest: u64,
    sum: u128,
    /// What may be counted here, whatever the limit allows.
    cap: u64,
    /// All that was ever reserved.
    drawn: u64,
}

/// There is no room for an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    pub used: u64,
    /// When there will be; None where it is more than the window ever holds.
    pub free_in: Option<Duration>,
}

impl Window {
    /// `used`: (reading of the clock, amount) of what it holds already.
    pub fn new(window_s: u32, used: impl Iterator<Item = (u64, u64)>, now_us: u64) -> Self {
        let part_us = u64::from(window_s.max(1)) * 1_000_000 / PARTS;
        let mut counts = Counts {
            parts: [0; RING],
            newest: now_us / part_us,
            sum: 0,
            cap: u64::MAX,
            drawn: 0,
        };
        for (at_us, amount) in used {
            let part = (at_us / part_us).min(counts.newest);
            if counts.holds(part) {
                counts.add(part, amount);
            }
        }
        Self {
            part_us,
            counts: Mutex::new(counts),
        }
    }

    /// Holds nothing, and takes nothing in before it is allowed.
    pub fn closed(window_s: u32, now_us: u64) -> Self {
        let window = Self::new(window_s, std::iter::empty(), now_us);
        window.counts.lock().cap = 0;
        window
    }

    /// Counts an amount if it fits into `limit`, and into what is allowed here; returns the part that it is counted in.
    pub fn reserve(&self, amount: u64, limit: u64, now_us: u64) -> Option<u64> {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        if counts.sum + u128::from(amount) > u128::from(limit.min(counts.cap)) {
            return None;
        }
        let part = counts.newest;
        counts.add(part, amount);
        counts.drawn = counts.drawn.wrapping_add(amount);
        Some(part)
    }

    /// Why an amount does not fit into `limit`, whatever is allowed here.
    pub fn refusal(&self, amount: u64, limit: u64, now_us: u64) -> Option<Full> {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        (counts.sum + u128::from(amount) > u128::from(limit)).then(|| Full {
            used: narrow(counts.sum),
            free_in: (amount <= limit).then(|| self.free_in(&counts, amount, limit, now_us)),
        })
    }

    // --- What is allowed here ---

    /// What is allowed here, and what is used of it.
    pub fn figures(&self, now_us: u64) -> (u64, u64) {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        (counts.cap, narrow(counts.sum))
    }

    /// As much is allowed from now on, or what is used.
    pub fn allow(&self, cap: u64) {
        let mut counts = self.counts.lock();
        counts.cap = cap.max(narrow(counts.sum));
    }

    /// No more than `keep` beyond what is used. What is allowed then, and what is used.
    pub fn lower(&self, keep: u64, now_us: u64) -> (u64, u64) {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        let used = narrow(counts.sum);
        // More is used where more was needed than anybody foresaw.
        counts.cap = counts.cap.min(used.saturating_add(keep)).max(used);
        (counts.cap, used)
    }

    /// All that was ever reserved.
    pub fn drawn(&self) -> u64 {
        self.counts.lock().drawn
    }

    /// When what is used will have passed, in at most `most` steps: (milliseconds from now, amount).
    pub fn passing(&self, most: usize, now_us: u64) -> Vec<(u64, u64)> {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        let parts = (0..=PARTS).rev().map(|back| counts.newest.saturating_sub(back));
        let held: Vec<u64> = parts.filter(|part| counts.parts[slot(*part)] > 0).collect();
        let step = |group: &[u64]| {
            let amount = group.iter().map(|part| counts.parts[slot(*part)]).sum();
            let last = self.until_passed(*group.last().unwrap_or(&0), now_us);
            (whole_ms(last), narrow(amount))
        };
        held.chunks(held.len().div_ceil(most).max(1)).map(step).collect()
    }

    /// What was reserved in `part` turned out to be `actual`.
    pub fn settle(&self, part: u64, reserved: u64, actual: u64) {
        if reserved == actual {
            return;
        }
        let mut counts = self.counts.lock();
        if counts.holds(part) {
            counts.take(part, reserved);
            counts.add(part, actual);
        } else if actual > reserved {
            // Its part has passed: what nobody foresaw counts from now.
            let newest = counts.newest;
            counts.add(newest, actual - reserved);
        }
    }

    /// What is used, and the time until all of it has passed.
    pub fn standing(&self, now_us: u64) -> (u64, Duration) {
        let mut counts = self.counts.lock();
        counts.advance(now_us / self.part_us);
        let last = (0..=PARTS)
            .map(|back| counts.newest.saturating_sub(back))
            .find(|part| counts.parts[slot(*part)] > 0);
        let reset = last.map_or(Duration::ZERO, |part| self.until_passed(part, now_us));
        (narrow(counts.sum), reset)
    }

    fn free_in(&self, counts: &Counts, amount: u64, limit: u64, now_us: u64) -> Duration {
        let lack = counts.sum + u128::from(amount) - u128::from(limit);
        let mut freed = 0;
        for back in (0..=PARTS).rev() {
            let part = counts.newest.saturating_sub(back);
            freed += counts.parts[slot(part)];
            if freed >= lack {
                return self.until_passed(part, now_us);
            }
        }
        Duration::ZERO
    }

    fn until_passed(&self, part: u64, now_us: u64) -> Duration {
        Duration::from_micros(((part + PARTS + 1) * self.part_us).saturating_sub(now_us))
    }
}

impl Counts {
    fn advance(&mut self, now: u64) {
        if now <= self.newest {
            return;
        }
        for part in self.newest + 1..=now.min(self.newest + RING as u64) {
            self.sum -= std::mem::take(&mut self.parts[slot(part)]);
        }
        self.newest = now;
    }

    fn holds(&self, part: u64) -> bool {
        part + PARTS >= self.newest
    }

    fn add(&mut self, part: u64, amount: u64) {
        self.parts[slot(part)] += u128::from(amount);
        self.sum += u128::from(amount);
    }

    fn take(&mut self, part: u64, amount: u64) {
        self.parts[slot(part)] -= u128::from(amount);
        self.sum -= u128::from(amount);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below the ring's length")]
fn slot(part: u64) -> usize {
    (part % RING as u64) as usize
}

fn whole_ms(span: Duration) -> u64 {
    u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

fn narrow(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;
    const START: u64 = 1_000 * SECOND;

    fn minute() -> Window {
        Window::new(60, std::iter::empty(), START)
    }

    #[test]
    fn what_is_full_says_when_it_is_not() {
        let window = minute();
        assert!(window.reserve(6, 10, START).is_some());
        assert!(window.reserve(4, 10, START + 5 * SECOND).is_some());
        let full = window.refusal(3, 10, START + 10 * SECOND).unwrap();
        assert_eq!((full.used, full.free_in), (10, Some(Duration::from_secs(51))));
        let full = window.refusal(7, 10, START + 10 * SECOND).unwrap();
        assert_eq!(full.free_in, Some(Duration::from_secs(56)), "both have to pass");
        assert_eq!(window.refusal(11, 10, START).unwrap().free_in, None, "never");
        assert!(window.reserve(3, 10, START + 61 * SECOND).is_some());
    }

    #[test]
    fn what_was_not_used_comes_back() {
        let window = minute();
        let part = window.reserve(10, 10, START).unwrap();
        window.settle(part, 10, 2);
        assert_eq!(window.standing(START), (2, Duration::from_secs(61)));
        assert!(window.reserve(8, 10, START).is_some());
    }

    #[test]
    fn what_nobody_foresaw_is_counted_all_the_same() {
        let window = minute();
        let part = window.reserve(1, 10, START).unwrap();
        window.settle(part, 1, 25);
        assert_eq!(window.refusal(1, 10, START).unwrap().used, 25);
        let later = START + 200 * SECOND;
        let early = window.reserve(1, 10, later).unwrap();
        assert!(window.reserve(0, 10, later + 100 * SECOND).is_some());
        window.settle(early, 1, 5);
        assert_eq!(
            window.standing(later + 100 * SECOND).0,
            4,
            "from now, what was above it"
        );
    }

    #[test]
    fn what_was_used_before_the_start_is_there() {
        let used = [
            (START - 59 * SECOND, 3),
            (START - 62 * SECOND, 100),
            (START + SECOND, 1),
        ];
        let window = Window::new(60, used.into_iter(), START);
        assert_eq!(window.standing(START).0, 4);
    }

    #[test]
    fn nothing_overflows() {
        let window = minute();
        let parts: Vec<u64> = (0..4).map(|_| window.reserve(0, u64::MAX, START).unwrap()).collect();
        for part in parts {
            window.settle(part, 0, u64::MAX);
        }
        assert_eq!(window.standing(START).0, u64::MAX);
        assert!(window.reserve(1, u64::MAX, START).is_none());
        assert_eq!(window.standing(START + 61 * SECOND).0, 0);
    }

    #[test]
    fn it_counts_no_more_than_is_allowed_here() {
        let window = Window::closed(60, START);
        assert!(window.reserve(1, 10, START).is_none() && window.refusal(1, 10, START).is_none());
        window.allow(5);
        let part = window.reserve(4, 10, START).unwrap();
        assert!(window.reserve(2, 10, START).is_none());
        assert_eq!(window.lower(0, START), (4, 4));
        window.allow(2);
        assert_eq!(window.figures(START), (4, 4), "never below what is used");
        window.settle(part, 4, 9);
        assert_eq!(
            window.lower(3, START),
            (9, 9),
            "nor where that was more than was allowed"
        );
        assert_eq!(window.lower(3, START + 61 * SECOND), (3, 0));
        assert_eq!((window.lower(0, START + 61 * SECOND), window.drawn()), ((0, 0), 4));
    }

    #[test]
    fn it_tells_when_it_passes() {
        let window = minute();
        assert_eq!(window.passing(2, START), []);
        for second in [0, 1, 30, 31] {
            assert!(window.reserve(1 + second, 100, START + second * SECOND).is_some());
        }
        let now = START + 31 * SECOND;
        let each = [(30_000, 1), (31_000, 2), (60_000, 31), (61_000, 32)];
        assert_eq!(window.passing(9, now), each);
        assert_eq!(
            window.passing(2, now),
            [(31_000, 3), (61_000, 63)],
            "late rather than early"
        );
    }

    #[test]
    fn nearly_all_of_the_amount_can_be_used() {
        let window = minute();
        let (limit, steps) = (600_u64, 10 * 3600_u64);
        let let_in = (0..steps)
            .filter(|step| window.reserve(1, limit, START + step * SECOND / 10).is_some())
            .count() as u64;
        // Ten tries a second for an hour, where ten are allowed.
        assert!(let_in * 100 >= steps * 98, "{let_in} of {steps}");
    }

    proptest! {
        /// Against a list of all that was let in: in no true window more than the limit.
        #[test]
        fn no_true_window_holds_more(
            steps in prop::collection::vec((0..3_000_000_u64, 0..40_u64, 0..40_u64, any::<bool>()), 1..300),
            window_s in prop::sample::select(vec![1_u32, 60]),
        ) {
            let window = Window::new(window_s, std::iter::empty(), START);
            let span = u64::from(window_s) * SECOND;
            let limit = 100_u64;
            let mut now = START;
            let mut counted: Vec<(u64, u64)> = Vec::new();
            for (pause, amount, actual, settles) in steps {
                now += pause;
                let Some(part) = window.reserve(amount, limit, now) else { continue };
                let kept = if settles { actual.min(amount) } else { amount };
                if settles {
                    window.settle(part, amount, kept);
                }
                counted.push((now, kept));
                let in_window: u64 = counted.iter().filter(|(at, _)| at + span > now).map(|(_, amount)| amount).sum();
                prop_assert!(in_window <= limit);
                prop_assert!(window.standing(now).0 >= in_window);
            }
        }
    }
}
