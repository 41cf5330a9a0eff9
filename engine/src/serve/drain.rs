//! The end of service: first no new requests, then, past the limit, no open ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, futures::OwnedNotified};

/// Until it is dropped the process is not empty.
pub struct Pending(Arc<Drain>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.left();
    }
}

#[derive(Default)]
pub struct Drain {
    stopping: AtomicBool,
    cutting: AtomicBool,
    stop: Arc<Notify>,
    connections: AtomicUsize,
    left: Notify,
}

impl Drain {
    /// Resolves when the process wants to stop; to be made before [`Self::is_stopping`] is asked.
    pub fn stopped(&self) -> OwnedNotified {
        Arc::clone(&self.stop).notified_owned()
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether open streams are to end now, each with an error event.
    pub fn is_cutting(&self) -> bool {
        self.cutting.load(Ordering::Relaxed)
    }

    pub fn begin(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.notify_waiters();
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

    pub fn left(&self) {
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
