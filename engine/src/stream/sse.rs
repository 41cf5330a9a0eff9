//! Server-sent events, cut out of a byte stream wherever the network cut it, by the rules of
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>. What an event says is for its dialect to read.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// The longest event that is held. A picture comes as base64 in one event, so this is far above what text needs.
pub const LONGEST_EVENT: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The stream has an event longer than [`LONGEST_EVENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Finds where events end, and holds what has come of the one that has not.
#[derive(Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
    line: Line,
    /// Whether the event has had a line other than comments.
    has_fields: bool,
    /// The last byte was a carriage return; a line feed after it belongs to the same line end.
    after_return: bool,
}

/// What has come of the line so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    Empty,
    Comment,
    Field,
}

/// What comes next in a chunk.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// An event, all of it in this chunk, up to `end`.
    Whole { end: usize },
    /// An event that earlier chunks began and this one ends, at `end`.
    Joined { event: Bytes, end: usize },
    /// No further event ends here. The rest of the chunk is held.
    Partial,
}

impl Splitter {
    /// To be asked once for each chunk, before anything else: the length of what still belongs to the last event, the
    /// line feed of its last line end.
    pub fn take_tail(&mut self, chunk: &[u8]) -> usize {
        let (Some(first), true) = (chunk.first(), self.held.is_empty()) else {
            return 0;
        };
        usize::from(std::mem::take(&mut self.after_return) && *first == b'\n')
    }

    /// The event that ends next in `chunk`, of which everything before `from` was given before.
    ///
    /// An event is given with the blank line that ends it. Comments between events are given as events of their own, as
    /// soon as their line ends: they keep idle connections open.
    pub fn next(&mut self, chunk: &[u8], from: usize) -> Result<Next, TooLong> {
        let end = self.find_end(chunk, from);
        let part = &chunk[from..end.unwrap_or(chunk.len())];
        if self.held.len() + part.len() > LONGEST_EVENT {
            return Err(TooLong);
        }
        let Some(end) = end else {
            self.held.extend_from_slice(part);
            return Ok(Next::Partial);
        };
        if self.held.is_empty() {
            return Ok(Next::Whole { end });
        }
        let mut event = std::mem::take(&mut self.held);
        event.extend_from_slice(part);
        Ok(Next::Joined {
            event: event.into(),
            end,
        })
    }

    /// What has come of an event that was not ended.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    fn find_end(&mut self, chunk: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(first) = chunk.get(at) {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                at += 1;
                continue;
            }
            if self.line == Line::Empty && !matches!(first, b'\n' | b'\r') {
                self.line = if *first == b':' { Line::Comment } else { Line::Field };
            }
            let length = memchr::memchr2(b'\n', b'\r', &chunk[at..])?;
            at += length + 1;
            if chunk[at - 1] == b'\r' {
                match chunk.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            if self.line_ends_event() {
                return Some(at);
            }
        }
        None
    }

    /// To be called at the end of a line.
    fn line_ends_event(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        let ends = match line {
            Line::Empty => true,
            Line::Comment => !self.has_fields,
            Line::Field => false,
        };
        self.has_fields = !ends && (self.has_fields || line == Line::Field);
        ends
    }
}

/// The fields of an event that its dialect reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Empty where the event is not named.
    pub name: &'a [u8],
    /// None where there is no data.
    pub data: Option<Data<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// On one line, which is where in the event.
    Line(&'a [u8], Range<usize>),
    /// On several lines, joined.
    Lines(Vec<u8>),
}

impl Data<'_> {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Line(bytes, _) => bytes,
            Self::Lines(bytes) => bytes,
        }
    }
}

/// Reads the fields of an event. A byte order mark at its start, which only the first event of a stream may have, is
/// passed over.
pub fn fields(event: &[u8]) -> Fields<'_> {
    let mut fields = Fields::default();
    for line in lines(event) {
        let (name, value) = field(event, line);
        match name {
            b"data" => fields.data = Some(with_line(fields.data.take(), &event[value.clone()], value)),
            b"event" => fields.name = &event[value],
            _ => {}
        }
    }
    fields
}

fn with_line<'a>(data: Option<Data<'a>>, line: &'a [u8], place: Range<usize>) -> Data<'a> {
    let mut joined = match data {
        None => return Data::Line(line, place),
        Some(Data::Line(first, _)) => first.to_vec(),
        Some(Data::Lines(lines)) => lines,
    };
    joined.push(b'\n');
    joined.extend_from_slice(line);
    Data::Lines(joined)
}

/// The places of an event's lines, without their ends.
fn lines(event: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = if event.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    std::iter::from_fn(move || {
        let rest = event.get(at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = at..at + length;
        // Between a carriage return and a line feed this sees an empty line, which says nothing.
        at += length + 1;
        Some(line)
    })
}

/// A line's name, and where its value is. A comment has the empty name.
fn field(event: &[u8], line: Range<usize>) -> (&[u8], Range<usize>) {
    let text = &event[line.clone()];
    // Every name that matters is short.
    let colon = text.iter().take("event:".len()).position(|byte| *byte == b':');
    match colon {
        None => (text, line.end..line.end),
        Some(colon) => {
            let space = usize::from(text.get(colon + 1) == Some(&b' '));
            (&text[..colon], line.start + colon + 1 + space..line.end)
        }
    }
}

/// `event` with `data` in place of its data.
pub fn with_data(event: &[u8], data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(event.len());
    for line in lines(event).filter(|line| !line.is_empty()) {
        if field(event, line.clone()).0 != b"data" {
            out.extend_from_slice(&event[line]);
            out.push(b'\n');
        }
    }
    for line in data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.into()
}

/// An event of our own; `data` is one line.
pub fn event(name: Option<&str>, data: &[u8]) -> Bytes {
    let name: Cow<'_, str> = name.map_or("".into(), |name| format!("event: {name}\n").into());
    [name.as_bytes(), b"data: ", data, b"\n\n"].concat().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The events of a stream that comes in chunks of `step` bytes, and what is held at its end.
    fn split(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = Splitter::default();
        let mut events: Vec<Vec<u8>> = Vec::new();
        for chunk in stream.chunks(step.max(1)) {
            let mut from = splitter.take_tail(chunk);
            if let (1, Some(last)) = (from, events.last_mut()) {
                last.push(b'\n');
            }
            loop {
                let next = splitter.next(chunk, from).unwrap();
                let (event, end) = match next {
                    Next::Whole { end } => (chunk[from..end].to_vec(), end),
                    Next::Joined { event, end } => (event.to_vec(), end),
                    Next::Partial => break,
                };
                events.push(event);
                from = end;
            }
        }
        (events, splitter.held().to_vec())
    }

    #[test]
    fn events_end_at_blank_lines_of_every_kind() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = format!("data: a{end}{end}event: x{end}data: b{end}: inside{end}{end}data: c{end}");
            for step in 1..=stream.len() {
                let (events, held) = split(stream.as_bytes(), step);
                let expected = [
                    format!("data: a{end}{end}"),
                    format!("event: x{end}data: b{end}: inside{end}{end}"),
                ]
                .map(String::into_bytes);
                assert_eq!(events, expected, "{end:?} by {step}");
                assert_eq!(held, format!("data: c{end}").as_bytes(), "{end:?} by {step}");
            }
        }
    }

    #[test]
    fn comments_do_not_wait_for_an_event() {
        let (events, held) = split(b": ping\n: pong\r\n\ndata: a\n", 3);
        assert_eq!(events, [&b": ping\n"[..], b": pong\r\n", b"\n"]);
        assert_eq!(held, b"data: a\n");
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut splitter = Splitter::default();
        let chunk = vec![b'x'; 1024 * 1024];
        let fed = (0..17).try_for_each(|_| splitter.next(&chunk, 0).map(|next| assert_eq!(next, Next::Partial)));
        assert_eq!(fed, Err(TooLong));
    }

    #[test]
    fn fields_are_read() {
        let event = b"\xef\xbb\xbfid: 1\nevent: ping\r\ndata: {\"a\"\rdata::1}\ndatax: no\nretry\n:data: no\n\n";
        let fields = fields(event);
        assert_eq!(fields.name, b"ping");
        assert_eq!(fields.data, Some(Data::Lines(b"{\"a\"\n:1}".to_vec())));
    }

    #[test]
    fn data_on_one_line_is_not_copied() {
        for (event, data) in [
            ("data: a b\n\n", "a b"),
            ("data:a\n\n", "a"),
            ("data:  a\n\n", " a"),
            ("data\n\n", ""),
        ] {
            let Some(Data::Line(bytes, place)) = fields(event.as_bytes()).data else {
                panic!("{event}")
            };
            assert_eq!(bytes, data.as_bytes());
            assert_eq!(&event.as_bytes()[place], data.as_bytes());
        }
        assert_eq!(fields(b": comment\n").data, None);
        assert_eq!(fields(b"\n").data, None);
    }

    #[test]
    fn data_can_be_replaced() {
        let event = b"event: x\r\ndata: {\r\ndata: }\r\nid: 7\r\n\r\n";
        assert_eq!(with_data(event, b"[\n]"), &b"event: x\nid: 7\ndata: [\ndata: ]\n\n"[..]);
    }

    #[test]
    fn our_own_events_are_events() {
        assert_eq!(event(None, b"{}"), &b"data: {}\n\n"[..]);
        assert_eq!(event(Some("error"), b"{}"), &b"event: error\ndata: {}\n\n"[..]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(stream in "(data: ?[a-c]?|:|event: x|\n|\r|\r\n|[a:\u{feff}]){0,24}", step in 1..7_usize) {
            let whole = split(stream.as_bytes(), stream.len());
            prop_assert_eq!(&split(stream.as_bytes(), step), &whole);
            let (events, held) = whole;
            prop_assert_eq!([events.concat(), held].concat(), stream.as_bytes());
        }
    }
}
