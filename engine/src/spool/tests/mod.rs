//! The spool as its users see it: what they share is here.

mod disk;
mod kills;
mod restarts;
mod running;

use std::path::Path;
use std::time::Duration;

use super::*;

pub use disk::fail_if_told_to;

const SEGMENT: usize = 64 * 1024;

fn settings(dir: &Path) -> Settings {
    Settings {
        dir: dir.to_owned(),
        segment_bytes: SEGMENT,
        limit_bytes: 16 * SEGMENT as u64,
        sync_interval: Duration::from_millis(2),
        durability: Durability::Process,
        on_data: Box::new(|| {}),
    }
}

fn open(dir: &Path) -> (Spool, Vec<Orphan>) {
    Spool::open(settings(dir)).unwrap()
}

/// Begins when there is room; None when there is none and there will be none.
fn begin(spool: &Spool, number: u64, intent: &[u8]) -> Option<Open> {
    loop {
        match spool.begin(id(number), intent) {
            Ok(open) => return Some(open),
            Err(NoRoom::Full) => return None,
            Err(NoRoom::Growing(_)) => std::thread::sleep(Duration::from_micros(100)),
        }
    }
}

fn record(spool: &Spool, number: u64) {
    let open = begin(spool, number, b"intent").unwrap();
    spool.finish(open, b"final").unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn id(number: u64) -> Id {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    id
}

fn number(id: Id) -> u64 {
    u64::from_le_bytes(id[..8].try_into().unwrap())
}

/// Reads everything in small batches, confirming each.
fn drain(spool: &Spool) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let mut batch = Vec::new();
        let position = spool.read(7, &mut batch);
        spool.confirm(position).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.into_iter().map(|record| number(record.id)));
    }
}

fn segments(dir: &Path) -> usize {
    std::fs::read_dir(dir)
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|end| end == "seg")
        })
        .count()
}
