//! The scanner of one stream. Whole chunks go through as they are, unless something has to be left out.

use std::ops::Range;

use bytes::Bytes;

use super::event::{Reading, error_code, read};
use super::{End, Out, StreamError, StreamKind, length};
use crate::dialect::json::push_quoted;
use crate::meter::estimate::Kept;
use crate::meter::usage::{Flag, Measured, UsageError, UsageVector, read_block, updated};
use crate::stream::sse::{self, Data, Next, Splitter};

pub struct StreamScanner {
    kind: StreamKind,
    strip_usage: bool,
    splitter: Splitter,
    usage: Option<Measured>,
    refused_usage: Option<UsageError>,
    /// Anthropic's block, which later events change.
    opening: Option<Vec<u8>>,
    /// How many events brought usage and nothing else.
    usage_events: u32,
    upstream_error: Option<String>,
    events: u64,
    content_bytes: u64,
    /// Whether more than text has come.
    is_mixed: bool,
    /// The text, where it may have to be counted.
    kept: Option<Box<Kept>>,
    next_sequence_number: u64,
    progress: Progress,
    /// Whether the last event was passed on with its own line ends.
    kept_last: bool,
    /// The data of the first event, where it may be needed to end the stream in its name.
    first: First,
}

#[derive(Debug, Default)]
enum First {
    #[default]
    Unwanted,
    Awaited,
    Kept(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    /// The last event's type says that something is done.
    MayEnd,
    /// The terminal event has come.
    Complete,
}

/// What becomes of an event.
enum Fate {
    Keep,
    Drop,
    /// Passed on without these bytes of it.
    Cut(Vec<Range<usize>>),
    /// Passed on in other words.
    Replace(Bytes),
}

impl StreamScanner {
    /// With `strip_usage`, usage that the caller did not ask for is left out of chat and completion streams.
    pub fn new(kind: StreamKind, strip_usage: bool) -> Self {
        Self {
            kind,
            strip_usage: strip_usage && matches!(kind, StreamKind::Chat | StreamKind::Completions),
            splitter: Splitter::default(),
            usage: None,
            refused_usage: None,
            opening: None,
            usage_events: 0,
            upstream_error: None,
            events: 0,
            content_bytes: 0,
            is_mixed: false,
            kept: None,
            next_sequence_number: 0,
            progress: Progress::Open,
            kept_last: true,
            first: First::Unwanted,
        }
    }

    /// Keeps what [`Self::length_end`] needs: the stream may have to end before the upstream ends it.
    #[must_use]
    pub fn that_may_be_cut(self) -> Self {
        Self {
            first: First::Awaited,
            ..self
        }
    }

    /// Keeps the text that comes.
    #[must_use]
    pub fn that_keeps(self, kept: Option<Kept>) -> Self {
        Self {
            kept: kept.map(Box::new),
            ..self
        }
    }

    pub fn take_kept(&mut self) -> Option<Box<Kept>> {
        self.kept.take()
    }

    /// Whether nothing but text has come: no calls of tools, no sound.
    pub fn is_plain(&self) -> bool {
        !self.is_mixed
    }

    /// The events that end the stream as an answer that has reached its length, for `reason`. `usage` is told where the
    /// caller asked for it. None where the protocol has no such end, or nothing has come yet.
    pub fn length_end(&self, reason: &str, usage: Option<&UsageVector>) -> Option<Bytes> {
        let First::Kept(first) = &self.first else {
            return None;
        };
        length::end(self.kind, first, reason, usage, self.next_sequence_number)
    }

    /// Puts into `out` what may be passed on of `chunk` and of what was held before.
    ///
    /// On an error, everything before the event at fault is in `out`, and the stream has to be ended. After the terminal
    /// event nothing more is passed on.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Out) -> Result<(), StreamError> {
        let mut from = self.splitter.take_tail(&chunk);
        // Where what is to be passed on, and is not yet in `out`, begins.
        let mut kept_from = if self.kept_last { 0 } else { from };
        let mut result = Ok(());
        while !self.is_complete() {
            let (event, end) = match self.splitter.next(&chunk, from) {
                Ok(Next::Whole { end }) => (None, end),
                Ok(Next::Joined { event, end }) => (Some(event), end),
                Ok(Next::Partial) => break,
                Err(sse::TooLong) => {
                    result = Err(StreamError::TooLong);
                    break;
                }
            };
            let fate = match self.event(event.as_deref().unwrap_or(&chunk[from..end])) {
                Ok(fate) => fate,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            self.kept_last = matches!(fate, Fate::Keep | Fate::Cut(_));
            match (event, fate) {
                (None, Fate::Keep) => {}
                (event, fate) => {
                    out.push(chunk.slice(kept_from..from));
                    kept_from = end;
                    pass(&event.unwrap_or_else(|| chunk.slice(from..end)), fate, out);
                }
            }
            from = end;
        }
        if kept_from == 0 && from == chunk.len() {
            out.push(chunk);
        } else {
            out.push(chunk.slice(kept_from..from));
        }
        result
    }

    /// The upstream's body has ended.
    pub fn finish(&mut self) -> End {
        // Servers that end their body right after the last line leave out the blank one.
        let held = sse::fields(self.splitter.held());
        let is_done = self.ends_with_done() && held.data.is_some_and(|data| is_done(data.bytes()));
        if is_done || self.upstream_error.is_some() || self.progress == Progress::MayEnd {
            self.progress = Progress::Complete;
        }
        if self.is_complete() {
            End::Complete
        } else {
            End::Truncated
        }
    }

    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Whether the terminal event has come.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }

    /// What the upstream last reported.
    pub fn usage(&self) -> Option<&Measured> {
        self.usage.as_ref()
    }

    /// Why a usage block was not counted.
    pub fn refused_usage(&self) -> Option<UsageError> {
        self.refused_usage
    }

    /// How many events with data have come.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The bytes of output that have come, for estimates: of chat and completions the strings `content`, `arguments`
    /// and `refusal` in `choices`, with the largest of the three names that reasoning goes by in each event; of
    /// Responses and others the `delta`s. As UTF-8, without JSON's escapes. Names of tools, logprobs and sound don't count.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// The code of the error that the upstream reported in the stream; empty where it has none.
    pub fn upstream_error(&self) -> Option<&str> {
        self.upstream_error.as_deref()
    }

    /// The event that tells the caller that no more comes, in the shape of this kind of stream. `code` and `message` are
    /// ours.
    pub fn error_event(&self, message: &str, code: &str) -> Bytes {
        let mut data = Vec::with_capacity(96 + message.len() + code.len());
        if self.kind == StreamKind::Responses {
            data.extend_from_slice(b"{\"type\":\"error\",\"code\":");
            push_quoted(&mut data, code);
            data.extend_from_slice(b",\"message\":");
            push_quoted(&mut data, message);
            let rest = format!(",\"param\":null,\"sequence_number\":{}}}", self.next_sequence_number);
            data.extend_from_slice(rest.as_bytes());
            return sse::event(Some("error"), &data);
        }
        data.extend_from_slice(b"{\"error\":{\"message\":");
        push_quoted(&mut data, message);
        data.extend_from_slice(b",\"type\":\"api_error\",\"param\":null,\"code\":");
        push_quoted(&mut data, code);
        data.extend_from_slice(b"}}");
        sse::event(None, &data)
    }

    fn event(&mut self, event: &[u8]) -> Result<Fate, StreamError> {
        let fields = sse::fields(event);
        let Some(data) = fields.data.filter(|data| !data.bytes().is_empty()) else {
            return Ok(Fate::Keep);
        };
        self.events += 1;
        if is_done(data.bytes()) {
            self.progress = if self.ends_with_done() {
                Progress::Complete
            } else {
                Progress::Open
            };
            return Ok(Fate::Keep);
        }
        let Ok(reading) = read(data.bytes(), self.kind, self.kept.as_deref_mut()) else {
            self.progress = Progress::Open;
            return if self.kind == StreamKind::Other {
                Ok(Fate::Keep)
            } else {
                Err(StreamError::Malformed)
            };
        };
        if matches!(self.first, First::Awaited) {
            self.first = First::Kept(data.bytes().to_vec());
        }
        self.account(&reading, fields.name, data.bytes());
        Ok(self.fate(reading, &data, event))
    }

    fn ends_with_done(&self) -> bool {
        self.kind != StreamKind::Responses
    }

    fn account(&mut self, reading: &Reading, name: &[u8], data: &[u8]) {
        let kind = reading.kind.clone().map_or(name, |kind| &data[kind]);
        self.content_bytes += reading.content_bytes;
        self.is_mixed |= reading.is_mixed;
        if let Some(number) = reading.sequence_number {
            self.next_sequence_number = number.saturating_add(1);
        }
        if let Some(usage) = &reading.usage {
            let block = &data[usage.clone()];
            match (self.kind, kind) {
                (StreamKind::Other, b"message_start") => self.open(block),
                (StreamKind::Other, b"message_delta") => self.update(block),
                _ => self.count(block, !reading.has_choices && !has_running_usage(block, self.kind)),
            }
        }
        if let Some(error) = &reading.error {
            self.upstream_error = Some(error_code(&data[error.clone()]));
        } else if kind == b"error" || kind == b"response.failed" {
            self.upstream_error = Some(error_code(data));
        }
        self.progress = match self.kind {
            StreamKind::Responses if is_terminal_response(kind) => Progress::Complete,
            StreamKind::Other if says_done(kind) || reading.is_finished => Progress::MayEnd,
            _ => Progress::Open,
        };
    }

    /// Anthropic tells the input first, and the output as far as it has come.
    fn open(&mut self, block: &[u8]) {
        self.opening = Some(block.to_vec());
        self.count(block, false);
        if let Some(measured) = &mut self.usage {
            measured.is_open = true;
        }
    }

    /// What is told later counts instead of what was told first, and what is not told again stays.
    fn update(&mut self, block: &[u8]) {
        let opening = self.opening.as_deref().unwrap_or(b"{}");
        let block = updated(opening, block);
        self.count(&block, false);
        self.opening = Some(block);
    }

    fn count(&mut self, block: &[u8], is_all: bool) {
        self.usage_events += u32::from(is_all);
        match read_block(block) {
            Ok(mut measured) => {
                if self.usage_events > 1 {
                    measured.flags.raise(Flag::Repeated);
                }
                self.usage = Some(measured);
            }
            // Some servers send an empty block until they know.
            Err(UsageError::Empty) => {}
            Err(error) => self.refused_usage = Some(error),
        }
    }

    fn fate(&self, reading: Reading, data: &Data<'_>, event: &[u8]) -> Fate {
        if !self.strip_usage || reading.cuts.is_empty() {
            return Fate::Keep;
        }
        if !reading.has_choices && reading.error.is_none() {
            return Fate::Drop;
        }
        match data {
            Data::Line(_, place) => {
                let in_event = |cut: Range<usize>| place.start + cut.start..place.start + cut.end;
                Fate::Cut(reading.cuts.into_iter().map(in_event).collect())
            }
            Data::Lines(lines) => Fate::Replace(sse::with_data(event, &without(lines, &reading.cuts))),
        }
    }
}

fn pass(event: &Bytes, fate: Fate, out: &mut Out) {
    match fate {
        Fate::Keep => out.push(event.clone()),
        Fate::Drop => {}
        Fate::Replace(bytes) => out.push(bytes),
        Fate::Cut(cuts) => {
            let mut from = 0;
            for cut in cuts {
                out.push(event.slice(from..cut.start));
                from = cut.end;
            }
            out.push(event.slice(from..));
        }
    }
}

fn without(data: &[u8], cuts: &[Range<usize>]) -> Vec<u8> {
    let mut left = Vec::with_capacity(data.len());
    let mut from = 0;
    for cut in cuts {
        left.extend_from_slice(&data[from..cut.start]);
        from = cut.end;
    }
    left.extend_from_slice(&data[from..]);
    left
}

/// Every event of Gemini's streams has the usage so far: the last counts, and nothing is repeated.
fn has_running_usage(block: &[u8], kind: StreamKind) -> bool {
    kind == StreamKind::Other && memchr::memmem::find(block, b"TokenCount").is_some()
}

/// As OpenAI's own SDKs do, without regard to what may follow.
fn is_done(data: &[u8]) -> bool {
    data.trim_ascii_start().starts_with(b"[DONE]")
}

fn is_terminal_response(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"response.completed" | b"response.incomplete" | b"response.failed"
    )
}

/// Audio and images (<https://platform.openai.com/docs/api-reference/audio>, `/images-streaming`), and the messages of
/// servers that also speak Anthropic's dialect (<https://docs.anthropic.com/en/docs/build-with-claude/streaming>).
fn says_done(kind: &[u8]) -> bool {
    kind.ends_with(b".done") || kind.ends_with(b".completed") || kind == b"message_stop"
}
