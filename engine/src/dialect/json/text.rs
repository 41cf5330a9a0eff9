//! JSON strings: finding their end quickly, decoding and writing them.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{Error, ErrorKind};

/// Where a string lies in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Just after the opening quote.
    pub start: usize,
    /// At the closing quote.
    pub end: usize,
    pub escaped: bool,
}

impl Text {
    /// The string with its quotes.
    pub fn literal(self) -> Range<usize> {
        self.start - 1..self.end + 1
    }

    /// What stands between the quotes, escapes and all.
    pub fn raw(self, document: &[u8]) -> &[u8] {
        document.get(self.start..self.end).unwrap_or_default()
    }

    /// What the string says. Bytes, because a document need not have been checked to be UTF-8.
    pub fn decoded(self, document: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.raw(document);
        if self.escaped {
            Cow::Owned(Decoder { raw }.collect())
        } else {
            Cow::Borrowed(raw)
        }
    }

    /// Puts what the string says behind what is in `out`.
    pub fn decode_into(self, document: &[u8], out: &mut Vec<u8>) {
        let raw = self.raw(document);
        if !self.escaped {
            return out.extend_from_slice(raw);
        }
        for piece in (Decoder { raw }) {
            out.extend_from_slice(piece.bytes());
        }
    }

    /// The length of `decoded`, in bytes of UTF-8.
    pub fn decoded_len(self, document: &[u8]) -> usize {
        if !self.escaped {
            return self.end - self.start;
        }
        Decoder {
            raw: self.raw(document),
        }
        .map(|piece| piece.len())
        .sum()
    }
}

/// The decoded pieces of a string that was checked: runs without escapes, and what each escape stands for.
struct Decoder<'a> {
    raw: &'a [u8],
}

/// At most four bytes of UTF-8, or a run of the document.
enum Piece<'a> {
    Run(&'a [u8]),
    Character([u8; 4], usize),
}

impl Piece<'_> {
    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Run(run) => run,
            Self::Character(bytes, length) => &bytes[..*length],
        }
    }
}

impl<'a> Iterator for Decoder<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        match memchr::memchr(b'\\', self.raw) {
            None if self.raw.is_empty() => None,
            None => Some(Piece::Run(std::mem::take(&mut self.raw))),
            Some(0) => {
                let (character, length) = escaped_character(self.raw)?;
                self.raw = &self.raw[length..];
                let mut bytes = [0; 4];
                let length = character.encode_utf8(&mut bytes).len();
                Some(Piece::Character(bytes, length))
            }
            Some(at) => {
                let (run, rest) = self.raw.split_at(at);
                self.raw = rest;
                Some(Piece::Run(run))
            }
        }
    }
}

impl<'a> FromIterator<Piece<'a>> for Vec<u8> {
    fn from_iter<I: IntoIterator<Item = Piece<'a>>>(pieces: I) -> Self {
        let mut bytes = Self::new();
        for piece in pieces {
            bytes.extend_from_slice(piece.bytes());
        }
        bytes
    }
}

/// The character that the escape at the start of `raw` stands for, and the escape's length.
fn escaped_character(raw: &[u8]) -> Option<(char, usize)> {
    let simple = match raw.get(1)? {
        b'u' => return unicode_escape(raw),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        other @ (b'"' | b'\\' | b'/') => char::from(*other),
        _ => return None,
    };
    Some((simple, 2))
}

fn unicode_escape(raw: &[u8]) -> Option<(char, usize)> {
    let first = hex4(raw.get(2..6)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = raw
        .get(6..12)
        .filter(|pair| pair.starts_with(b"\\u"))
        .and_then(|pair| hex4(&pair[2..]))?;
    if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    let character = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?;
    Some((character, 12))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// The end of the escape whose backslash is at `at`.
pub(super) fn skip_escape(document: &[u8], at: usize) -> Result<usize, Error> {
    match document.get(at + 1) {
        Some(b'n' | b'"' | b'\\' | b'/' | b't' | b'r' | b'b' | b'f') => Ok(at + 2),
        Some(b'u') => match unicode_escape(&document[at..]) {
            Some((_, length)) => Ok(at + length),
            None => Err(unicode_error(document, at)),
        },
        Some(_) => Err(ErrorKind::BadEscape.at(at)),
        None => Err(ErrorKind::UnexpectedEnd.at(document.len())),
    }
}

#[cold]
fn unicode_error(document: &[u8], at: usize) -> Error {
    match document.get(at + 2..at + 6) {
        None => ErrorKind::UnexpectedEnd.at(document.len()),
        Some(digits) if hex4(digits).is_some() => ErrorKind::LoneSurrogate.at(at),
        Some(_) => ErrorKind::BadEscape.at(at),
    }
}

/// The first byte from `at` on that is a quote, a backslash or a control character, or the document's length.
pub(super) fn skip_plain(document: &[u8], mut at: usize) -> usize {
    // Names, words and lines end within these steps; only what is longer is worth the wide ones.
    for _ in 0..NARROW_STEPS {
        match document.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => match first_special(u64::from_le_bytes(*bytes)) {
                Some(found) => return at + found,
                None => at += 8,
            },
            None => return skip_tail(document, at),
        }
    }
    while let Some(bytes) = document.get(at..).and_then(<[u8]>::first_chunk::<WIDE>) {
        // No early exit: the compiler turns this into vector instructions.
        if bytes.iter().fold(false, |any, byte| any | is_special(*byte)) {
            break;
        }
        at += WIDE;
    }
    while let Some(bytes) = document.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        match first_special(u64::from_le_bytes(*bytes)) {
            Some(found) => return at + found,
            None => at += 8,
        }
    }
    skip_tail(document, at)
}

const NARROW_STEPS: usize = 8;
/// A shorter stretch is unrolled by the compiler before it can be made vector instructions.
const WIDE: usize = 64;

fn skip_tail(document: &[u8], at: usize) -> usize {
    let rest = document.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// The index of the first special byte of eight, by arithmetic on all of them at once: subtracting borrows into a
/// byte's high bit where the byte is below the bound. A borrow reaches higher bytes only past a true hit, so the lowest
/// hit is exact.
fn first_special(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    let quote = word ^ QUOTES;
    let backslash = word ^ BACKSLASHES;
    let hits = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    let hits = hits & HIGH;
    (hits != 0).then(|| hits.trailing_zeros() as usize / 8)
}

/// Appends `text` as a JSON string.
pub fn push_quoted(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(skip_plain(rest, 0));
        out.extend_from_slice(plain);
        let Some((special, after)) = special.split_first() else {
            break;
        };
        match special {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *special]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[DIGITS[usize::from(control >> 4)], DIGITS[usize::from(control & 15)]]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_value_is_classified_alike_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..200 {
                let mut document = vec![b'a'; 200];
                document[place] = byte;
                let expected = if is_special(byte) { place } else { 200 };
                assert_eq!(skip_plain(&document, 0), expected, "byte {byte:#x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn written_strings_read_back(text in any::<String>()) {
            let literal = quoted(&text);
            prop_assert_eq!(serde_json::from_slice::<String>(&literal).unwrap(), text.clone());
            let escaped = literal.contains(&b'\\');
            let span = Text { start: 1, end: literal.len() - 1, escaped };
            let decoded = span.decoded(&literal);
            prop_assert_eq!(&*decoded, text.as_bytes());
            prop_assert_eq!(span.decoded_len(&literal), text.len());
        }

        #[test]
        fn decoding_agrees_with_serde_json(pieces in prop::collection::vec("[a-zé]{0,3}|\\\\[bfnrt\"/\\\\]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude0[0-9]", 0..8)) {
            let literal = format!("\"{}\"", pieces.concat());
            let span = Text { start: 1, end: literal.len() - 1, escaped: literal.contains('\\') };
            let expected: String = serde_json::from_str(&literal).unwrap();
            let decoded = span.decoded(literal.as_bytes());
            prop_assert_eq!(&*decoded, expected.as_bytes());
            prop_assert_eq!(span.decoded_len(literal.as_bytes()), expected.len());
        }
    }
}
