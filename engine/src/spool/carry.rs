//! Giving up a segment: what still matters in it is written once more, at the end of the log.
//!
//! Without it, one long stream would hold everything that was written after it began.

use std::io;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::Shared;
use super::frame::{Frames, Kind};
use super::segment::Segment;

/// Frames written in a row while requests wait for the lock.
const BATCH: usize = 32;

/// Deletes the segments whose records are stored elsewhere.
pub fn tidy(shared: &Shared) -> io::Result<()> {
    loop {
        let confirmed = shared.log.lock().confirmed_segment();
        let Some(segment) = confirmed.filter(|segment| carry_open(shared, segment)) else {
            return Ok(());
        };
        shared.log.lock().remove(&segment);
        segment.delete()?;
    }
}

/// Writes everything that matters of a segment whose disk has failed once more, elsewhere. False when there is no room.
pub fn replace(shared: &Shared, segment: &Arc<Segment>) -> bool {
    {
        let mut log = shared.log.lock();
        let is_last = log.segments().back().is_some_and(|last| last.number == segment.number);
        if is_last && log.rotate().is_none() {
            return false;
        }
    }
    if !carry_finals(shared, segment) || !carry_open(shared, segment) {
        return false;
    }
    shared.log.lock().remove(segment);
    // What is left of it would come again at the next start, which its readers bear.
    if let Err(error) = segment.delete() {
        tracing::warn!(%error, "a file of the usage spool that has failed could not be deleted");
    }
    true
}

/// Open requests, with their last marks.
fn carry_open(shared: &Shared, segment: &Segment) -> bool {
    let open = shared.log.lock().open_in(segment);
    in_batches(shared, &open, |log, (key, at)| log.carry(segment, *key, *at))
}

/// Those that nobody has confirmed.
fn carry_finals(shared: &Shared, segment: &Segment) -> bool {
    let confirmed = shared.log.lock().confirmed();
    let from = confirmed.max(segment.start());
    if from > segment.end() {
        return true;
    }
    let finals: Vec<_> = Frames::new(segment.bytes(), from)
        .map(|(_, frame)| frame)
        .filter(|frame| frame.kind == Kind::Final)
        .collect();
    in_batches(shared, &finals, |log, frame| log.rewrite(frame).is_some())
}

/// Stops at the first that does not fit.
fn in_batches<T>(shared: &Shared, all: &[T], mut write: impl FnMut(&mut super::log::Log, &T) -> bool) -> bool {
    all.chunks(BATCH).all(|batch| {
        let mut log = shared.log.lock();
        let written = batch.iter().all(|one| write(&mut log, one));
        // Whoever waits goes first.
        MutexGuard::unlock_fair(log);
        written
    })
}
