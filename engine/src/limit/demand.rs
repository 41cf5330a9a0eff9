//! How much of a limit requests have wanted lately: what a gateway keeps in hand, and gives back when it is over.

use super::rules::Count;

/// Samples are a quarter of a second apart, so that what is known reaches two seconds back.
const SAMPLES: usize = 8;
const EVERY_US: u64 = 250_000;

#[derive(Debug, Default)]
pub struct Demand {
    samples: [u64; SAMPLES],
    next: usize,
    sampled_at_us: u64,
}

impl Demand {
    /// Takes a sample where it is time for one.
    pub fn sample(&mut self, count: &Count, now_us: u64) {
        if now_us < self.sampled_at_us + EVERY_US {
            return;
        }
        self.sampled_at_us = now_us;
        self.samples[self.next] = match count {
            Count::Window(window) => window.drawn(),
            Count::Slots(slots) => slots.taken(),
        };
        self.next = (self.next + 1) % SAMPLES;
    }

    /// What may be wanted soon beyond what is used: as much as in the last two seconds.
    pub fn of(&self, count: &Count, now_us: u64) -> u64 {
        match count {
            // The oldest sample is the one that is replaced next.
            Count::Window(window) => window.drawn().wrapping_sub(self.samples[self.next]),
            Count::Slots(slots) => {
                let taken = slots.taken();
                let most = self.samples.iter().copied().max().unwrap_or(0).max(taken);
                // And a few more, for where it grows.
                if self.is_fresh(now_us) {
                    most - taken + most / 4
                } else {
                    0
                }
            }
        }
    }

    fn is_fresh(&self, now_us: u64) -> bool {
        now_us < self.sampled_at_us + EVERY_US * SAMPLES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{Slots, Window};

    const START: u64 = 1_000_000_000;

    #[test]
    fn it_ends_two_seconds_after_the_last_request() {
        let window = Window::new(60, std::iter::empty(), START);
        let (count, mut demand) = (Count::Window(Box::new(window)), Demand::default());
        let Count::Window(window) = &count else { unreachable!() };
        assert_eq!(demand.of(&count, START), 0);
        assert!(window.reserve(5, 100, START).is_some());
        assert_eq!(demand.of(&count, START), 5);
        let seen: Vec<u64> = (0..=SAMPLES as u64)
            .map(|quarter| {
                demand.sample(&count, START + quarter * EVERY_US);
                demand.of(&count, START + quarter * EVERY_US)
            })
            .collect();
        assert_eq!(seen, [5, 5, 5, 5, 5, 5, 5, 0, 0]);
        demand.sample(&count, START);
        assert_eq!(demand.next, 1, "no oftener than it says");
    }

    #[test]
    fn of_slots_it_is_what_ran_lately_and_a_few_more() {
        let slots = Slots::default();
        (0..8).for_each(|_| assert!(slots.take(100)));
        let (count, mut demand) = (Count::Slots(slots), Demand::default());
        let Count::Slots(slots) = &count else { unreachable!() };
        demand.sample(&count, START);
        assert_eq!(demand.of(&count, START), 2);
        (0..6).for_each(|_| slots.give_back());
        assert_eq!(demand.of(&count, START), 8);
        (1..=8).for_each(|quarter| demand.sample(&count, START + quarter * EVERY_US));
        assert_eq!(demand.of(&count, START + 8 * EVERY_US), 0);
    }
}
