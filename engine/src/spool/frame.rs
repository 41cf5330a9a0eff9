//! One record in a segment: a header, an id and a payload, aligned to eight bytes.
//!
//! ```text
//!  0  u32 magic   } one store, the last of an append: before it the frame does not exist
//!  4  u32 length  }
//!  8  u32 CRC-32 of its position, its length, and everything from byte 12 to the end of the payload
//! 12  u8 kind, u8 version, u16 zero
//! 16  [u8; 16] id
//! 32  payload, then zeros up to the alignment
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

pub const HEADER: usize = 32;
pub const ALIGN: usize = 8;
/// Longer payloads are refused; it also bounds what a damaged length can make a reader look at.
pub const MAX_PAYLOAD: usize = 4 * 1024;
/// The most that a frame takes up.
pub const MAX_SIZE: usize = size(MAX_PAYLOAD);
const MAGIC: u32 = 0x4857_5231;
const VERSION: u8 = 1;

/// An id that is unique among all requests.
pub type Id = [u8; 16];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A request is about to be sent upstream.
    Intent = 1,
    /// How far it has come.
    Mark = 2,
    /// How it ended.
    Final = 3,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Intent, Self::Mark, Self::Final]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: Kind,
    pub id: Id,
    pub payload: &'a [u8],
}

/// A place between two frames: the segment's number, and the offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position(pub u64);

impl Position {
    pub fn new(segment: u32, offset: usize) -> Self {
        // Segments are far below 4 GiB.
        Self(u64::from(segment) << 32 | u64::try_from(offset).unwrap_or(u64::MAX).min(u64::from(u32::MAX)))
    }

    pub fn segment(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    pub fn offset(self) -> usize {
        usize::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(usize::MAX)
    }
}

/// Bytes that a frame with this payload takes up.
pub const fn size(payload: usize) -> usize {
    (HEADER + payload).next_multiple_of(ALIGN)
}

/// The position is part of it: what looks like a frame inside a payload, or was left by another file, is not one.
fn checksum(at: Position, length: u32, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.0.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

/// Everything of a frame but its first eight bytes, and those eight as the number that commits it.
///
/// `room` is the frame's place: as long as [`size`] says, and with eight zeros at its front.
pub fn write(room: &mut [u8], at: Position, frame: &Frame<'_>) -> u64 {
    let end = HEADER + frame.payload.len();
    room[12..16].copy_from_slice(&[frame.kind as u8, VERSION, 0, 0]);
    room[16..HEADER].copy_from_slice(&frame.id);
    room[HEADER..end].copy_from_slice(frame.payload);
    room[end..].fill(0);
    // Payloads are records of a few hundred bytes; `MAX_PAYLOAD` bounds them.
    let length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
    let crc = checksum(at, length, &room[12..end]);
    room[8..12].copy_from_slice(&crc.to_le_bytes());
    u64::from(MAGIC) | u64::from(length) << 32
}

/// Makes a written frame exist.
pub fn commit(header: &AtomicU64, word: u64) {
    header.store(word.to_le(), Ordering::Release);
}

/// What lies at an offset.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    Frame(Frame<'a>, usize),
    /// Nothing was written here.
    Empty,
    Damaged,
}

/// What lies at the front of `bytes`, which are the rest of a segment from `at` on.
pub fn read(bytes: &[u8], at: Position) -> Found<'_> {
    let Some(header) = bytes.get(..HEADER) else {
        return Found::Empty;
    };
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if header[..8] == [0; 8] {
        return Found::Empty;
    }
    let (magic, length, crc) = (word(0), word(4), word(8));
    let Some(end) = usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_PAYLOAD)
        .map(|length| HEADER + length)
    else {
        return Found::Damaged;
    };
    let (Some(body), Some(kind)) = (bytes.get(12..end), Kind::of(header[12])) else {
        return Found::Damaged;
    };
    if magic != MAGIC || header[13] != VERSION || checksum(at, length, body) != crc {
        return Found::Damaged;
    }
    let mut id = [0; 16];
    id.copy_from_slice(&header[16..HEADER]);
    Found::Frame(
        Frame {
            kind,
            id,
            payload: &bytes[HEADER..end],
        },
        size(end - HEADER),
    )
}

/// Every whole frame of a segment, with its offset. After damage it goes on at the next place where a frame stands.
pub struct Frames<'a> {
    bytes: &'a [u8],
    segment: u32,
    at: usize,
    /// Runs of bytes that were skipped.
    pub damaged: u64,
}

impl<'a> Frames<'a> {
    pub fn new(bytes: &'a [u8], from: Position) -> Self {
        Self {
            bytes,
            segment: from.segment(),
            at: from.offset().next_multiple_of(ALIGN),
            damaged: 0,
        }
    }

    pub fn offset(&self) -> usize {
        self.at
    }

    fn read(&self, at: usize) -> Option<Found<'a>> {
        Some(read(self.bytes.get(at..)?, Position::new(self.segment, at)))
    }

    /// The next place where a frame begins.
    fn next_frame(&self) -> Option<usize> {
        let last = self.bytes.len().checked_sub(HEADER)?;
        let mut at = self.at + ALIGN;
        while at <= last {
            at = at.max(after_zeros(self.bytes, at));
            if let Some(Found::Frame(..)) = self.read(at) {
                return Some(at);
            }
            at += ALIGN;
        }
        None
    }
}

/// Where something other than zero may stand next. A segment is mostly empty, and is read at every start.
pub fn after_zeros(bytes: &[u8], from: usize) -> usize {
    const ZEROS: [u8; 4096] = [0; 4096];
    let blank = bytes
        .get(from..)
        .unwrap_or_default()
        .chunks(ZEROS.len())
        .take_while(|chunk| **chunk == ZEROS[..chunk.len()])
        .map(<[u8]>::len)
        .sum::<usize>();
    from + blank
}

impl<'a> Iterator for Frames<'a> {
    type Item = (usize, Frame<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = self.read(self.at)?;
            if let Found::Frame(frame, size) = found {
                let offset = self.at;
                self.at += size;
                return Some((offset, frame));
            }
            // A power cut may have kept a later page and lost an earlier one. Where nothing follows, it is the end:
            // with the remains of an append that a kill cut short, or without.
            let next = self.next_frame();
            self.damaged += u64::from(next.is_some() || found == Found::Damaged);
            match next {
                Some(next) => self.at = next,
                None if found == Found::Damaged => self.at = self.bytes.len(),
                None => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEGMENT: u32 = 3;

    fn frames(bytes: &[u8]) -> Frames<'_> {
        Frames::new(bytes, Position::new(SEGMENT, 0))
    }

    fn put(segment: &mut [u8], at: usize, frame: &Frame<'_>) -> usize {
        let size = size(frame.payload.len());
        let word = write(&mut segment[at..at + size], Position::new(SEGMENT, at), frame);
        segment[at..at + 8].copy_from_slice(&word.to_le_bytes());
        at + size
    }

    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut segment = vec![0; 16 * 1024];
        let mut at = 0;
        let mut offsets = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            offsets.push(at);
            let id = [u8::try_from(number).unwrap(); 16];
            at = put(
                &mut segment,
                at,
                &Frame {
                    kind: Kind::Final,
                    id,
                    payload,
                },
            );
        }
        (segment, offsets)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let (segment, _) = segment(&payloads);
            let mut frames = frames(&segment);
            let read: Vec<Vec<u8>> = frames.by_ref().map(|(_, frame)| frame.payload.to_vec()).collect();
            prop_assert_eq!(read, payloads);
            prop_assert_eq!(frames.damaged, 0);
        }

        #[test]
        fn damage_costs_only_the_frames_that_it_hits(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..100), 2..10),
            hit in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            noise in 1..=255u8,
        ) {
            let (mut segment, offsets) = segment(&payloads);
            let hit = hit.index(payloads.len());
            let position = offsets[hit] + at.index(HEADER + payloads[hit].len());
            segment[position] ^= noise;
            let ids: Vec<u8> = frames(&segment).map(|(_, frame)| frame.id[0]).collect();
            let others: Vec<u8> = (0..payloads.len()).filter(|at| *at != hit).map(|at| u8::try_from(at).unwrap()).collect();
            let kept: Vec<u8> = ids.into_iter().filter(|id| usize::from(*id) != hit).collect();
            prop_assert_eq!(kept, others);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            for (offset, frame) in frames(&bytes) {
                prop_assert!(offset + HEADER + frame.payload.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn an_uncommitted_frame_does_not_exist() {
        let mut segment = vec![0; 256];
        let _never_stored = write(
            &mut segment[..64],
            Position::new(SEGMENT, 0),
            &Frame {
                kind: Kind::Intent,
                id: [1; 16],
                payload: b"payload",
            },
        );
        assert_eq!(frames(&segment).count(), 0);
    }

    /// What a caller can bring into a payload must not be believed when an append over it is torn.
    #[test]
    fn a_frame_is_one_only_in_its_place() {
        let (inner, _) = segment(&[b"forged".to_vec()]);
        let (mut outer, _) = segment(&[inner[..64].to_vec()]);
        assert_eq!(frames(&outer).count(), 1);
        assert_eq!(
            Frames::new(&outer, Position::new(SEGMENT + 1, 0)).count(),
            0,
            "of another segment"
        );
        outer[..8].fill(0);
        assert_eq!(frames(&outer).count(), 0, "in another place");
    }

    #[test]
    fn an_empty_stretch_is_passed_over() {
        let mut segment = vec![0; 1024 * 1024];
        let frame = Frame {
            kind: Kind::Final,
            id: [9; 16],
            payload: b"after a page that was lost",
        };
        put(&mut segment, 900_000, &frame);
        let mut frames = frames(&segment);
        assert_eq!(frames.next(), Some((900_000, frame)));
        assert_eq!((frames.next(), frames.damaged), (None, 1));
    }
}
