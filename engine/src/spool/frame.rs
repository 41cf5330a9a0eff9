//! One record in a segment: a header, an id and a payload, aligned to eight bytes.
//!
//! ```text
//!  0  u32 magic   } one store, the last of an append: before it the frame does not exist
//!  4  u32 length  }
//!  8  u32 CRC-32 of everything from byte 12 to the end of the payload, and the length
//! 12  u8 kind, u8 version, u16 zero
//! 16  [u8; 16] id
//! 32  payload, then zeros up to the alignment
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

pub const HEADER: usize = 32;
pub const ALIGN: usize = 8;
/// Longer payloads are refused; it also bounds what a damaged length can make a reader look at.
pub const MAX_PAYLOAD: usize = 8 * 1024;
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

/// Bytes that a frame with this payload takes up.
pub const fn size(payload: usize) -> usize {
    (HEADER + payload).next_multiple_of(ALIGN)
}

fn checksum(length: u32, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

/// Everything of a frame but its first eight bytes, and those eight as the number that commits it.
///
/// `room` is the frame's place: as long as [`size`] says, and zero.
pub fn write(room: &mut [u8], frame: &Frame<'_>) -> u64 {
    let end = HEADER + frame.payload.len();
    room[12] = frame.kind as u8;
    room[13] = VERSION;
    room[16..HEADER].copy_from_slice(&frame.id);
    room[HEADER..end].copy_from_slice(frame.payload);
    // Payloads are records of a few hundred bytes; `MAX_PAYLOAD` bounds them.
    let length = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
    let crc = checksum(length, &room[12..end]);
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

pub fn read(bytes: &[u8]) -> Found<'_> {
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
    if magic != MAGIC || header[13] != VERSION || checksum(length, body) != crc {
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
    at: usize,
    /// Runs of bytes that were skipped.
    pub damaged: u64,
}

impl<'a> Frames<'a> {
    pub fn new(bytes: &'a [u8], from: usize) -> Self {
        Self {
            bytes,
            at: from.next_multiple_of(ALIGN),
            damaged: 0,
        }
    }

    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next place where a frame begins.
    fn next_frame(&self) -> Option<usize> {
        let last = self.bytes.len().checked_sub(HEADER)?;
        (self.at + ALIGN..=last)
            .step_by(ALIGN)
            .find(|at| matches!(read(&self.bytes[*at..]), Found::Frame(..)))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = (usize, Frame<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = read(self.bytes.get(self.at..)?);
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

    fn put(segment: &mut [u8], at: usize, frame: &Frame<'_>) -> usize {
        let size = size(frame.payload.len());
        let word = write(&mut segment[at..at + size], frame);
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
            let mut frames = Frames::new(&segment, 0);
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
            let ids: Vec<u8> = Frames::new(&segment, 0).map(|(_, frame)| frame.id[0]).collect();
            let others: Vec<u8> = (0..payloads.len()).filter(|at| *at != hit).map(|at| u8::try_from(at).unwrap()).collect();
            let kept: Vec<u8> = ids.into_iter().filter(|id| usize::from(*id) != hit).collect();
            prop_assert_eq!(kept, others);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            for (offset, frame) in Frames::new(&bytes, 0) {
                prop_assert!(offset + HEADER + frame.payload.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn an_uncommitted_frame_does_not_exist() {
        let mut segment = vec![0; 256];
        let _never_stored = write(
            &mut segment[..64],
            &Frame {
                kind: Kind::Intent,
                id: [1; 16],
                payload: b"payload",
            },
        );
        assert_eq!(Frames::new(&segment, 0).count(), 0);
    }
}
