//! (key, endpoint, model) → verdict. Reads take no lock; the controller's changes sweep entries away.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use papaya::{Equivalent, HashMap};

use super::{Endpoint, Flow, Refusal};
use crate::auth::{KeyHash, Network};
use crate::meter::now_us;

/// Refusals are cheap to make by whoever sends nonsense, so they get a small table of their own.
const REFUSALS: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowKey {
    pub key: KeyHash,
    pub endpoint: Endpoint,
    /// Empty where the request names none.
    pub model: Box<str>,
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrowed {
            key: &self.key,
            endpoint: self.endpoint,
            model: &self.model,
        }
        .hash(state);
    }
}

#[derive(Hash)]
struct Borrowed<'a> {
    key: &'a KeyHash,
    endpoint: Endpoint,
    model: &'a str,
}

impl Equivalent<FlowKey> for Borrowed<'_> {
    fn equivalent(&self, owned: &FlowKey) -> bool {
        self.endpoint == owned.endpoint && self.model == &*owned.model && self.key == &owned.key
    }
}

/// What is known about a (key, endpoint, model).
#[derive(Debug, Clone)]
pub enum Verdict {
    Allowed(Arc<Flow>),
    Refused(Arc<Refusal>),
}

impl Verdict {
    /// The networks that the key may be used from; None for anywhere.
    pub fn addresses(&self) -> Option<&[Network]> {
        match self {
            Self::Allowed(flow) => flow.addresses.as_deref(),
            Self::Refused(refusal) => refusal.addresses.as_deref(),
        }
    }
}

struct Entry {
    verdict: Verdict,
    fresh_until: Instant,
    hard_until: Instant,
    refreshing: AtomicBool,
}

pub struct FlowTable {
    flows: HashMap<FlowKey, Arc<Entry>>,
    refusals: HashMap<FlowKey, Arc<Entry>>,
    /// Keys that the controller knows, whatever it said of what they asked for. It outlasts their flows.
    keys: HashMap<KeyHash, ()>,
    capacity: usize,
    /// Moves with every invalidation: an answer to a question asked before it is used, but not kept.
    generation: AtomicU64,
}

/// A verdict from the table; `stale` asks the finder, and only one of them, to ask the controller again.
pub struct Found {
    pub verdict: Verdict,
    pub stale: bool,
}

impl FlowTable {
    pub fn new(capacity: usize) -> Self {
        Self {
            flows: HashMap::new(),
            refusals: HashMap::new(),
            keys: HashMap::new(),
            capacity,
            generation: AtomicU64::new(0),
        }
    }

    pub fn get(&self, key: &KeyHash, endpoint: Endpoint, model: &str, now: Instant) -> Option<Found> {
        let wanted = Borrowed { key, endpoint, model };
        if let Some(entry) = self.flows.pin().get(&wanted) {
            if now < entry.fresh_until {
                return Some(Found {
                    verdict: entry.verdict.clone(),
                    stale: false,
                });
            }
            if now < entry.hard_until {
                let first = !entry.refreshing.swap(true, Ordering::Relaxed);
                return Some(Found {
                    verdict: entry.verdict.clone(),
                    stale: first,
                });
            }
        }
        let refusals = self.refusals.pin();
        let entry = refusals.get(&wanted)?;
        (now < entry.hard_until).then(|| Found {
            verdict: entry.verdict.clone(),
            stale: false,
        })
    }

    /// Whether the controller knew this key when it was last asked.
    pub fn knows(&self, key: &KeyHash) -> bool {
        self.keys.pin().contains_key(key)
    }

    /// To be read before a question is asked, and given back with its answer.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Keep an answer, unless something was invalidated since its question. Returns the verdict either way.
    pub fn keep(&self, key: &FlowKey, verdict: Verdict, asked_in: u64, now: Instant) -> Verdict {
        let (fresh_ms, hard_ms, is_of_the_key) = match &verdict {
            Verdict::Allowed(flow) => {
                let longest = ends_in_ms(flow);
                let hard_ms = flow.hard_ms.max(flow.fresh_ms).min(longest);
                (flow.fresh_ms.min(longest), hard_ms, false)
            }
            Verdict::Refused(refusal) => (refusal.cache_ms, refusal.cache_ms, refusal.is_of_the_key()),
        };
        if self.generation() == asked_in {
            self.remember(&key.key, !is_of_the_key);
        }
        if hard_ms == 0 || self.generation() != asked_in {
            self.still_stale(key);
            return verdict;
        }
        let entry = Arc::new(Entry {
            verdict: verdict.clone(),
            fresh_until: now + Duration::from_millis(fresh_ms),
            hard_until: now + Duration::from_millis(hard_ms),
            refreshing: AtomicBool::new(false),
        });
        match verdict {
            Verdict::Allowed(_) => {
                make_room(&self.flows, self.capacity, now);
                self.refusals.pin().remove(key);
                self.flows.pin().insert(key.clone(), entry);
            }
            Verdict::Refused(_) => {
                make_room(&self.refusals, REFUSALS, now);
                self.flows.pin().remove(key);
                self.refusals.pin().insert(key.clone(), entry);
            }
        }
        // An invalidation may have swept the table between the check above and the insertion.
        if self.generation() != asked_in {
            self.flows.pin().remove(key);
            self.refusals.pin().remove(key);
            self.keys.pin().remove(&key.key);
        }
        verdict
    }

    fn remember(&self, key: &KeyHash, is_known: bool) {
        let keys = self.keys.pin();
        if !is_known {
            keys.remove(key);
        } else if !keys.contains_key(key) {
            if keys.len() >= self.capacity {
                keys.clear();
            }
            keys.insert(*key, ());
        }
    }

    /// The controller had no answer for a stale flow: the flow goes on, and the next finder asks again.
    pub fn still_stale(&self, key: &FlowKey) {
        if let Some(entry) = self.flows.pin().get(key) {
            entry.refreshing.store(false, Ordering::Relaxed);
        }
    }

    pub fn invalidate_key(&self, key: &KeyHash) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.keys.pin().remove(key);
        self.flows.pin().retain(|entry, _| &entry.key != key);
        self.refusals.pin().retain(|entry, _| &entry.key != key);
    }

    pub fn invalidate_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.flows.pin().clear();
        self.refusals.pin().clear();
    }

    /// Entries of flows and of refusals.
    pub fn sizes(&self) -> (usize, usize) {
        (self.flows.len(), self.refusals.len())
    }
}

/// The budgets that a flow names are those of their periods: with the first that ends, it ends.
fn ends_in_ms(flow: &Flow) -> u64 {
    flow.period_end_us()
        .map_or(u64::MAX, |end_us| end_us.saturating_sub(now_us()) / 1_000)
}

/// A full table first drops what has expired, then, if that was not enough, everything: the controller can
/// answer again, and a table that is full of live entries is a sign of abuse or of too small a setting.
fn make_room(table: &HashMap<FlowKey, Arc<Entry>>, capacity: usize, now: Instant) {
    if table.len() < capacity {
        return;
    }
    let pinned = table.pin();
    pinned.retain(|_, entry| now < entry.hard_until);
    if pinned.len() >= capacity {
        pinned.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8, model: &str) -> FlowKey {
        FlowKey {
            key: [byte; 32],
            endpoint: Endpoint::ChatCompletions,
            model: model.into(),
        }
    }

    fn refusal(cache_ms: u64) -> Verdict {
        Verdict::Refused(Arc::new(Refusal {
            status: 404,
            code: "model_not_found".into(),
            message: "no".into(),
            r#type: "invalid_request_error".into(),
            param: None,
            cache_ms,
            addresses: None,
            version: 2,
        }))
    }

    fn flow(fresh_ms: u64, hard_ms: u64) -> Verdict {
        Verdict::Allowed(Arc::new(parsed(fresh_ms, hard_ms)))
    }

    fn parsed(fresh_ms: u64, hard_ms: u64) -> Flow {
        let text = format!(
            r#"{{"organization_id":"o","project_id":"p","key_id":"k","model":"m","targets":[],"document":null,
            "policy":{{"connect_ms":1,"first_byte_ms":1,"idle_ms":1,"total_ms":1,"attempts":1}},
            "fresh_ms":{fresh_ms},"hard_ms":{hard_ms},"revision":0,"version":2}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn get(table: &FlowTable, byte: u8, at: Instant) -> Option<Found> {
        table.get(&[byte; 32], Endpoint::ChatCompletions, "m", at)
    }

    #[test]
    fn a_flow_goes_fresh_then_stale_once_then_away() {
        let table = FlowTable::new(10);
        let start = Instant::now();
        table.keep(&key(1, "m"), flow(10, 100), table.generation(), start);
        assert!(!get(&table, 1, start).unwrap().stale);
        let later = start + Duration::from_millis(50);
        assert!(get(&table, 1, later).unwrap().stale);
        assert!(!get(&table, 1, later).unwrap().stale, "only one finder refreshes");
        assert!(get(&table, 1, start + Duration::from_millis(100)).is_none());
    }

    #[test]
    fn a_flow_ends_with_the_period_of_its_budgets() {
        let table = FlowTable::new(10);
        let start = Instant::now();
        let mut ending = parsed(50_000, 100_000);
        let budget = r#"[{"id":"bud_1","scope":"key","hard":true,"amount":1,"period_start_us":0,"period_end_us":END}]"#;
        let budgets = |end_us: u64| serde_json::from_str(&budget.replace("END", &end_us.to_string())).unwrap();
        ending.budgets = budgets(now_us() + 10_000_000);
        table.keep(
            &key(1, "m"),
            Verdict::Allowed(Arc::new(ending)),
            table.generation(),
            start,
        );
        assert!(get(&table, 1, start + Duration::from_secs(5)).is_some());
        assert!(get(&table, 1, start + Duration::from_secs(11)).is_none());
        let mut ended = parsed(50_000, 100_000);
        ended.budgets = budgets(1);
        table.keep(
            &key(2, "m"),
            Verdict::Allowed(Arc::new(ended)),
            table.generation(),
            start,
        );
        assert!(get(&table, 2, start).is_none());
    }

    #[test]
    fn a_refresh_that_failed_is_tried_again() {
        let table = FlowTable::new(10);
        let start = Instant::now();
        table.keep(&key(1, "m"), flow(10, 100), table.generation(), start);
        let later = start + Duration::from_millis(50);
        assert!(get(&table, 1, later).unwrap().stale);
        table.keep(&key(1, "m"), refusal(0), table.generation(), later);
        let found = get(&table, 1, later).unwrap();
        assert!(found.stale && matches!(found.verdict, Verdict::Allowed(_)));
    }

    #[test]
    fn an_answer_that_crossed_an_invalidation_is_not_kept() {
        let table = FlowTable::new(10);
        let asked_in = table.generation();
        table.invalidate_key(&[9; 32]);
        table.keep(&key(1, "m"), flow(10, 100), asked_in, Instant::now());
        assert!(get(&table, 1, Instant::now()).is_none());
    }

    #[test]
    fn revoking_one_key_leaves_the_others() {
        let table = FlowTable::new(10);
        let now = Instant::now();
        for byte in [1, 2] {
            table.keep(&key(byte, "m"), flow(1_000, 1_000), table.generation(), now);
        }
        table.invalidate_key(&[1; 32]);
        assert!(get(&table, 1, now).is_none());
        assert!(get(&table, 2, now).is_some());
    }

    #[test]
    fn the_table_is_bounded() {
        let table = FlowTable::new(4);
        let now = Instant::now();
        for byte in 0..100 {
            table.keep(&key(byte, "m"), flow(1_000, 1_000), table.generation(), now);
        }
        assert!(table.sizes().0 <= 4);
    }

    #[test]
    fn a_refusal_that_may_not_be_cached_is_not() {
        let table = FlowTable::new(4);
        let now = Instant::now();
        assert!(matches!(
            table.keep(&key(1, "m"), refusal(0), 0, now),
            Verdict::Refused(_)
        ));
        assert!(get(&table, 1, now).is_none());
        table.keep(&key(1, "m"), refusal(50), 0, now);
        assert!(matches!(get(&table, 1, now).unwrap().verdict, Verdict::Refused(_)));
    }
}
