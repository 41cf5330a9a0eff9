//! The usage spool: an append-only log on local disk that a record reaches before the upstream is called.
//!
//! Knows nothing of what a record says: an *intent* opens an id, *marks* tell how far it has come, a *final* closes it.
//! An append is a copy into a mapped page, so what was appended survives this process however it dies; a thread of its
//! own puts it on the disk. `meter` writes, the usage context reads and confirms. docs/decisions/0006-the-spool.md.

mod cursor;
mod frame;
mod keeper;
mod log;
mod segment;

pub use frame::{Id, MAX_PAYLOAD};
pub use log::{Final, Open, Orphan, Position, Spool, Status};

use std::path::PathBuf;
use std::time::Duration;

/// What a record has survived when [`Spool::durable`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// This process's death.
    Process,
    /// The machine's.
    Machine,
}

pub struct Settings {
    pub dir: PathBuf,
    pub segment_bytes: usize,
    pub limit_bytes: u64,
    pub sync_interval: Duration,
    pub durability: Durability,
    /// Called when final records wait to be read.
    pub on_data: Box<dyn Fn() + Send + Sync>,
}

/// There is no room for another request's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("usage spool {dir}: {error}")]
    Io { dir: PathBuf, error: std::io::Error },
    #[error("usage spool {0} is in use by another process; each gateway needs a folder of its own")]
    Locked(PathBuf),
    #[error("usage spool: a limit of {limit} bytes holds no two segments of {segment} bytes")]
    TooSmall { limit: u64, segment: usize },
    #[error("usage spool: no room is left for the end of a request's record")]
    NoRoom,
}

/// For the fuzzer: reads any bytes as a segment, and returns how many frames it held.
pub fn fuzz_read(data: &[u8]) -> usize {
    frame::Frames::new(data, 0).count()
}

#[cfg(test)]
mod tests;
