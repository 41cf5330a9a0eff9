//! The spool's own thread: makes segments ahead of their use, and puts what is written on the disk.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::carry;
use super::frame::Position;
use super::segment::Segment;
use super::{Durability, Shared};

/// Between attempts while the disk fails.
const RETRY: Duration = Duration::from_millis(250);

pub struct Keeper(JoinHandle<()>);

impl Keeper {
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        std::thread::Builder::new()
            .name("hw-spool".into())
            .spawn(move || keep(&shared))
            .map(Self)
    }

    pub fn join(self) {
        let _ = self.0.join();
    }
}

fn keep(shared: &Shared) {
    loop {
        let closing = wait(shared);
        grow(shared);
        sync(shared);
        if closing {
            return;
        }
    }
}

/// For work, or for the time to sync. True when it is the last time.
fn wait(shared: &Shared) -> bool {
    let settings = &shared.settings;
    let mut log = shared.log.lock();
    let has_failed = log.growth_error.is_some() || log.sync_error.is_some();
    let is_awaited =
        settings.durability == Durability::Machine && log.segments().iter().any(|segment| segment.is_dirty());
    let has_work = !has_failed && (is_awaited || log.wants_segment(settings));
    if !log.closing && !has_work {
        let pause = if has_failed { RETRY } else { settings.sync_interval };
        shared.work.wait_for(&mut log, pause);
    }
    log.closing
}

/// Makes the segments that are wanted. A failure stands in the log until an attempt succeeds.
pub fn grow(shared: &Shared) {
    let settings = &shared.settings;
    loop {
        let number = {
            let mut log = shared.log.lock();
            if !log.wants_segment(settings) {
                log.growth_error = None;
                break;
            }
            log.reserve_number()
        };
        // Outside the lock: this is the disk's time.
        let made = Segment::create(&settings.dir, number, settings.segment_bytes);
        let mut log = shared.log.lock();
        log.attempts += 1;
        match made {
            Ok(segment) => {
                log.add_spare(segment);
                log.growth_error = None;
            }
            Err(error) => {
                if log.growth_error.replace(error.to_string()).is_none() {
                    tracing::error!(%error, "the usage spool can't grow");
                }
                break;
            }
        }
    }
    let attempts = shared.log.lock().attempts;
    shared.attempts.send_replace(attempts);
}

/// In order, up to the first that fails: what lies behind a failure is not called durable.
fn sync(shared: &Shared) {
    let segments = shared.log.lock().segments().clone();
    let (mut synced, mut failure) = (None, None);
    for segment in &segments {
        match sync_or_replace(shared, segment) {
            Ok(position) => synced = Some(position),
            Err(error) => {
                failure = Some(error.to_string());
                break;
            }
        }
        let is_last = segments.back().is_some_and(|last| last.number == segment.number);
        if !is_last && !segment.is_dirty() {
            segment.release();
        }
    }
    if let Some(synced) = synced {
        shared
            .synced
            .send_if_modified(|known| synced > std::mem::replace(known, synced.max(*known)));
    }
    let mut log = shared.log.lock();
    if failure.is_some() && log.sync_error.is_none() {
        tracing::error!(
            error = failure,
            "the usage spool could not be put on the disk; its records are written again"
        );
    }
    log.sync_error = failure;
}

fn sync_or_replace(shared: &Shared, segment: &Arc<Segment>) -> io::Result<Position> {
    let error = if segment.has_failed() {
        io::Error::other("its disk has failed, and there was no room to write it elsewhere")
    } else {
        match segment.sync() {
            Ok(position) => return Ok(position),
            Err(error) => error,
        }
    };
    // The copy is not on the disk yet: this round is over.
    carry::replace(shared, segment);
    Err(error)
}
