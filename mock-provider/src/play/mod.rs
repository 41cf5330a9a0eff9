//! An answer as a script: what is sent when, and how it ends. `serve/` plays it on whichever HTTP version the caller speaks.

mod events;
mod whole;

pub use events::{Event, Kind, slot, stream};
pub use whole::whole;

use std::iter::Peekable;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::unix_micros;
use crate::records::Draft;

/// Digits of a stamp: microseconds since 1970 have sixteen until the year 2286.
pub const STAMP_DIGITS: usize = 16;

/// Time for the caller to read what was sent, which a reset would throw away although records call it delivered.
pub const BEFORE_RESET: Duration = Duration::from_millis(20);

/// An answer that is played step by step.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub framing: Framing,
    pub script: Script,
    /// None waits for ever.
    pub wait: Option<Duration>,
    pub draft: Draft,
}

/// How the end of the body is told, truthfully or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
    /// `content-length` is so many bytes, which is more than are sent.
    TooLong(usize),
    /// `content-length` twice, the second one byte more.
    TwoLengths(usize),
}

/// What one write sends.
pub struct Piece {
    pub bytes: Vec<u8>,
    /// Output tokens that are delivered once this is sent.
    pub tokens: u64,
    part: Part,
    /// When it is due, in gaps after the start.
    slot: u32,
    /// Where the time of sending is to be written.
    stamp: Option<usize>,
}

/// What a piece begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Open,
    Content,
    Close,
    /// Nothing: it goes on with the one before.
    Rest,
}

/// How a script is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// HTTP ends properly, the answer is what it should be.
    Complete,
    /// HTTP ends properly, but the answer is short.
    Short,
    /// The connection is closed without HTTP's own end.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more comes.
    Hang,
}

/// What to do next.
pub enum Step {
    Wait(Instant),
    Send(Piece),
    End(Ending),
}

/// Cuts a stream short after some content events.
struct Cut {
    after: u64,
    then: Ending,
    last_words: Option<Vec<u8>>,
}

/// Pieces with their due times. Made lazily: a thousand long streams cost no memory.
pub struct Script {
    pieces: Peekable<Box<dyn Iterator<Item = Piece> + Send>>,
    gap: Duration,
    cut: Option<Cut>,
    contents: u64,
    ending: Ending,
    start: Option<Instant>,
    /// Whether output tokens were all made before the first byte.
    pub made_at_once: bool,
}

impl Script {
    /// The next step at this moment; the clock starts at the first call.
    pub fn next(&mut self, now: Instant) -> Step {
        let start = *self.start.get_or_insert(now);
        let Some(piece) = self.pieces.peek() else {
            return Step::End(self.ending);
        };
        if self
            .cut
            .as_ref()
            .is_some_and(|cut| cut.is_reached(self.contents, piece.part))
        {
            return self.cut_short();
        }
        let due = start + self.gap.saturating_mul(piece.slot);
        if due > now {
            return Step::Wait(due);
        }
        match self.pieces.next() {
            Some(piece) => Step::Send(self.sent(piece)),
            None => Step::End(self.ending),
        }
    }

    fn sent(&mut self, mut piece: Piece) -> Piece {
        self.contents += u64::from(piece.part == Part::Content);
        piece.fill_stamp();
        piece
    }

    fn cut_short(&mut self) -> Step {
        let Some(cut) = self.cut.take() else {
            return Step::End(self.ending);
        };
        self.pieces = no_pieces().peekable();
        self.ending = cut.then;
        match cut.last_words {
            Some(bytes) => Step::Send(Piece {
                bytes,
                tokens: 0,
                part: Part::Rest,
                slot: 0,
                stamp: None,
            }),
            None => Step::End(self.ending),
        }
    }
}

impl Cut {
    /// Before the first event that is past the allowed content; what opens a stream always passes.
    fn is_reached(&self, contents: u64, part: Part) -> bool {
        contents >= self.after && matches!(part, Part::Content | Part::Close)
    }
}

fn no_pieces() -> Box<dyn Iterator<Item = Piece> + Send> {
    Box::new(std::iter::empty())
}

/// Cuts bytes into pieces of at most `size`; the last one carries the tokens.
fn split(mut piece: Piece, size: Option<u64>) -> Vec<Piece> {
    let size = size.map_or(usize::MAX, |size| usize::try_from(size).unwrap_or(usize::MAX));
    if piece.bytes.len() <= size {
        return vec![piece];
    }
    // The pieces of a number cannot be filled in later: such a stamp is of the moment before.
    piece.fill_stamp();
    let mut parts: Vec<Piece> = piece.bytes.chunks(size).map(|bytes| piece.part_of(bytes)).collect();
    if let Some(first) = parts.first_mut() {
        first.part = piece.part;
    }
    if let Some(last) = parts.last_mut() {
        last.tokens = piece.tokens;
    }
    parts
}

impl Piece {
    fn fill_stamp(&mut self) {
        if let Some(place) = self.stamp.and_then(|at| self.bytes.get_mut(at..at + STAMP_DIGITS)) {
            place.copy_from_slice(format!("{:016}", unix_micros()).as_bytes());
        }
    }

    fn part_of(&self, bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            tokens: 0,
            part: Part::Rest,
            slot: self.slot,
            stamp: None,
        }
    }
}
