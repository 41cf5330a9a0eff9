//! The usage spool: an append-only log on local disk that a record reaches before the upstream is called.
//!
//! Knows nothing of what a record says: an *intent* opens a request, *marks* tell how far it has come, a *final* closes
//! it. An append is a copy into a mapped page, so what was appended survives this process however it dies; a thread of
//! its own puts it on the disk. `meter` writes, the usage context reads and confirms.
//! docs/decisions/0006-the-spool.md.

mod carry;
mod folder;
mod frame;
mod keeper;
mod log;
mod recover;
mod segment;

pub use frame::{Id, MAX_PAYLOAD, Position};

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use tokio::time::timeout;

use folder::Cursor;
use frame::{Frames, Kind};
use keeper::Keeper;
use log::{Log, Progress};

/// A spool holds one segment to write to, one to go on to, and one for what is carried on out of a full one.
pub const LEAST_SEGMENTS: u64 = 3;
/// How long a request waits for the disk to make room or to keep its intent.
const DISK_LIMIT: Duration = Duration::from_secs(5);

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

/// Why a request can't begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// The limit is reached, or the disk gives no more.
    Full,
    /// More is being made; [`Spool::grown`] takes this number.
    Growing(u64),
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("usage spool {dir}: {error}")]
    Io { dir: PathBuf, error: io::Error },
    #[error("usage spool {0} is in use by another process; each gateway needs a folder of its own")]
    Locked(PathBuf),
    #[error("usage spool: a limit of {limit} bytes holds no {LEAST_SEGMENTS} segments of {segment} bytes")]
    TooSmall { limit: u64, segment: usize },
    #[error("usage spool: no room is left for the end of a request's record")]
    NoRoom,
}

/// A request whose intent is in the spool. Ends with [`Spool::finish`].
#[derive(Debug)]
pub struct Open {
    id: Id,
    key: usize,
}

/// An intent of an earlier run that was never finished.
#[derive(Debug)]
pub struct Orphan {
    pub open: Open,
    pub intent: Vec<u8>,
    /// Its last mark.
    pub mark: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Final {
    pub id: Id,
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Status {
    pub bytes: u64,
    pub limit_bytes: u64,
    pub unshipped_records: u64,
    pub open_requests: u64,
    pub corrupt_frames: u64,
    pub over_half: bool,
    pub full: bool,
    /// What the disk says now; None when it does as it is told.
    pub disk_error: Option<String>,
}

pub struct Spool {
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    source: String,
    life: String,
    cursor: Cursor,
    lock: File,
}

/// What waits in a folder that no process has open: records that ended, and requests without their end. Changes nothing.
pub fn waiting(dir: &std::path::Path) -> Result<(u64, u64), SpoolError> {
    if !dir.exists() {
        return Ok((0, 0));
    }
    Cursor::peek(dir)
        .and_then(|confirmed| recover::waiting(dir, confirmed))
        .map_err(|error| SpoolError::Io {
            dir: dir.to_owned(),
            error,
        })
}

/// What the spool and its keeper share.
struct Shared {
    settings: Settings,
    log: Mutex<Log>,
    /// Wakes the keeper.
    work: Condvar,
    /// Everything before it is on the disk.
    synced: watch::Sender<Position>,
    /// How often the keeper has tried to make a segment.
    attempts: watch::Sender<u64>,
}

impl Spool {
    /// Takes the folder, and reads what an earlier run left there.
    pub fn open(settings: Settings) -> Result<(Self, Vec<Orphan>), SpoolError> {
        let (limit, segment) = (settings.limit_bytes, settings.segment_bytes);
        if limit < LEAST_SEGMENTS * segment as u64 || segment < 4 * frame::MAX_SIZE {
            return Err(SpoolError::TooSmall { limit, segment });
        }
        let dir = settings.dir.clone();
        let io = |error| SpoolError::Io {
            dir: dir.clone(),
            error,
        };
        std::fs::create_dir_all(&dir).map_err(io)?;
        let lock = folder::lock(&dir)
            .map_err(io)?
            .ok_or_else(|| SpoolError::Locked(dir.clone()))?;
        let source = folder::source(&dir).map_err(io)?;
        let life = folder::life(&source).map_err(io)?;
        let (cursor, confirmed) = Cursor::open(&dir).map_err(io)?;
        let (log, orphans) = recover::recover(&dir, confirmed).map_err(io)?;
        let waiting = log.unshipped() > 0;
        let shared = Arc::new(Shared {
            settings,
            log: Mutex::new(log),
            work: Condvar::new(),
            synced: watch::Sender::new(Position::default()),
            attempts: watch::Sender::new(0),
        });
        carry::tidy(&shared).map_err(io)?;
        keeper::grow(&shared);
        let keeper = Keeper::start(Arc::clone(&shared)).map_err(io)?;
        if waiting {
            (shared.settings.on_data)();
        }
        let spool = Self {
            shared,
            keeper: Some(keeper),
            source,
            life,
            cursor,
            lock,
        };
        Ok((spool, orphans))
    }

    /// The name under which this spool's records are known for ever.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The source, `-`, and what no other opening of it has: who borrows does so by this name, so that what a life holds is
    /// not taken for what the next one does.
    pub fn life(&self) -> &str {
        &self.life
    }

    // --- Writing ---

    /// From here on the request's final is certain to find room.
    pub fn begin(&self, id: Id, intent: &[u8]) -> Result<Open, NoRoom> {
        let shared = &self.shared;
        let (begun, wanted) = {
            let mut log = shared.log.lock();
            let begun = log.begin(&shared.settings, id, intent);
            (begun, log.wants_segment(&shared.settings))
        };
        if wanted || shared.settings.durability == Durability::Machine {
            shared.work.notify_one();
        }
        begun
    }

    /// Resolves after the attempt to make room that [`NoRoom::Growing`] spoke of. False: the disk does not answer.
    pub async fn grown(&self, attempts: u64) -> bool {
        let mut made = self.shared.attempts.subscribe();
        let next = made.wait_for(|made| *made > attempts);
        timeout(DISK_LIMIT, next).await.is_ok()
    }

    /// Resolves when the intent is as durable as the settings ask. False: the disk does not keep it.
    pub async fn durable(&self, open: &Open) -> bool {
        if self.shared.settings.durability == Durability::Process {
            return true;
        }
        if self.shared.log.lock().sync_error.is_some() {
            return false;
        }
        let mut synced = self.shared.synced.subscribe();
        let kept = synced.wait_for(|synced| self.shared.log.lock().intent(open).is_some_and(|at| at < *synced));
        timeout(DISK_LIMIT, kept).await.is_ok()
    }

    pub fn mark(&self, open: &Open, payload: &[u8]) {
        self.shared.log.lock().mark(&self.shared.settings, open, payload);
    }

    #[expect(clippy::needless_pass_by_value, reason = "a request ends once")]
    pub fn finish(&self, open: Open, last: &[u8]) -> Result<(), SpoolError> {
        if !self.shared.log.lock().finish(&open, last) {
            return Err(SpoolError::NoRoom);
        }
        (self.shared.settings.on_data)();
        Ok(())
    }

    // --- Reading ---

    /// Up to `limit` finals that were not read yet, in order. For one reader.
    pub fn read(&self, limit: usize, into: &mut Vec<Final>) -> Position {
        let (mut read, segments) = self.shared.log.lock().unread();
        let wanted = into.len() + limit;
        for segment in segments {
            if segment.number != read.position.segment() {
                read = Progress {
                    position: segment.start(),
                    finals: 0,
                };
            }
            let mut frames = Frames::new(segment.bytes(), read.position);
            while into.len() < wanted
                && let Some((_, frame)) = frames.next()
            {
                if frame.kind == Kind::Final {
                    read.finals += 1;
                    into.push(Final {
                        id: frame.id,
                        payload: frame.payload.to_vec(),
                    });
                }
            }
            read.position = Position::new(segment.number, frames.offset());
            if into.len() == wanted {
                break;
            }
        }
        self.shared.log.lock().has_read(read);
        read.position
    }

    /// Everything before `position` is stored elsewhere.
    pub fn confirm(&self, position: Position) -> Result<(), SpoolError> {
        if !self.shared.log.lock().confirm(position) {
            return Ok(());
        }
        self.cursor
            .write(position)
            .and_then(|()| carry::tidy(&self.shared))
            .map_err(|error| SpoolError::Io {
                dir: self.shared.settings.dir.clone(),
                error,
            })
    }

    pub fn status(&self) -> Status {
        let settings = &self.shared.settings;
        let log = self.shared.log.lock();
        let bytes = log.bytes();
        Status {
            bytes,
            limit_bytes: settings.limit_bytes,
            unshipped_records: log.unshipped(),
            open_requests: log.open_requests() as u64,
            corrupt_frames: log.corrupt_frames,
            over_half: bytes * 2 > settings.limit_bytes,
            full: log.is_full(settings),
            disk_error: log.sync_error.clone().or_else(|| log.growth_error.clone()),
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.log.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(keeper) = self.keeper.take() {
            keeper.join();
        }
        // Said aloud, because a child of another thread may hold the descriptor for a moment.
        let _ = self.lock.unlock();
    }
}

/// For the fuzzer: reads any bytes as a segment, and returns how many frames it held.
pub fn fuzz_read(data: &[u8]) -> usize {
    Frames::new(data, Position::new(1, 0)).count()
}

#[cfg(test)]
mod tests;
