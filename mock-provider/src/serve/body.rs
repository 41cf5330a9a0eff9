//! How long a request's body is, and taking it out of chunks: RFC 9112, sections 6 and 7.1.

use httparse::Header;

use crate::received::find;

/// How the end of a request's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known(usize),
    Chunked,
}

impl Length {
    /// Reads the headers; None where they are ambiguous or wrong, which is what request smuggling looks like.
    pub fn of(headers: &[Header<'_>]) -> Option<Self> {
        let count = |name: &str| {
            headers
                .iter()
                .filter(|header| header.name.eq_ignore_ascii_case(name))
                .count()
        };
        match (count("content-length"), count("transfer-encoding")) {
            (0, 0) => Some(Self::Known(0)),
            (1, 0) => {
                let value = find(headers, "content-length")?;
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| value.parse().ok()).flatten().map(Self::Known)
            }
            (0, 1) => find(headers, "transfer-encoding")?
                .eq_ignore_ascii_case("chunked")
                .then_some(Self::Chunked),
            _ => None,
        }
    }
}

/// Takes a body out of its chunks as they arrive.
#[derive(Debug, Default)]
pub struct Chunks {
    body: Vec<u8>,
    /// Bytes of the current chunk that are still to come, its line end included.
    left: usize,
    in_trailers: bool,
}

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    Done,
    Wrong,
    TooLarge,
}

impl Chunks {
    /// Takes what it can from the front of `bytes`; says how much, and whether the body is whole.
    pub fn take(&mut self, bytes: &[u8], limit: usize) -> (usize, Progress) {
        let mut at = 0;
        loop {
            if self.left > 0 {
                let (taken, progress) = self.take_data(&bytes[at..]);
                at += taken;
                if progress == Progress::Wrong || self.left > 0 {
                    return (at, progress);
                }
            }
            let Some(end) = memchr::memmem::find(&bytes[at..], b"\r\n") else {
                return (at, Progress::More);
            };
            let line = &bytes[at..at + end];
            at += end + 2;
            if self.in_trailers {
                if line.is_empty() {
                    return (at, Progress::Done);
                }
                continue;
            }
            match size(line) {
                None => return (at, Progress::Wrong),
                Some(0) => self.in_trailers = true,
                Some(size) if size > limit.saturating_sub(self.body.len()) => return (at, Progress::TooLarge),
                Some(size) => self.left = size + 2,
            }
        }
    }

    /// The body.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Data of the current chunk, and the line end after it, which must be one.
    fn take_data(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let data = self.left.saturating_sub(2).min(bytes.len());
        self.body.extend_from_slice(&bytes[..data]);
        self.left -= data;
        if self.left > 2 || bytes.len() < data + 2 {
            return (data, Progress::More);
        }
        if &bytes[data..data + 2] != b"\r\n" {
            return (data, Progress::Wrong);
        }
        self.left = 0;
        (data + 2, Progress::More)
    }
}

/// The size in a chunk's first line; extensions are ignored.
fn size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split(';').next()?.trim();
    let is_hex = !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| usize::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(name: &'a str, value: &'a str) -> Header<'a> {
        Header {
            name,
            value: value.as_bytes(),
        }
    }

    #[test]
    fn lengths_that_smuggle_are_refused() {
        assert_eq!(Length::of(&[header("Content-Length", "12")]), Some(Length::Known(12)));
        assert_eq!(
            Length::of(&[header("transfer-encoding", "Chunked")]),
            Some(Length::Chunked)
        );
        let wrong: [&[Header<'_>]; 5] = [
            &[header("content-length", "1"), header("transfer-encoding", "chunked")],
            &[header("content-length", "1"), header("content-length", "1")],
            &[header("content-length", "+1")],
            &[header("content-length", "")],
            &[header("transfer-encoding", "chunked, identity")],
        ];
        for headers in wrong {
            assert_eq!(Length::of(headers), None);
        }
    }

    #[test]
    fn any_split_gives_the_same_body() {
        let wire = b"4;x=y\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: 1\r\n\r\nnext";
        for step in 1..wire.len() {
            let (mut chunks, mut pending, mut progress) = (Chunks::default(), Vec::new(), Progress::More);
            for part in wire.chunks(step) {
                pending.extend_from_slice(part);
                if progress == Progress::More {
                    let (taken, now) = chunks.take(&pending, 1_000);
                    pending.drain(..taken);
                    progress = now;
                }
            }
            assert_eq!(progress, Progress::Done, "step {step}");
            assert_eq!(pending, b"next");
            assert_eq!(chunks.into_body(), b"Wikipedia in \r\n\r\nchunks.");
        }
    }

    #[test]
    fn wrong_chunks_are_noticed() {
        for wire in ["x\r\n", "\r\n", "fffffffff\r\n", "1\r\nabc", "-1\r\n"] {
            assert_eq!(
                Chunks::default().take(wire.as_bytes(), 1_000).1,
                Progress::Wrong,
                "{wire:?}"
            );
        }
        assert_eq!(Chunks::default().take(b"ffff\r\n", 1_000).1, Progress::TooLarge);
    }
}
