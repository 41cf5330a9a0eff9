//! Which nonces were used, so that no request is taken twice. What is remembered is bounded, and never forgotten too soon.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::{Future, ready};
use std::hash::BuildHasher;
use std::pin::Pin;

use parking_lot::Mutex;

use super::KeyHash;

/// Nonces go together with all that end within the same so many seconds.
const SLOT: u64 = 60;
/// The part of all nonces that one key may take up, so that it does not keep the others out.
const OF_ONE_KEY: usize = 4;

/// What became of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Fresh,
    Replayed,
    /// No room to remember it, so it can't be taken.
    Full,
}

/// A nonce of a request whose signature is right.
#[derive(Debug, Clone, Copy)]
pub struct Nonce<'a> {
    pub key: &'a KeyHash,
    pub text: &'a str,
    /// Unix seconds after which its request can come no more.
    pub until: u64,
}

/// A memory of nonces. This process has its own; several that serve the same keys would ask one that they share.
pub trait Nonces: Send + Sync {
    fn take<'a>(&'a self, nonce: Nonce<'a>, now: u64) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>>;

    /// How many are remembered here.
    fn remembered(&self) -> usize;
}

/// The memory of one process. It knows nonces by a keyed hash of 64 bits: two that share one are refused, never let in.
pub struct NonceMemory {
    most: usize,
    hasher: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    total: usize,
    swept: u64,
    keys: HashMap<KeyHash, Slots>,
}

/// Of one key, by the number of the slot in which they end.
#[derive(Default)]
struct Slots {
    count: usize,
    slots: BTreeMap<u64, HashSet<u64>>,
}

impl NonceMemory {
    /// `most` nonces at a time, at least 1.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            hasher: RandomState::new(),
            kept: Mutex::default(),
        }
    }

    fn take_now(&self, nonce: &Nonce<'_>, now: u64) -> Taken {
        let hash = self.hasher.hash_one(nonce.text);
        let mut kept = self.kept.lock();
        kept.sweep(now);
        let total = kept.total;
        let of_key = kept.keys.entry(*nonce.key).or_default();
        if of_key.slots.values().any(|slot| slot.contains(&hash)) {
            return Taken::Replayed;
        }
        if total >= self.most || of_key.count >= self.most.div_ceil(OF_ONE_KEY) {
            return Taken::Full;
        }
        of_key.slots.entry(nonce.until / SLOT).or_default().insert(hash);
        of_key.count += 1;
        kept.total += 1;
        Taken::Fresh
    }
}

impl Nonces for NonceMemory {
    fn take<'a>(&'a self, nonce: Nonce<'a>, now: u64) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>> {
        Box::pin(ready(self.take_now(&nonce, now)))
    }

    fn remembered(&self) -> usize {
        self.kept.lock().total
    }
}

impl Kept {
    /// Slots end as a whole, so there is nothing to do until the next one has.
    fn sweep(&mut self, now: u64) {
        let slot = now / SLOT;
        if slot <= self.swept {
            return;
        }
        self.swept = slot;
        for of_key in self.keys.values_mut() {
            of_key.slots = of_key.slots.split_off(&slot);
            of_key.count = of_key.slots.values().map(HashSet::len).sum();
        }
        self.keys.retain(|_, of_key| of_key.count > 0);
        self.total = self.keys.values().map(|of_key| of_key.count).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn take(memory: &NonceMemory, key: u8, text: &str, now: u64) -> Taken {
        let nonce = Nonce {
            key: &[key; 32],
            text,
            until: now + 300,
        };
        memory.take_now(&nonce, now)
    }

    #[test]
    fn a_nonce_is_taken_once_for_each_key() {
        let memory = NonceMemory::new(100);
        assert_eq!(take(&memory, 1, "a", NOW), Taken::Fresh);
        assert_eq!(take(&memory, 1, "a", NOW), Taken::Replayed);
        assert_eq!(take(&memory, 2, "a", NOW), Taken::Fresh);
        assert_eq!(take(&memory, 1, "b", NOW), Taken::Fresh);
        assert_eq!(memory.remembered(), 3);
    }

    #[test]
    fn it_is_remembered_as_long_as_its_request_could_come_and_not_much_longer() {
        let memory = NonceMemory::new(1_000);
        for second in 0..SLOT {
            take(&memory, 1, &second.to_string(), NOW + second);
            assert_eq!(
                take(&memory, 1, &second.to_string(), NOW + second + 299),
                Taken::Replayed
            );
        }
        let over = NOW + 2 * SLOT + 300;
        assert_eq!(take(&memory, 2, "other", over), Taken::Fresh);
        assert_eq!(memory.remembered(), 1, "the key that is used no more is forgotten too");
        assert_eq!(memory.kept.lock().keys.len(), 1);
    }

    #[test]
    fn full_means_refused_until_time_has_made_room() {
        let memory = NonceMemory::new(8);
        for key in 0..4 {
            assert_eq!(take(&memory, key, "a", NOW), Taken::Fresh);
            assert_eq!(take(&memory, key, "b", NOW), Taken::Fresh);
            assert_eq!(take(&memory, key, "c", NOW), Taken::Full, "a quarter is one key's");
        }
        assert_eq!(take(&memory, 9, "a", NOW), Taken::Full);
        assert_eq!(take(&memory, 0, "a", NOW), Taken::Replayed, "and is still known");
        assert_eq!(take(&memory, 9, "a", NOW + 400), Taken::Fresh);
    }

    #[test]
    fn of_many_at_the_same_time_one_is_fresh() {
        let memory = NonceMemory::new(100);
        let fresh = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    if take(&memory, 1, "same", NOW) == Taken::Fresh {
                        fresh.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(fresh.into_inner(), 1);
    }
}
