//! Follows a form through its bytes, however they come, in little memory.

use super::part::{Part, part};
use super::{MultipartError, Progress};

const LONGEST_HEADERS: usize = 8 * 1024;
const LONGEST_VALUE: usize = 256;

pub struct MultipartScanner {
    /// A line feed, two hyphens and the boundary. No line feed is in it but the first, so that a search which fails
    /// inside it can start again only at the byte that made it fail.
    delimiter: Vec<u8>,
    place: Place,
    /// How much of the delimiter the last bytes agree with.
    matched: usize,
    /// The byte before the line feed that the match began with.
    before: u8,
    /// Of the whole body so far.
    offset: u64,
    part: Part,
    headers: Vec<u8>,
    /// The value of the field that is being read; one byte more than it may have shows that it is too long.
    value: Vec<u8>,
    value_start: u64,
    model: Option<Progress>,
    has_model: bool,
    stream: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the bytes before the first boundary, or in a part's content.
    Content,
    /// Just after a boundary: a line end or two hyphens have to follow.
    Delimiter(Option<u8>),
    Headers,
    /// After the closing boundary.
    End,
    Failed(MultipartError),
}

impl MultipartScanner {
    /// `boundary` is what [`super::boundary`] found.
    pub fn new(boundary: &str) -> Self {
        Self {
            delimiter: [b"\n--", boundary.as_bytes()].concat(),
            place: Place::Content,
            // The body's start counts as the start of a line.
            matched: 1,
            before: b'\r',
            offset: 0,
            part: Part::Other,
            headers: Vec::new(),
            value: Vec::new(),
            value_start: 0,
            model: None,
            has_model: false,
            stream: None,
        }
    }

    /// Takes the body's next bytes. What follows the closing boundary is passed over.
    pub fn feed(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0;
        while at < bytes.len() {
            let passed = match self.place {
                Place::Content => self.content(&bytes[at..]),
                Place::Delimiter(first) => self.after_delimiter(first, bytes[at]),
                Place::Headers => self.header_byte(bytes[at]),
                Place::End | Place::Failed(_) => break,
            };
            match passed {
                Ok(length) => {
                    at += length;
                    self.offset += length as u64;
                }
                Err(error) => self.place = Place::Failed(error),
            }
        }
        match (self.place, self.model.take()) {
            (Place::Failed(error), _) => Progress::Malformed(error),
            (_, Some(found)) => found,
            (Place::End, None) => Progress::End,
            _ => Progress::NeedMore,
        }
    }

    /// Whether the form has asked for a stream so far.
    pub fn stream(&self) -> bool {
        self.stream == Some(true)
    }

    /// Passes over content up to the next place where the search for the delimiter changes.
    fn content(&mut self, bytes: &[u8]) -> Result<usize, MultipartError> {
        if self.matched == 0 {
            let length = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
            if self.part != Part::Other {
                keep(&mut self.value, &bytes[..length]);
            }
            if let Some(last) = bytes[..length].last() {
                self.before = *last;
            }
            if length == bytes.len() {
                return Ok(length);
            }
            self.matched = 1;
            return Ok(length + 1);
        }
        if bytes[0] == self.delimiter[self.matched] {
            self.matched += 1;
            if self.matched == self.delimiter.len() {
                self.end_part()?;
                self.place = Place::Delimiter(None);
            }
            return Ok(1);
        }
        self.unmatch();
        Ok(0)
    }

    /// The bytes that seemed to be a delimiter are content.
    fn unmatch(&mut self) {
        let seemed = &self.delimiter[..std::mem::replace(&mut self.matched, 0)];
        self.before = seemed.last().copied().unwrap_or_default();
        if self.part != Part::Other {
            keep(&mut self.value, seemed);
        }
    }

    /// The delimiter was found: what came before it is the part's content, without the line end in front of it.
    fn end_part(&mut self) -> Result<(), MultipartError> {
        self.matched = 0;
        if self.before != b'\r' {
            return Err(MultipartError::BadDelimiter);
        }
        let value = std::mem::take(&mut self.value);
        let value = value.strip_suffix(b"\r").unwrap_or(&value);
        match std::mem::replace(&mut self.part, Part::Other) {
            Part::Model => self.end_model(value),
            Part::Stream => self.end_stream(value),
            Part::Other => Ok(()),
        }
    }

    fn end_model(&mut self, value: &[u8]) -> Result<(), MultipartError> {
        let name = std::str::from_utf8(value).map_err(|_| MultipartError::BadModel)?;
        if !(1..=LONGEST_VALUE).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(MultipartError::BadModel);
        }
        let value_range = self.value_start..self.value_start + value.len() as u64;
        self.model = Some(Progress::Found {
            value_range,
            value: name.to_owned(),
        });
        Ok(())
    }

    fn end_stream(&mut self, value: &[u8]) -> Result<(), MultipartError> {
        self.stream = match value.to_ascii_lowercase().as_slice() {
            b"true" | b"1" => Some(true),
            b"false" | b"0" | b"" => Some(false),
            _ => return Err(MultipartError::BadStream),
        };
        Ok(())
    }

    fn after_delimiter(&mut self, first: Option<u8>, byte: u8) -> Result<usize, MultipartError> {
        self.place = match (first, byte) {
            (None, b'\r' | b'-') => Place::Delimiter(Some(byte)),
            (Some(b'\r'), b'\n') => Place::Headers,
            (Some(b'-'), b'-') => Place::End,
            _ => return Err(MultipartError::BadDelimiter),
        };
        Ok(1)
    }

    fn header_byte(&mut self, byte: u8) -> Result<usize, MultipartError> {
        self.headers.push(byte);
        if self.headers.len() > LONGEST_HEADERS {
            return Err(MultipartError::LongHeaders);
        }
        if let Some(headers) = self.headers.strip_suffix(b"\r\n\r\n") {
            self.part = part(headers)?;
            self.headers.clear();
            self.begin_part()?;
        }
        Ok(1)
    }

    fn begin_part(&mut self) -> Result<(), MultipartError> {
        match self.part {
            Part::Model if std::mem::replace(&mut self.has_model, true) => return Err(MultipartError::DuplicateModel),
            Part::Stream if self.stream.is_some() => return Err(MultipartError::DuplicateStream),
            _ => {}
        }
        self.place = Place::Content;
        self.before = b'\n';
        self.value_start = self.offset + 1;
        Ok(())
    }
}

/// Appends content to a field's value, as far as it can matter: a value with more is too long, line end or not.
fn keep(value: &mut Vec<u8>, content: &[u8]) {
    let room = (LONGEST_VALUE + 2).saturating_sub(value.len());
    value.extend_from_slice(&content[..content.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODEL: &str = "content-disposition: form-data; name=\"model\"";
    const STREAM: &str = "content-disposition: form-data; name=\"stream\"";
    const FILE: &str = "content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav";

    fn form(parts: &[(&str, &str)]) -> String {
        let parts = parts
            .iter()
            .flat_map(|(headers, content)| ["--b\r\n", headers, "\r\n\r\n", content, "\r\n"]);
        parts.chain(["--b--\r\n"]).collect()
    }

    /// All that a scanner says but `NeedMore`, and whether a stream is asked for.
    fn scan(body: &[u8], step: usize) -> (Vec<Progress>, bool) {
        let mut scanner = MultipartScanner::new("b");
        let mut said: Vec<_> = body.chunks(step.max(1)).map(|bytes| scanner.feed(bytes)).collect();
        said.push(scanner.feed(b""));
        said.retain(|progress| *progress != Progress::NeedMore);
        said.dedup();
        (said, scanner.stream())
    }

    fn scan_any(body: &str) -> (Vec<Progress>, bool) {
        let first = scan(body.as_bytes(), 1);
        for step in 2..=body.len() {
            let (said, stream) = scan(body.as_bytes(), step);
            assert_eq!((said.last(), stream), (first.0.last(), first.1), "{body} by {step}");
        }
        first
    }

    fn found(body: &str, model: &str) -> Progress {
        let start = body.rfind(&format!("\r\n\r\n{model}\r\n--b")).unwrap() as u64 + 4;
        Progress::Found {
            value_range: start..start + model.len() as u64,
            value: model.to_owned(),
        }
    }

    #[test]
    fn the_model_is_found_wherever_it_stands() {
        let sound = "RIFF\r\n--\r\n-\n--a\r\r\n--";
        for parts in [
            &[(MODEL, "whisper-1"), (FILE, sound)][..],
            &[(FILE, sound), (STREAM, "True"), (MODEL, "whisper-1")],
            &[(FILE, ""), (MODEL, "whisper-1")],
        ] {
            let body = form(parts);
            let (said, stream) = scan_any(&body);
            assert_eq!(said, [found(&body, "whisper-1"), Progress::End]);
            assert_eq!(stream, parts.len() == 3);
        }
        let body = ["preamble\r\n", &form(&[(MODEL, "\u{e9}/x y")]), "epilogue \r\n--b"].concat();
        assert_eq!(scan_any(&body).0, [found(&body, "\u{e9}/x y"), Progress::End]);
    }

    #[test]
    fn a_form_without_a_model_ends() {
        assert_eq!(scan_any(&form(&[(FILE, "x")])).0, [Progress::End]);
        assert_eq!(scan_any("--b--").0, [Progress::End]);
        assert_eq!(scan_any("--b\r\n").0, []);
    }

    #[test]
    fn what_readers_may_take_differently_is_refused() {
        let long = "m".repeat(LONGEST_VALUE + 1);
        let headers = format!("x: {}", "y".repeat(LONGEST_HEADERS));
        for (body, error) in [
            (
                form(&[(MODEL, "a"), (FILE, "x"), (MODEL, "b")]),
                MultipartError::DuplicateModel,
            ),
            (
                form(&[(STREAM, "true"), (STREAM, "true")]),
                MultipartError::DuplicateStream,
            ),
            (form(&[(STREAM, "yes")]), MultipartError::BadStream),
            (form(&[(MODEL, "")]), MultipartError::BadModel),
            (form(&[(MODEL, "a\r\nb")]), MultipartError::BadModel),
            (form(&[(MODEL, &long)]), MultipartError::BadModel),
            (form(&[(&headers, "x")]), MultipartError::LongHeaders),
            (form(&[(FILE, "x\n--b\r\nsmuggled")]), MultipartError::BadDelimiter),
            (form(&[(FILE, "x\r\n--bc")]), MultipartError::BadDelimiter),
            (form(&[(FILE, "x\r\n--b \r\n")]), MultipartError::BadDelimiter),
            (form(&[("x: y", "")]), MultipartError::NoName),
            ("\n--b\r\n".to_owned(), MultipartError::BadDelimiter),
            ("--b\n".to_owned(), MultipartError::BadDelimiter),
            ("--b\r\n\r\nx\r\n\r\n".to_owned(), MultipartError::BadHeaders),
        ] {
            assert_eq!(scan_any(&body).0.last(), Some(&Progress::Malformed(error)), "{body}");
        }
        let longest = &long[1..];
        let body = form(&[(MODEL, longest)]);
        assert_eq!(scan_any(&body).0, [found(&body, longest), Progress::End]);
    }

    proptest! {
        #[test]
        fn any_split_is_read_the_same(pieces in prop::collection::vec(
            prop_oneof![
                3 => Just("--b\r\n".to_owned()), 2 => Just(format!("{MODEL}\r\n\r\n")), 1 => Just(format!("{FILE}\r\n\r\n")),
                3 => Just("\r\n".to_owned()), 1 => Just("--b--".to_owned()), 2 => "[a\r\n-]{0,4}", 1 => Just("\r\n--".to_owned()),
            ], 0..12), step in 1..9_usize)
        {
            let body = pieces.concat();
            let (by_one, stream) = scan(body.as_bytes(), 1);
            let (by_step, stream_by_step) = scan(body.as_bytes(), step);
            prop_assert_eq!(by_one.last(), by_step.last());
            prop_assert_eq!(stream, stream_by_step);
        }

        #[test]
        fn content_is_never_mistaken_for_framing(content in "[a\r\n-]{0,40}", model in "[a-z0-9./:-]{1,20}") {
            let body = form(&[(FILE, &content), (MODEL, &model)]);
            // A content that ends in a line end of its own is content too.
            prop_assert_eq!(scan(body.as_bytes(), 3).0, [found(&body, &model), Progress::End]);
        }

        #[test]
        fn any_bytes_end_in_a_verdict(body in prop::collection::vec(any::<u8>(), 0..80), step in 1..9_usize) {
            scan(&body, step);
        }
    }
}
