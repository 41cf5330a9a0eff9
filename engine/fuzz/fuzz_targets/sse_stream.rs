//! Any split of any stream passes on, counts and ends the same.

#![no_main]

use bytes::Bytes;
use headworks_fuzz::dialect::openai::stream::{End, Out, StreamError, StreamKind, StreamScanner};
use headworks_fuzz::meter::usage::{Measured, UsageError};
use headworks_fuzz::{choices, pieces};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, PartialEq)]
struct Passed {
    bytes: Vec<u8>,
    result: Result<(), StreamError>,
    end: End,
    usage: Option<Measured>,
    refused: Option<UsageError>,
    error: Option<String>,
    counts: (u64, u64),
}

fn pass(chunks: &[&[u8]], kind: StreamKind, strip: bool) -> Passed {
    let mut scanner = StreamScanner::new(kind, strip);
    let mut out = Out::default();
    let result = chunks
        .iter()
        .try_for_each(|chunk| scanner.feed(Bytes::copy_from_slice(chunk), &mut out));
    let mut bytes = Vec::new();
    while let Some(piece) = out.pop() {
        bytes.extend_from_slice(&piece);
    }
    Passed {
        bytes,
        result,
        end: scanner.finish(),
        usage: scanner.usage().cloned(),
        refused: scanner.refused_usage(),
        error: scanner.upstream_error().map(str::to_owned),
        counts: (scanner.events(), scanner.content_bytes()),
    }
}

fuzz_target!(|data: &[u8]| {
    let (chosen, stream) = choices(data, 5);
    let &[mode, ref cuts @ ..] = chosen else { return };
    let kind = match mode & 3 {
        0 => StreamKind::Chat,
        1 => StreamKind::Completions,
        2 => StreamKind::Responses,
        _ => StreamKind::Other,
    };
    let strip = mode & 4 != 0;
    let whole = pass(&[stream], kind, strip);
    assert_eq!(pass(&pieces(stream, cuts), kind, strip), whole);
    assert_eq!(pass(&pieces(stream, &[0]), kind, strip), whole);
    if !strip {
        assert!(stream.starts_with(&whole.bytes));
    }
});
