//! The script of an event stream: events become bytes, and take the faults that streams have.
//!
//! The format is that of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::time::Duration;

use super::{Cut, Ending, Framing, Part, Piece, Script, split};
use crate::knobs::{Flag, Knobs, Number};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NOT_JSON: &[u8] = b"{\"id\": this is not JSON";
const LAST_WORDS: &str = r#"{"error":{"message":"The mock provider was asked to fail here.","type":"server_error","param":null,"code":"mock_error"}}"#;

/// Where in a stream an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before the first token.
    Open,
    /// Carries output.
    Content,
    /// After the last token.
    Close,
    /// Says that the stream is complete.
    Terminal,
}

/// One server-sent event.
pub struct Event {
    pub name: Option<&'static str>,
    pub data: Vec<u8>,
    pub kind: Kind,
    pub tokens: u64,
    /// When it is due, in gaps after the start.
    pub slot: u32,
    /// Where in `data` the time of sending is to be written.
    pub stamp: Option<usize>,
}

impl Event {
    /// An event without a name, a stamp or tokens.
    pub fn new(kind: Kind, slot: u32, data: impl Into<Vec<u8>>) -> Self {
        Self {
            name: None,
            data: data.into(),
            kind,
            tokens: 0,
            slot,
            stamp: None,
        }
    }
}

/// The slot of the `index`-th piece: one gap after the other.
pub fn slot(index: u64) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The framing and the script of a stream, with the knobs applied.
pub fn stream(events: impl Iterator<Item = Event> + Send + 'static, knobs: &Knobs) -> (Framing, Script) {
    let no_terminal = knobs.has(Flag::NoDone);
    let events = events.filter(move |event| !(no_terminal && event.kind == Kind::Terminal));
    let size = knobs.number(Number::Split);
    let pieces = Encoder::new(events, knobs).flat_map(move |piece| split(piece, size));
    let script = Script {
        pieces: (Box::new(pieces) as Box<dyn Iterator<Item = Piece> + Send>).peekable(),
        gap: gap(knobs),
        cut: cut(knobs),
        contents: 0,
        ending: if no_terminal || knobs.has(Flag::HalfEvent) {
            Ending::Short
        } else {
            Ending::Complete
        },
        start: None,
        made_at_once: false,
    };
    (
        if knobs.has(Flag::UntilClose) {
            Framing::UntilClose
        } else {
            Framing::Chunked
        },
        script,
    )
}

fn gap(knobs: &Knobs) -> Duration {
    match knobs.number(Number::Rate) {
        None | Some(0) => Duration::ZERO,
        Some(rate) => Duration::from_nanos(1_000_000_000 / rate),
    }
}

fn cut(knobs: &Knobs) -> Option<Cut> {
    let cuts = [
        (Number::DropAfter, Ending::Reset),
        (Number::CloseAfter, Ending::Close),
        (Number::Truncate, Ending::Short),
        (Number::HangAfter, Ending::Hang),
        (Number::ErrorAfter, Ending::Short),
    ];
    let (number, then) = cuts.into_iter().find(|(number, _)| knobs.number(*number).is_some())?;
    let last_words = (number == Number::ErrorAfter).then(|| encode(None, LAST_WORDS.as_bytes(), line_end(knobs)).0);
    Some(Cut {
        after: knobs.number(number)?,
        then,
        last_words,
    })
}

fn line_end(knobs: &Knobs) -> &'static [u8] {
    if knobs.has(Flag::Crlf) { b"\r\n" } else { b"\n" }
}

/// Events to bytes.
struct Encoder<I: Iterator<Item = Event>> {
    events: std::iter::Peekable<I>,
    /// Counts from 1.
    count: u64,
    malformed: Option<u64>,
    half_event: bool,
    over: bool,
    bom: bool,
    /// Goes before each event.
    noise: Vec<u8>,
    line_end: &'static [u8],
}

impl<I: Iterator<Item = Event>> Encoder<I> {
    fn new(events: I, knobs: &Knobs) -> Self {
        Self {
            events: events.peekable(),
            count: 0,
            malformed: knobs.number(Number::Malformed),
            half_event: knobs.has(Flag::HalfEvent),
            over: false,
            bom: knobs.has(Flag::Bom),
            noise: noise(knobs),
            line_end: line_end(knobs),
        }
    }

    fn is_last_content(&mut self, event: &Event) -> bool {
        event.kind == Kind::Content && self.events.peek().is_none_or(|next| next.kind != Kind::Content)
    }
}

impl<I: Iterator<Item = Event>> Iterator for Encoder<I> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.over {
            return None;
        }
        let mut event = self.events.next()?;
        self.count += 1;
        if self.malformed == Some(self.count) {
            event.data = NOT_JSON.to_vec();
            event.stamp = None;
        }
        let mut bytes = if self.bom && self.count == 1 {
            BYTE_ORDER_MARK.to_vec()
        } else {
            Vec::new()
        };
        bytes.extend_from_slice(&self.noise);
        let (encoded, data_at) = encode(event.name, &event.data, self.line_end);
        let stamp = event.stamp.map(|at| bytes.len() + data_at + at);
        if bytes.is_empty() {
            bytes = encoded;
        } else {
            bytes.extend_from_slice(&encoded);
        }
        if self.half_event && self.is_last_content(&event) {
            self.over = true;
            event.tokens = 0;
            bytes.truncate(bytes.len() / 2);
        }
        Some(Piece {
            bytes,
            tokens: event.tokens,
            part: part(event.kind),
            slot: event.slot,
            stamp,
        })
    }
}

fn part(kind: Kind) -> Part {
    match kind {
        Kind::Open => Part::Open,
        Kind::Content => Part::Content,
        Kind::Close | Kind::Terminal => Part::Close,
    }
}

fn noise(knobs: &Knobs) -> Vec<u8> {
    let end = line_end(knobs);
    let mut noise = Vec::new();
    if let Some(bytes) = knobs.number(Number::Comments) {
        noise.push(b':');
        noise.resize(usize::try_from(bytes).unwrap_or(usize::MAX).max(1), b'.');
        noise.extend_from_slice(end);
        noise.extend_from_slice(end);
    }
    if knobs.has(Flag::UnknownEvents) {
        for line in [
            "event: mock.unknown",
            "id: 7",
            "retry: 1000",
            r#"data: {"type":"mock.unknown"}"#,
            "",
        ] {
            noise.extend_from_slice(line.as_bytes());
            noise.extend_from_slice(end);
        }
    }
    noise
}

/// The event's bytes, and where its data begins in them.
fn encode(name: Option<&str>, data: &[u8], end: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::with_capacity(data.len() + 48);
    if let Some(name) = name {
        bytes.extend_from_slice(b"event: ");
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(end);
    }
    bytes.extend_from_slice(b"data: ");
    let data_at = bytes.len();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(end);
    bytes.extend_from_slice(end);
    (bytes, data_at)
}
