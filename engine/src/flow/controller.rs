//! The queue between the engine and the controller. No thread of the engine ever enters Python:
//! questions wait here until the controller's own thread takes them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Answer, FlowKey};
use crate::limit::{Share, Told, Unit};
use crate::signal::Signal;

/// How many questions may wait. Beyond it the caller is told to come back: a flood must not pile up in memory.
const CAPACITY: usize = 4_096;

/// `headworks.dataplane.flow.Question`.
#[derive(Debug, Serialize)]
pub struct Question<'a> {
    pub kind: &'static str,
    pub key_hash: String,
    pub model: Option<&'a str>,
    pub endpoint: &'static str,
    pub request_id: &'a str,
}

impl<'a> Question<'a> {
    pub fn new(about: &'a FlowKey, request_id: &'a str) -> Self {
        Self {
            kind: "flow",
            key_hash: hex(&about.key),
            model: (!about.model.is_empty()).then_some(&*about.model),
            endpoint: about.endpoint.name(),
            request_id,
        }
    }
}

/// `headworks.dataplane.flow.LeaseQuestion`.
#[derive(Debug, Serialize)]
pub struct LeaseQuestion<'a> {
    pub kind: &'static str,
    pub life: &'a str,
    pub budget_id: &'a str,
    pub period_start_us: u64,
    pub need: u64,
    pub want: u64,
    pub request_id: &'a str,
}

/// `headworks.dataplane.flow.ReturnQuestion`.
#[derive(Debug, Serialize)]
pub struct ReturnQuestion<'a> {
    pub kind: &'static str,
    pub life: &'a str,
    pub budget_id: &'a str,
    pub period_start_us: u64,
    pub amount: u64,
}

/// `headworks.dataplane.shares.SharesQuestion`.
#[derive(Debug, Serialize)]
pub struct SharesQuestion<'a> {
    pub kind: &'static str,
    pub life: &'a str,
    pub asks: Vec<ShareAsk<'a>>,
}

/// `headworks.dataplane.shares.ShareAsk`.
#[derive(Debug, Serialize)]
pub struct ShareAsk<'a> {
    limit_id: &'a str,
    unit: Unit,
    window_s: u32,
    amount: u64,
    number: u64,
    cap: u64,
    used: u64,
    need: u64,
    want: u64,
    passing: Vec<(u64, u64)>,
}

impl<'a> ShareAsk<'a> {
    pub fn new(share: &'a Share, told: &Told, passing: Vec<(u64, u64)>) -> Self {
        Self {
            limit_id: &share.limit_id,
            unit: share.unit,
            window_s: share.window_s,
            amount: share.amount(),
            number: told.number,
            cap: told.cap,
            used: told.used,
            need: told.need,
            want: told.want,
            passing,
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| DIGITS[usize::from(digit)] as char)
        .collect()
}

#[derive(Default)]
struct Queue {
    next: u64,
    asked: VecDeque<(u64, String)>,
    awaited: HashMap<u64, oneshot::Sender<Answer>>,
}

pub struct Controller {
    queue: Mutex<Queue>,
    signal: Signal,
    asked: AtomicU64,
    entries: AtomicU64,
}

impl Controller {
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            queue: Mutex::default(),
            signal: Signal::new()?,
            asked: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        })
    }

    /// Queue a question; None when too many wait already.
    pub fn ask(&self, question: &impl Serialize) -> Option<(u64, oneshot::Receiver<Answer>)> {
        let text = serde_json::to_string(question).ok()?;
        let (sender, receiver) = oneshot::channel();
        let number = {
            let mut queue = self.queue.lock();
            if queue.awaited.len() >= CAPACITY {
                return None;
            }
            queue.next += 1;
            let number = queue.next;
            queue.asked.push_back((number, text));
            queue.awaited.insert(number, sender);
            number
        };
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.signal.raise();
        Some((number, receiver))
    }

    /// Nobody waits for this answer any more.
    pub fn forget(&self, number: u64) {
        self.queue.lock().awaited.remove(&number);
    }

    /// For the controller's thread: up to `limit` questions. Lowers the signal when none is left.
    pub fn take(&self, limit: usize) -> Vec<(u64, String)> {
        self.entries.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue.lock();
        let taken = queue.asked.len().min(limit);
        let questions = queue.asked.drain(..taken).collect();
        if queue.asked.is_empty() {
            self.signal.lower();
        }
        questions
    }

    /// For the controller's thread. False when nobody waits any more.
    pub fn answer(&self, number: u64, answer: Answer) -> bool {
        let sender = self.queue.lock().awaited.remove(&number);
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// Readable while questions wait.
    pub fn descriptor(&self) -> i32 {
        self.signal.descriptor()
    }

    /// Questions asked, and times that Python was entered to take them.
    pub fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.entries.load(Ordering::Relaxed))
    }
}
