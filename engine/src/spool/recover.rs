//! What an earlier run left in the folder, however it ended.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::MmapMut;

use super::Orphan;
use super::frame::{self, Frame, Frames, Id, Kind, Position};
use super::log::{Log, Progress};
use super::segment::Segment;

/// Smaller files are remains of a segment that could not be made.
const LEAST: usize = 4 * frame::MAX_SIZE;

/// What is found of a request without its end. A mark may come first: an intent that was carried on lies behind it.
#[derive(Default)]
struct Unfinished {
    intent: Option<(Position, Vec<u8>)>,
    mark: Option<(Position, Vec<u8>)>,
}

struct File {
    number: u32,
    path: PathBuf,
    length: usize,
    /// Where its frames end.
    end: usize,
    finals: u64,
    /// Nothing lies behind the end but the remains of one append, so that it can be written on.
    is_clean: bool,
}

/// The log as it was, ready to go on where it ended, and the requests that were left open.
pub fn recover(dir: &Path, confirmed: Position) -> io::Result<(Log, Vec<Orphan>)> {
    let mut reader = Reader::new(confirmed);
    let mut files = Vec::new();
    for (number, path) in Segment::list(dir)? {
        files.push(reader.read(number, path)?);
    }
    // A number is never used again: what is written under it would lie before what is confirmed.
    let newest = files.last().map_or(0, |file| file.number).max(confirmed.segment());
    let mut log = Log::new(reader.confirmed, newest + 1);
    log.corrupt_frames = reader.corrupt_frames;
    let last = files.iter().rposition(|file| file.end > 0);
    for (at, file) in files.iter().enumerate() {
        let goes_on = Some(at) >= last
            && file.is_clean
            && Position::new(file.number, file.end) >= confirmed
            && file.length >= LEAST;
        if file.end > 0 {
            log.adopt(Segment::open(&file.path, file.number, file.end, file.finals, goes_on)?);
        } else if goes_on {
            log.add_spare(Segment::open(&file.path, file.number, 0, 0, true)?);
        } else {
            std::fs::remove_file(&file.path)?;
        }
    }
    let orphans = reader
        .unfinished
        .into_iter()
        .filter_map(|(id, Unfinished { intent, mark })| {
            let (at, intent) = intent?;
            let (marked_at, mark) = mark.unzip();
            Some(Orphan {
                open: log.adopt_open(id, at, marked_at),
                intent,
                mark,
            })
        })
        .collect();
    Ok((log, orphans))
}

/// How many records wait in a folder that nobody has open: ended ones that are not stored elsewhere, and requests without
/// their end. Changes nothing there.
pub fn waiting(dir: &Path, confirmed: Position) -> io::Result<(u64, u64)> {
    let mut reader = Reader::new(confirmed);
    let mut ended = 0;
    for (number, path) in Segment::list(dir)? {
        let file = reader.read(number, path)?;
        if number >= confirmed.segment() {
            ended += file.finals;
        }
    }
    let open = reader.unfinished.values().filter(|one| one.intent.is_some()).count();
    Ok((ended - reader.confirmed.finals, u64::try_from(open).unwrap_or(u64::MAX)))
}

/// A whole file. Read, not mapped: a disk that fails is an error and not a fault. Into pages of its own, which go back to the system
/// with it: what an allocator is given back it may keep, and a segment is as large as a tenth of a gateway.
struct Contents {
    pages: MmapMut,
    length: usize,
}

impl Contents {
    fn read(path: &Path) -> io::Result<Self> {
        let mut file = std::fs::File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // There is no mapping of nothing.
        let mut pages = MmapMut::map_anon(length.max(1))?;
        file.read_exact(&mut pages[..length])?;
        Ok(Self { pages, length })
    }
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.pages[..self.length]
    }
}

struct Reader {
    confirmed: Progress,
    unfinished: HashMap<Id, Unfinished>,
    corrupt_frames: u64,
}

impl Reader {
    fn new(confirmed: Position) -> Self {
        Self {
            confirmed: Progress {
                position: confirmed,
                finals: 0,
            },
            unfinished: HashMap::new(),
            corrupt_frames: 0,
        }
    }

    fn read(&mut self, number: u32, path: PathBuf) -> io::Result<File> {
        let bytes = Contents::read(&path)?;
        let mut frames = Frames::new(&bytes, Position::new(number, 0));
        let (mut end, mut finals) = (0, 0);
        while let Some((offset, frame)) = frames.next() {
            let at = Position::new(number, offset);
            self.take(at, &frame);
            if frame.kind == Kind::Final {
                finals += 1;
                let is_confirmed = at < self.confirmed.position && number == self.confirmed.position.segment();
                self.confirmed.finals += u64::from(is_confirmed);
            }
            end = frames.offset();
        }
        self.corrupt_frames += frames.damaged;
        Ok(File {
            number,
            path,
            length: bytes.len(),
            end,
            finals,
            is_clean: frame::after_zeros(&bytes, end + frame::MAX_SIZE) >= bytes.len(),
        })
    }

    fn take(&mut self, at: Position, frame: &Frame<'_>) {
        let payload = || Some((at, frame.payload.to_vec()));
        match frame.kind {
            Kind::Intent => self.unfinished.entry(frame.id).or_default().intent = payload(),
            Kind::Mark => self.unfinished.entry(frame.id).or_default().mark = payload(),
            Kind::Final => drop(self.unfinished.remove(&frame.id)),
        }
    }
}
