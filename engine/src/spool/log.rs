//! What the spool's lock guards: segments in order, the requests that are open, and what has been read and confirmed.
//!
//! Nothing here touches the disk: segments are made by the keeper, ahead of their use.

use std::collections::VecDeque;
use std::sync::Arc;

use slab::Slab;

use super::frame::{self, Frame, Id, Kind, MAX_PAYLOAD, Position};
use super::segment::Segment;
use super::{NoRoom, Open, Settings};

/// Set aside for each open request, so that its end can always be written.
const RESERVED: usize = frame::MAX_SIZE;

/// Where an open request's records stand.
struct Places {
    intent: Position,
    /// The last one.
    mark: Option<Position>,
}

pub struct Log {
    /// Oldest first; the last one is written to. Empty as long as the disk refuses the very first one.
    segments: VecDeque<Arc<Segment>>,
    /// Made ahead, in the order of their numbers.
    spares: VecDeque<Arc<Segment>>,
    next_number: u32,
    open: Slab<Places>,
    read: Progress,
    confirmed: Progress,
    /// What was read and is not confirmed, read by read.
    reads: VecDeque<Progress>,
    pub corrupt_frames: u64,
    /// Attempts to make a segment, so that a request can wait for the next one.
    pub attempts: u64,
    pub growth_error: Option<String>,
    pub sync_error: Option<String>,
    pub closing: bool,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub position: Position,
    /// Finals of the position's segment that lie before it.
    pub finals: u64,
}

impl Log {
    /// Whose records are stored elsewhere up to `confirmed`, and whose next segment has at least `next_number`.
    pub fn new(confirmed: Progress, next_number: u32) -> Self {
        Self {
            segments: VecDeque::new(),
            spares: VecDeque::new(),
            next_number,
            open: Slab::new(),
            read: confirmed,
            confirmed,
            reads: VecDeque::new(),
            corrupt_frames: 0,
            attempts: 0,
            growth_error: None,
            sync_error: None,
            closing: false,
        }
    }

    /// A segment with records of an earlier run, in order.
    pub fn adopt(&mut self, segment: Segment) {
        self.segments.push_back(Arc::new(segment));
    }

    /// A request that an earlier run left open.
    pub fn adopt_open(&mut self, id: Id, intent: Position, mark: Option<Position>) -> Open {
        let key = self.open.insert(Places { intent, mark });
        Open { id, key }
    }

    // --- Room ---

    pub fn reserve_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Takes an empty segment to be written to later; they come in the order of their numbers.
    pub fn add_spare(&mut self, segment: Segment) {
        let segment = Arc::new(segment);
        if self.segments.is_empty() {
            self.segments.push_back(segment);
        } else {
            self.spares.push_back(segment);
        }
    }

    /// Whether another segment is needed soon, and allowed.
    pub fn wants_segment(&self, settings: &Settings) -> bool {
        self.free() < settings.segment_bytes * 3 / 2 && self.may_grow(settings) && !self.closing
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

    /// Room in bytes besides what the finals of open requests have been promised.
    fn free(&self) -> usize {
        let room: usize = self
            .segments
            .back()
            .into_iter()
            .chain(&self.spares)
            .map(|segment| segment.room())
            .sum();
        // The end of a segment may be too short for the frame that comes next.
        let lost = 1 + self.spares.len();
        room.saturating_sub((self.open.len() + lost) * RESERVED)
    }

    /// Whether a request may begin. A segment's worth stays free for what is carried on: else a spool that is full
    /// could never be emptied.
    fn takes_requests(&self, settings: &Settings) -> bool {
        self.free() >= settings.segment_bytes + 2 * RESERVED
    }

    pub fn is_full(&self, settings: &Settings) -> bool {
        !self.takes_requests(settings) && (self.growth_error.is_some() || !self.may_grow(settings))
    }

    // --- Records ---

    pub fn begin(&mut self, settings: &Settings, id: Id, intent: &[u8]) -> Result<Open, NoRoom> {
        if !self.takes_requests(settings) {
            return Err(if self.is_full(settings) || self.closing {
                NoRoom::Full
            } else {
                NoRoom::Growing(self.attempts)
            });
        }
        let intent = self.append(Kind::Intent, id, intent).ok_or(NoRoom::Full)?;
        Ok(self.adopt_open(id, intent, None))
    }

    /// A mark only makes an estimate better: it never takes the room that was promised to others.
    pub fn mark(&mut self, settings: &Settings, open: &Open, payload: &[u8]) {
        if self.takes_requests(settings)
            && let Some(at) = self.append(Kind::Mark, open.id, payload)
            && let Some(places) = self.open.get_mut(open.key)
        {
            places.mark = Some(at);
        }
    }

    /// False when it does not fit, and the request stays open.
    pub fn finish(&mut self, open: &Open, last: &[u8]) -> bool {
        let written = self.append(Kind::Final, open.id, last).is_some();
        if written {
            self.open.try_remove(open.key);
        }
        written
    }

    fn append(&mut self, kind: Kind, id: Id, payload: &[u8]) -> Option<Position> {
        if payload.len() > MAX_PAYLOAD {
            return None;
        }
        if self.segments.back()?.room() < frame::size(payload.len()) {
            self.rotate()?;
        }
        Some(self.segments.back()?.append(&Frame { kind, id, payload }))
    }

    /// Goes on to the next segment.
    pub fn rotate(&mut self) -> Option<()> {
        self.segments.push_back(self.spares.pop_front()?);
        Some(())
    }

    /// Where a request's intent stands; it moves when its segment is given up.
    pub fn intent(&self, open: &Open) -> Option<Position> {
        self.open.get(open.key).map(|places| places.intent)
    }

    // --- Reading ---

    /// How far the reader has come, and the segments from there on.
    pub fn unread(&self) -> (Progress, Vec<Arc<Segment>>) {
        let from = self.read.position.segment();
        (
            self.read,
            self.segments
                .iter()
                .filter(|segment| segment.number >= from)
                .cloned()
                .collect(),
        )
    }

    pub fn has_read(&mut self, progress: Progress) {
        if progress.position > self.read.position {
            self.read = progress;
            self.reads.push_back(progress);
        }
    }

    /// False when that is no news.
    pub fn confirm(&mut self, position: Position) -> bool {
        let is_news = position > self.confirmed.position;
        while let Some(read) = self.reads.front().copied().filter(|read| read.position <= position) {
            self.confirmed = read;
            self.reads.pop_front();
        }
        is_news
    }

    pub fn unshipped(&self) -> u64 {
        let Progress { position, finals } = self.confirmed;
        let held = |segment: &Arc<Segment>| {
            let stored = if segment.number == position.segment() {
                finals
            } else {
                0
            };
            segment.finals().saturating_sub(stored)
        };
        let from = position.segment();
        self.segments
            .iter()
            .filter(|segment| segment.number >= from)
            .map(held)
            .sum()
    }

    pub fn confirmed(&self) -> Position {
        self.confirmed.position
    }

    // --- Segments that go ---

    /// The oldest one, if everything in it is stored elsewhere and nothing is written to it any more.
    pub fn confirmed_segment(&self) -> Option<Arc<Segment>> {
        let first = self.segments.front()?;
        (self.segments.len() > 1 && self.confirmed.position >= first.end()).then(|| Arc::clone(first))
    }

    /// Open requests with a record in `segment`, each with that record's place.
    pub fn open_in(&self, segment: &Segment) -> Vec<(usize, Position)> {
        let held = segment.start()..segment.end();
        self.open
            .iter()
            .flat_map(|(key, places)| [Some(places.intent), places.mark].map(|at| at.map(|at| (key, at))))
            .flatten()
            .filter(|(_, at)| held.contains(at))
            .collect()
    }

    /// Writes one of them once more, at the end, unless it has been overtaken. False when there is no room.
    pub fn carry(&mut self, segment: &Segment, key: usize, at: Position) -> bool {
        let is_current = |places: &Places| places.intent == at || places.mark == Some(at);
        if !self.open.get(key).is_some_and(is_current) {
            return true;
        }
        let Some(to) = segment.frame(at).and_then(|frame| self.rewrite(&frame)) else {
            return false;
        };
        if let Some(places) = self.open.get_mut(key) {
            if places.intent == at {
                places.intent = to;
            } else {
                places.mark = Some(to);
            }
        }
        true
    }

    /// Writes a frame once more, if there is room besides what was promised.
    pub fn rewrite(&mut self, frame: &Frame<'_>) -> Option<Position> {
        (self.free() >= RESERVED)
            .then(|| self.append(frame.kind, frame.id, frame.payload))
            .flatten()
    }

    pub fn remove(&mut self, segment: &Segment) {
        self.segments.retain(|held| held.number != segment.number);
    }

    // --- Seen from outside ---

    pub fn segments(&self) -> &VecDeque<Arc<Segment>> {
        &self.segments
    }

    pub fn open_requests(&self) -> usize {
        self.open.len()
    }

    /// Bytes that are in use: spares and the rest of the last segment are room, not content.
    pub fn bytes(&self) -> u64 {
        let room = self.segments.back().map_or(0, |segment| segment.room());
        let held: usize = self.segments.iter().map(|segment| segment.capacity()).sum();
        (held - room) as u64
    }
}
