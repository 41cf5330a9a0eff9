//! The script of a body that is sent at once, with the faults that such a body may have.

use std::time::Duration;

use super::{Ending, Framing, Part, Piece, Script, split};
use crate::knobs::{Flag, Knobs, Number};

/// How many bytes more than are sent `wrong_length` declares.
const LIE: usize = 100;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The framing and the script of `body`, whose answer took `tokens` of output.
pub fn whole(body: Vec<u8>, tokens: u64, knobs: &Knobs) -> (Framing, Script) {
    let intact = body.len();
    let mut body = spoil(body, knobs);
    let declared = body.len();
    let ending = cut(&mut body, knobs);
    let is_short = body.len() < intact || ending != Ending::Complete;
    let piece = Piece {
        bytes: body,
        tokens: if is_short { 0 } else { tokens },
        part: Part::Rest,
        slot: 0,
        stamp: None,
    };
    let pieces = split(piece, knobs.number(Number::Split));
    let script = Script {
        pieces: (Box::new(pieces.into_iter()) as Box<dyn Iterator<Item = Piece> + Send>).peekable(),
        gap: Duration::ZERO,
        cut: None,
        contents: 0,
        ending: if is_short && ending == Ending::Complete {
            Ending::Short
        } else {
            ending
        },
        start: None,
        made_at_once: true,
    };
    (framing(declared, knobs), script)
}

/// Faults that HTTP does not notice.
fn spoil(mut body: Vec<u8>, knobs: &Knobs) -> Vec<u8> {
    if knobs.number(Number::Malformed).is_some() {
        body = b"this is not JSON".to_vec();
    }
    if knobs.has(Flag::CutJson) {
        body.truncate(body.len() / 2);
    }
    if let Some(bytes) = knobs.number(Number::Truncate) {
        body.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if knobs.has(Flag::Bom) {
        body.splice(0..0, BYTE_ORDER_MARK.iter().copied());
    }
    body
}

/// Faults that it does: the body stops before its declared length.
fn cut(body: &mut Vec<u8>, knobs: &Knobs) -> Ending {
    let cuts = [
        (Number::DropAfter, Ending::Reset),
        (Number::CloseAfter, Ending::Close),
        (Number::HangAfter, Ending::Hang),
    ];
    for (number, ending) in cuts {
        let Some(bytes) = knobs.number(number).and_then(|bytes| usize::try_from(bytes).ok()) else {
            continue;
        };
        if bytes < body.len() {
            body.truncate(bytes);
            return ending;
        }
    }
    if knobs.has(Flag::WrongLength) {
        Ending::Close
    } else {
        Ending::Complete
    }
}

fn framing(length: usize, knobs: &Knobs) -> Framing {
    if knobs.has(Flag::UntilClose) {
        Framing::UntilClose
    } else if knobs.has(Flag::WrongLength) {
        Framing::TooLong(length + LIE)
    } else if knobs.has(Flag::TwoLengths) {
        Framing::TwoLengths(length)
    } else if knobs.number(Number::Split).is_some() {
        Framing::Chunked
    } else {
        Framing::Length(length)
    }
}
