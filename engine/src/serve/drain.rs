//! The end of service: no new connections, the next answer of each is its last, and an idle one ends; past the limit, no open ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, futures::OwnedNotified};

/// Until it is dropped the process is not empty.
pub struct Pending(Arc<Drain>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.gone();
    }
}

#[derive(Default)]
pub struct Drain {
    leaving: AtomicBool,
    cutting: AtomicBool,
    last_call_ms: AtomicU64,
    leave: Arc<Notify>,
    connections: AtomicUsize,
    left: Notify,
}

impl Drain {
    /// Resolves when no connection should be used again; to be made before [`Self::is_leaving`] is asked.
    pub fn told_to_leave(&self) -> OwnedNotified {
        Arc::clone(&self.leave).notified_owned()
    }

    /// Whether each answer is the last of its connection.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Whether open streams are to end now, each with an error event.
    pub fn is_cutting(&self) -> bool {
        self.cutting.load(Ordering::Relaxed)
    }

    /// For how long a connection stays idle before it ends, once all are leaving.
    pub fn last_call(&self) -> Duration {
        Duration::from_millis(self.last_call_ms.load(Ordering::Relaxed))
    }

    pub fn leave(&self, last_call: Duration) {
        let last_call_ms = u64::try_from(last_call.as_millis()).unwrap_or(u64::MAX);
        self.last_call_ms.store(last_call_ms, Ordering::Relaxed);
        self.leaving.store(true, Ordering::Release);
        self.leave.notify_waiters();
    }

    pub fn cut(&self) {
        self.cutting.store(true, Ordering::Relaxed);
    }

    /// Work that goes on without a connection, and is waited for like one.
    pub fn pending(self: &Arc<Self>) -> Pending {
        self.entered();
        Pending(Arc::clone(self))
    }

    pub fn entered(&self) {
        self.connections.fetch_add(1, Ordering::AcqRel);
    }

    pub fn gone(&self) {
        if self.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.left.notify_waiters();
        }
    }

    /// True when the last connection has gone within `limit`.
    pub async fn emptied(&self, limit: Duration) -> bool {
        let until = tokio::time::Instant::now() + limit;
        loop {
            let left = self.left.notified();
            if self.connections.load(Ordering::Acquire) == 0 {
                return true;
            }
            if tokio::time::timeout_at(until, left).await.is_err() {
                return self.connections.load(Ordering::Acquire) == 0;
            }
        }
    }
}
