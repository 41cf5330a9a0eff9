//! The spool's one log: segments in order, the ids that are open, and what has been read and confirmed.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::frame::{self, Frame, Frames, Id, Kind};
use super::keeper::Keeper;
use super::segment::Segment;
use super::{Durability, Full, MAX_PAYLOAD, Settings, SpoolError, cursor};

/// Set aside for each open request, so that its end can always be written.
const RESERVED: usize = frame::size(MAX_PAYLOAD / 2);

/// A request whose intent is in the spool. Ends with [`Spool::finish`].
#[derive(Debug)]
pub struct Open {
    id: Id,
    at: Position,
}

/// An intent of an earlier run that was never finished.
#[derive(Debug)]
pub struct Orphan {
    pub id: Id,
    pub intent: Vec<u8>,
    /// Its last mark.
    pub mark: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Final {
    pub id: Id,
    pub payload: Vec<u8>,
}

/// A place between two frames: the segment's number, and the offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position(pub u64);

impl Position {
    pub fn new(segment: u32, offset: usize) -> Self {
        // Segments are far below 4 GiB.
        Self(u64::from(segment) << 32 | u64::try_from(offset).unwrap_or(u64::MAX).min(u64::from(u32::MAX)))
    }

    fn segment(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    fn offset(self) -> usize {
        usize::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(usize::MAX)
    }
}

#[derive(Debug, Clone)]
pub struct Status {
    pub bytes: u64,
    pub limit_bytes: u64,
    pub segments: usize,
    pub unshipped_records: u64,
    pub open_intents: u64,
    pub corrupt_frames: u64,
    pub over_half: bool,
    pub full: bool,
    pub last_sync_error: Option<String>,
}

pub struct Spool {
    shared: Arc<Shared>,
    keeper: Option<Keeper>,
    source: String,
    _lock: File,
}

/// What the spool and its keeper share.
pub struct Shared {
    pub settings: Settings,
    pub log: Mutex<Log>,
    /// Everything before it is on the disk.
    pub synced: watch::Sender<Position>,
    /// Wakes the keeper.
    pub work: parking_lot::Condvar,
}

pub struct Log {
    /// Oldest first; the last one is written to.
    pub segments: VecDeque<Arc<Segment>>,
    /// Made ahead, so that no request waits for it; in the order of their numbers.
    spares: VecDeque<Arc<Segment>>,
    next_number: u32,
    open: HashMap<Id, Position>,
    read_to: Position,
    confirmed: Position,
    finals: u64,
    finals_read: u64,
    finals_confirmed: u64,
    /// Where each read ended, with the finals read until then.
    reads: VecDeque<(Position, u64)>,
    corrupt_frames: u64,
    pub sync_error: Option<String>,
    pub closing: bool,
}

impl Spool {
    /// Takes the folder, and reads what an earlier run left there.
    pub fn open(settings: Settings) -> Result<(Self, Vec<Orphan>), SpoolError> {
        let segment = settings.segment_bytes;
        if settings.limit_bytes < 2 * segment as u64 || segment < 4 * RESERVED {
            return Err(SpoolError::TooSmall {
                limit: settings.limit_bytes,
                segment,
            });
        }
        let dir = settings.dir.clone();
        let io = |error| SpoolError::Io {
            dir: dir.clone(),
            error,
        };
        std::fs::create_dir_all(&dir).map_err(io)?;
        let lock = cursor::lock(&dir)
            .map_err(io)?
            .ok_or_else(|| SpoolError::Locked(dir.clone()))?;
        let source = cursor::source(&dir).map_err(io)?;
        let (mut log, orphans) = Log::recover(&settings).map_err(io)?;
        log.rotate(&settings).map_err(io)?;
        for segment in log.unneeded(&settings) {
            segment.delete().map_err(io)?;
        }
        let waiting = log.finals > 0;
        let shared = Arc::new(Shared {
            settings,
            log: Mutex::new(log),
            synced: watch::Sender::new(Position::default()),
            work: parking_lot::Condvar::new(),
        });
        let keeper = Keeper::start(Arc::clone(&shared)).map_err(io)?;
        if waiting {
            (shared.settings.on_data)();
        }
        Ok((
            Self {
                shared,
                keeper: Some(keeper),
                source,
                _lock: lock,
            },
            orphans,
        ))
    }

    /// The name under which this spool's records are known for ever.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Opens an id. From here on its final is certain to find room.
    pub fn begin(&self, id: Id, intent: &[u8]) -> Result<Open, Full> {
        let mut log = self.shared.log.lock();
        let at = log.begin(&self.shared.settings, id, intent)?;
        let wanting = log.spares.is_empty();
        self.wake_keeper(log, wanting);
        Ok(Open { id, at })
    }

    pub fn mark(&self, open: &Open, payload: &[u8]) {
        let mut log = self.shared.log.lock();
        // A mark only makes an estimate better: it never takes the room that was promised to finals.
        if log.fits(1) {
            let _ = log.append(
                &self.shared.settings,
                &Frame {
                    kind: Kind::Mark,
                    id: open.id,
                    payload,
                },
            );
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a request ends once")]
    pub fn finish(&self, open: Open, last: &[u8]) -> Result<(), SpoolError> {
        self.append_orphan_final(open.id, last)
    }

    /// Ends an id that [`Self::open`] reported.
    pub fn append_orphan_final(&self, id: Id, payload: &[u8]) -> Result<(), SpoolError> {
        {
            let mut log = self.shared.log.lock();
            log.append(
                &self.shared.settings,
                &Frame {
                    kind: Kind::Final,
                    id,
                    payload,
                },
            )
            .map_err(|Full| SpoolError::NoRoom)?;
            log.open.remove(&id);
            log.finals += 1;
        }
        (self.shared.settings.on_data)();
        Ok(())
    }

    /// Resolves when the intent is as durable as the settings ask.
    pub async fn durable(&self, open: &Open) {
        if self.shared.settings.durability == Durability::Process {
            return;
        }
        let mut synced = self.shared.synced.subscribe();
        // The sender lives as long as the spool.
        let _ = synced.wait_for(|position| *position > open.at).await;
    }

    /// Up to `limit` finals that were not read yet, in order. For one reader.
    pub fn read(&self, limit: usize, into: &mut Vec<Final>) -> Position {
        let (mut at, segments) = {
            let log = self.shared.log.lock();
            (
                log.read_to,
                log.segments
                    .iter()
                    .filter(|segment| segment.number >= log.read_to.segment())
                    .cloned()
                    .collect::<Vec<_>>(),
            )
        };
        let before = into.len();
        for segment in segments {
            let from = if segment.number == at.segment() { at.offset() } else { 0 };
            let mut frames = Frames::new(segment.bytes(), from);
            while into.len() - before < limit
                && let Some((_, Frame { kind, id, payload })) = frames.next()
            {
                if kind == Kind::Final {
                    into.push(Final {
                        id,
                        payload: payload.to_vec(),
                    });
                }
            }
            at = Position::new(segment.number, frames.offset());
            if into.len() - before == limit {
                break;
            }
        }
        let mut log = self.shared.log.lock();
        log.read_to = at;
        if into.len() > before {
            log.finals_read += (into.len() - before) as u64;
            let finals_read = log.finals_read;
            log.reads.push_back((at, finals_read));
        }
        at
    }

    /// Everything before `position` is stored elsewhere.
    pub fn confirm(&self, position: Position) -> Result<(), SpoolError> {
        let dir = &self.shared.settings.dir;
        let io = |error| SpoolError::Io {
            dir: dir.clone(),
            error,
        };
        let unneeded = {
            let mut log = self.shared.log.lock();
            if position <= log.confirmed {
                return Ok(());
            }
            log.confirmed = position;
            while let Some((_, finals)) = log.reads.front().copied().filter(|(at, _)| *at <= position) {
                log.finals_confirmed = finals;
                log.reads.pop_front();
            }
            log.unneeded(&self.shared.settings)
        };
        cursor::confirm(dir, position.0).map_err(io)?;
        for segment in unneeded {
            segment.delete().map_err(io)?;
        }
        Ok(())
    }

    pub fn status(&self) -> Status {
        let settings = &self.shared.settings;
        let log = self.shared.log.lock();
        // The spare and the rest of the last segment are room, not content.
        let room = log.segments.back().map_or(0, |segment| segment.room());
        let bytes = log.segments.iter().map(|segment| segment.capacity()).sum::<usize>() - room;
        Status {
            bytes: bytes as u64,
            limit_bytes: settings.limit_bytes,
            segments: log.segments.len(),
            unshipped_records: log.finals - log.finals_confirmed,
            open_intents: log.open.len() as u64,
            corrupt_frames: log.corrupt_frames,
            over_half: bytes as u64 * 2 > settings.limit_bytes,
            full: !log.may_grow(settings) && !log.fits(2),
            last_sync_error: log.sync_error.clone(),
        }
    }

    fn wake_keeper(&self, log: MutexGuard<'_, Log>, wanting_spare: bool) {
        drop(log);
        if wanting_spare || self.shared.settings.durability == Durability::Machine {
            self.shared.work.notify_one();
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
    }
}

impl Log {
    fn recover(settings: &Settings) -> io::Result<(Self, Vec<Orphan>)> {
        let confirmed = Position(cursor::confirmed(&settings.dir).unwrap_or_default());
        let mut log = Self {
            segments: VecDeque::new(),
            spares: VecDeque::new(),
            // A number is never used again: what is written under it would lie before what is confirmed.
            next_number: confirmed.segment() + 1,
            open: HashMap::new(),
            read_to: confirmed,
            confirmed,
            finals: 0,
            finals_read: 0,
            finals_confirmed: 0,
            reads: VecDeque::new(),
            corrupt_frames: 0,
            sync_error: None,
            closing: false,
        };
        let mut orphans = HashMap::new();
        for (number, path) in Segment::list(&settings.dir)? {
            log.next_number = log.next_number.max(number + 1);
            match Segment::open(path.clone(), number) {
                Ok(segment) => {
                    let segment = log.adopt(segment, &mut orphans);
                    if segment.end() == 0 {
                        segment.delete()?;
                    } else {
                        log.segments.push_back(Arc::new(segment));
                    }
                }
                // Made, and never given its size.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => std::fs::remove_file(path)?,
                Err(error) => return Err(error),
            }
        }
        Ok((log, orphans.into_values().collect()))
    }

    fn adopt(&mut self, segment: Segment, orphans: &mut HashMap<Id, Orphan>) -> Segment {
        let mut frames = Frames::new(segment.bytes(), 0);
        for (offset, Frame { kind, id, payload }) in frames.by_ref() {
            let at = Position::new(segment.number, offset);
            match kind {
                Kind::Intent => {
                    self.open.insert(id, at);
                    orphans.insert(
                        id,
                        Orphan {
                            id,
                            intent: payload.to_vec(),
                            mark: None,
                        },
                    );
                }
                Kind::Mark => {
                    if let Some(orphan) = orphans.get_mut(&id) {
                        orphan.mark = Some(payload.to_vec());
                    }
                }
                Kind::Final => {
                    self.open.remove(&id);
                    orphans.remove(&id);
                    self.finals += u64::from(at >= self.confirmed);
                }
            }
        }
        self.corrupt_frames += frames.damaged;
        let end = frames.offset();
        segment.seal(end);
        segment
    }

    /// A new segment to write to: the spare, or one made now.
    fn rotate(&mut self, settings: &Settings) -> io::Result<()> {
        let segment = match self.spares.pop_front() {
            Some(spare) => spare,
            None => self.create(settings)?,
        };
        self.segments.push_back(segment);
        Ok(())
    }

    fn create(&mut self, settings: &Settings) -> io::Result<Arc<Segment>> {
        let number = self.reserve_number();
        Ok(Arc::new(Segment::create(
            &settings.dir,
            number,
            settings.segment_bytes,
        )?))
    }

    pub fn reserve_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Takes a segment that was made outside the lock; false when others were made and used meanwhile.
    pub fn add_spare(&mut self, segment: &Arc<Segment>) -> bool {
        let newest = self
            .spares
            .back()
            .or(self.segments.back())
            .map_or(0, |newest| newest.number);
        let fits = self.spares.is_empty() && segment.number > newest;
        if fits {
            self.spares.push_back(Arc::clone(segment));
        }
        fits
    }

    pub fn wants_spare(&self, settings: &Settings) -> bool {
        self.spares.is_empty() && !self.closing && self.may_grow(settings)
    }

    /// Whether the limit allows another segment.
    fn may_grow(&self, settings: &Settings) -> bool {
        let allocated = self
            .segments
            .iter()
            .chain(&self.spares)
            .map(|segment| segment.capacity() as u64)
            .sum::<u64>();
        allocated + settings.segment_bytes as u64 <= settings.limit_bytes
    }

    /// Room that is there, in bytes: nothing is promised on space that the disk may not have.
    fn room(&self) -> usize {
        self.segments
            .back()
            .into_iter()
            .chain(&self.spares)
            .map(|segment| segment.room())
            .sum()
    }

    /// Whether `more` frames fit besides the final that each open request has been promised.
    fn fits(&self, more: usize) -> bool {
        // The end of a segment may be too short for the frame that comes next.
        let lost = 1 + self.spares.len();
        self.room() >= (self.open.len() + more + lost) * RESERVED
    }

    fn begin(&mut self, settings: &Settings, id: Id, intent: &[u8]) -> Result<Position, Full> {
        while !self.fits(2) {
            if !self.may_grow(settings) {
                return Err(Full);
            }
            let segment = self.create(settings).map_err(|error| self.failed(&error))?;
            self.spares.push_back(segment);
        }
        let at = self.append(
            settings,
            &Frame {
                kind: Kind::Intent,
                id,
                payload: intent,
            },
        )?;
        self.open.insert(id, at);
        Ok(at)
    }

    fn append(&mut self, settings: &Settings, frame: &Frame<'_>) -> Result<Position, Full> {
        let size = frame::size(frame.payload.len());
        if frame.payload.len() > MAX_PAYLOAD {
            return Err(Full);
        }
        if self.segments.back().is_none_or(|segment| segment.room() < size) {
            if self.spares.is_empty() && !self.may_grow(settings) {
                return Err(Full);
            }
            self.rotate(settings).map_err(|error| self.failed(&error))?;
        }
        let segment = self.segments.back().ok_or(Full)?;
        Ok(Position::new(segment.number, segment.append(frame)))
    }

    fn failed(&mut self, error: &io::Error) -> Full {
        tracing::error!(%error, "the usage spool can't take more");
        self.sync_error = Some(error.to_string());
        Full
    }

    /// Segments that nobody needs any more. An intent that is still open in one is carried on into the last segment:
    /// else one long stream would hold everything that was written after it began.
    fn unneeded(&mut self, settings: &Settings) -> Vec<Arc<Segment>> {
        let mut unneeded = Vec::new();
        // The last one is being written to.
        while self.segments.len() > 1 {
            let Some(first) = self.segments.front().filter(|first| self.is_confirmed(first)).cloned() else {
                break;
            };
            if !self.carry(settings, &first) {
                break;
            }
            self.segments.pop_front();
            unneeded.push(first);
        }
        unneeded
    }

    fn is_confirmed(&self, segment: &Segment) -> bool {
        self.confirmed >= Position::new(segment.number, segment.end())
    }

    /// Writes the open intents of `segment`, with their last marks, once more. False when there is no room.
    pub fn carry(&mut self, settings: &Settings, segment: &Segment) -> bool {
        let held = Position::new(segment.number, 0)..=Position::new(segment.number, segment.end());
        if !self.open.values().any(|at| held.contains(at)) {
            return true;
        }
        let mut carried: Vec<(Id, Frame<'_>, Option<Frame<'_>>)> = Vec::new();
        for (_, frame) in Frames::new(segment.bytes(), 0) {
            match (frame.kind, carried.iter_mut().find(|(id, ..)| *id == frame.id)) {
                (Kind::Intent, _) if self.open.get(&frame.id).is_some_and(|at| held.contains(at)) => {
                    carried.push((frame.id, frame, None));
                }
                (Kind::Mark, Some((_, _, mark))) => *mark = Some(frame),
                _ => {}
            }
        }
        for (id, intent, mark) in carried {
            let Ok(at) = self.append(settings, &intent) else {
                return false;
            };
            if let Some(mark) = mark {
                let _ = self.append(settings, &mark);
            }
            self.open.insert(id, at);
        }
        true
    }

    /// A segment whose disk has failed: what is not confirmed of it is written once more, elsewhere.
    pub fn rewrite(&mut self, settings: &Settings, segment: &Segment) -> Result<(), Full> {
        self.rotate(settings).map_err(|error| self.failed(&error))?;
        for (offset, frame) in Frames::new(segment.bytes(), 0) {
            let at = Position::new(segment.number, offset);
            if frame.kind == Kind::Final && at >= self.confirmed {
                self.append(settings, &frame)?;
                self.finals += 1;
            }
        }
        if self.carry(settings, segment) {
            Ok(())
        } else {
            Err(Full)
        }
    }
}
