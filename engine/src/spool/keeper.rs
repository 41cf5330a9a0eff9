//! The spool's own thread: makes segments ahead of their use, and puts what is written on the disk.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Durability;
use super::log::{Position, Shared};
use super::segment::Segment;

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
    let machine = shared.settings.durability == Durability::Machine;
    loop {
        let closing = {
            let mut log = shared.log.lock();
            let has_work =
                log.wants_spare(&shared.settings) || machine && log.segments.iter().any(|segment| segment.is_dirty());
            if !log.closing && !has_work {
                shared.work.wait_for(&mut log, shared.settings.sync_interval);
            }
            log.closing
        };
        make_spare(shared);
        sync(shared);
        if closing {
            return;
        }
    }
}

fn make_spare(shared: &Shared) {
    let number = {
        let mut log = shared.log.lock();
        if !log.wants_spare(&shared.settings) {
            return;
        }
        log.reserve_number()
    };
    // Outside the lock: this is the disk's time.
    match Segment::create(&shared.settings.dir, number, shared.settings.segment_bytes) {
        Ok(segment) => {
            let segment = Arc::new(segment);
            if !shared.log.lock().add_spare(&segment) {
                let _ = segment.delete();
            }
        }
        Err(error) => {
            tracing::error!(%error, "the usage spool can't grow");
            shared.log.lock().sync_error = Some(error.to_string());
            std::thread::sleep(shared.settings.sync_interval);
        }
    }
}

fn sync(shared: &Shared) {
    let segments: Vec<Arc<Segment>> = shared
        .log
        .lock()
        .segments
        .iter()
        .filter(|segment| segment.is_dirty())
        .cloned()
        .collect();
    let mut synced = None;
    for segment in segments {
        match segment.sync() {
            Ok(end) => synced = Some(Position::new(segment.number, end)),
            // After a failed sync the kernel may have dropped the pages: this segment's disk copy is never trusted again.
            Err(error) => {
                tracing::error!(%error, "the usage spool could not be put on the disk; its records are written again");
                segment.give_up();
                let mut log = shared.log.lock();
                log.sync_error = Some(error.to_string());
                if log.rewrite(&shared.settings, &segment).is_err() {
                    tracing::error!("the usage spool has no room to write them again");
                }
            }
        }
    }
    if let Some(synced) = synced {
        shared.synced.send_if_modified(|known| {
            let moved = synced > *known;
            if moved {
                *known = synced;
            }
            moved
        });
    }
}
