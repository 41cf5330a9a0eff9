//! Sources that send keys which nobody knows: each has a number of tries, which come back with time.
//!
//! A source is an IPv4 address, or the /64 of an IPv6 one, since whoever has one address there has them all. The table is
//! bounded: where it is full of sources that are being counted, all further ones share the tries of one.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use papaya::HashMap;

/// How many sources are told apart.
const SOURCES: usize = 65_536;
/// How often a full table is searched for sources whose tries have all come back.
const SWEEP_US: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [first, second, third, fourth, ..] = v6.segments();
                Self::V6([first, second, third, fourth])
            }
        }
    }
}

/// When the tries of a source will all have come back, in microseconds since the start: one number is the whole bucket.
type Replete = AtomicU64;

pub struct Strangers {
    /// What a try costs in time; 0 where nobody is counted.
    interval_us: u64,
    /// What all tries cost.
    burst_us: u64,
    counts_loopback: bool,
    capacity: usize,
    began: Instant,
    sources: HashMap<Source, Replete>,
    /// Of all sources that the table has no room for.
    others: Replete,
    swept_us: AtomicU64,
}

impl Strangers {
    /// `rate`: tries a second that come back, 0 for no limit; `burst`: how many there are at first, at least 1.
    pub fn new(rate: f64, burst: u32, counts_loopback: bool) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default();
        let interval_us = u64::try_from(interval.as_micros()).unwrap_or_default();
        Self {
            interval_us,
            burst_us: interval_us.saturating_mul(u64::from(burst)),
            counts_loopback,
            capacity: SOURCES,
            began: Instant::now(),
            sources: HashMap::new(),
            others: AtomicU64::new(0),
            swept_us: AtomicU64::new(0),
        }
    }

    /// How long until the source has a try again; None while it has one.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        if self.sources.is_empty() || !self.counts(address) {
            return None;
        }
        let now_us = self.micros(now);
        let sources = self.sources.pin();
        let replete = sources.get(&Source::of(address))?.load(Ordering::Relaxed);
        self.overdrawn(replete.max(now_us) + self.interval_us, now_us)
    }

    /// Use up a try. Refused with the time to wait where none is left.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        if !self.counts(address) {
            return Ok(());
        }
        let now_us = self.micros(now);
        self.with_bucket(address, now_us, |bucket| {
            let mut refused = None;
            let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |replete| {
                let next = replete.max(now_us) + self.interval_us;
                refused = self.overdrawn(next, now_us);
                refused.is_none().then_some(next)
            });
            taken.map(|_| ()).map_err(|_| refused.unwrap_or_default())
        })
    }

    /// The key turned out to be a real one.
    pub fn give_back(&self, address: IpAddr, now: Instant) {
        if !self.counts(address) {
            return;
        }
        let back = |replete: u64| Some(replete.saturating_sub(self.interval_us));
        self.with_bucket(address, self.micros(now), |bucket| {
            let _ = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
        });
    }

    /// How many sources are being counted.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    fn counts(&self, address: IpAddr) -> bool {
        self.interval_us > 0 && (self.counts_loopback || !address.to_canonical().is_loopback())
    }

    fn overdrawn(&self, next_us: u64, now_us: u64) -> Option<Duration> {
        let wait = (next_us - now_us).checked_sub(self.burst_us)?;
        (wait > 0).then(|| Duration::from_micros(wait))
    }

    fn with_bucket<T>(&self, address: IpAddr, now_us: u64, work: impl FnOnce(&Replete) -> T) -> T {
        let source = Source::of(address);
        let sources = self.sources.pin();
        if let Some(bucket) = sources.get(&source) {
            return work(bucket);
        }
        if sources.len() >= self.capacity && self.may_sweep(now_us) {
            sources.retain(|_, replete| replete.load(Ordering::Relaxed) > now_us);
        }
        if sources.len() >= self.capacity {
            return work(&self.others);
        }
        work(sources.get_or_insert_with(source, || AtomicU64::new(0)))
    }

    fn may_sweep(&self, now_us: u64) -> bool {
        let due = |swept: u64| (swept == 0 || now_us >= swept + SWEEP_US).then_some(now_us.max(1));
        self.swept_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
            .is_ok()
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u32 = 3;

    fn strangers() -> Strangers {
        Strangers::new(1.0, BURST, false)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn exhaust(strangers: &Strangers, text: &str, now: Instant) {
        while strangers.take(address(text), now).is_ok() {}
    }

    #[test]
    fn tries_are_used_up_and_come_back_one_by_one() {
        let (strangers, now) = (strangers(), Instant::now());
        let peer = address("192.0.2.7");
        for _ in 0..BURST {
            assert_eq!(strangers.wait(peer, now), None);
            assert!(strangers.take(peer, now).is_ok());
        }
        let wait = strangers.take(peer, now).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(strangers.wait(peer, now), Some(wait));
        let later = now + wait;
        assert!(strangers.take(peer, later).is_ok());
        assert!(strangers.take(peer, later).is_err());
    }

    #[test]
    fn a_try_that_is_given_back_can_be_used_again() {
        let (strangers, now) = (strangers(), Instant::now());
        let peer = address("192.0.2.7");
        exhaust(&strangers, "192.0.2.7", now);
        strangers.give_back(peer, now);
        assert!(strangers.take(peer, now).is_ok());
        assert!(strangers.take(peer, now).is_err());
    }

    #[test]
    fn one_source_does_not_pay_for_another() {
        let (strangers, now) = (strangers(), Instant::now());
        exhaust(&strangers, "192.0.2.7", now);
        assert_eq!(strangers.wait(address("192.0.2.8"), now), None);
        assert!(strangers.take(address("192.0.2.8"), now).is_ok());
    }

    #[test]
    fn a_64_is_one_source_and_a_mapped_address_is_its_ipv4_address() {
        let (strangers, now) = (strangers(), Instant::now());
        exhaust(&strangers, "2001:db8:1:2::1", now);
        assert!(strangers.take(address("2001:db8:1:2:ffff::9"), now).is_err());
        assert!(strangers.take(address("2001:db8:1:3::1"), now).is_ok());
        exhaust(&strangers, "::ffff:192.0.2.7", now);
        assert!(strangers.take(address("192.0.2.7"), now).is_err());
    }

    #[test]
    fn this_machine_is_counted_only_where_it_was_asked_for() {
        let now = Instant::now();
        let open = strangers();
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!((0..100).all(|_| open.take(address(peer), now).is_ok()), "{peer}");
        }
        assert_eq!(open.sources(), 0);
        let strict = Strangers::new(1.0, BURST, true);
        exhaust(&strict, "127.0.0.1", now);
        assert!(strict.wait(address("127.0.0.1"), now).is_some());
    }

    #[test]
    fn a_rate_of_nought_counts_nobody() {
        let (off, now) = (Strangers::new(0.0, BURST, true), Instant::now());
        assert!((0..100).all(|_| off.take(address("192.0.2.7"), now).is_ok()));
        assert_eq!(off.sources(), 0);
    }

    #[test]
    fn a_full_table_lets_later_sources_share_and_forgets_those_that_waited() {
        let now = Instant::now();
        let small = Strangers {
            capacity: 4,
            ..strangers()
        };
        for last in 0..4 {
            exhaust(&small, &format!("192.0.2.{last}"), now);
        }
        exhaust(&small, "198.51.100.1", now);
        assert!(small.take(address("198.51.100.2"), now).is_err(), "shared");
        assert_eq!(small.sources(), 4);
        let much_later = now + Duration::from_secs(60);
        assert!(small.take(address("198.51.100.3"), much_later).is_ok());
        assert_eq!(small.sources(), 1, "those whose tries came back have left");
    }

    #[test]
    fn takers_at_the_same_time_get_no_more_tries_than_there_are() {
        let (strangers, now) = (strangers(), Instant::now());
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let got = strangers.take(address("192.0.2.7"), now).is_ok();
                        taken.fetch_add(u64::from(got), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), u64::from(BURST));
    }
}
