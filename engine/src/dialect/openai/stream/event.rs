//! What one event says, as far as accounting reads it.

use std::ops::Range;

use memchr::memmem;

use super::StreamKind;
use crate::dialect::json::{Cursor, Error, Text};
use crate::dialect::openai::content::Content;
use crate::meter::estimate::Kept;

/// Ranges are bytes of the event's data.
#[derive(Debug, Default)]
pub struct Reading {
    /// The last usage object.
    pub usage: Option<Range<usize>>,
    /// What to leave out, in order, so that the top level has no usage.
    pub cuts: Vec<Range<usize>>,
    /// Whether there is at least one choice.
    pub has_choices: bool,
    /// What says why the upstream failed: an object, or any other value but null.
    pub error: Option<Range<usize>>,
    /// The value of `type`, as it is written.
    pub kind: Option<Range<usize>>,
    pub sequence_number: Option<u64>,
    /// Bytes of output; see [`super::StreamScanner::content_bytes`].
    pub content_bytes: u64,
    /// Whether there is more than text in it.
    pub is_mixed: bool,
    /// Gemini says why an answer ended, in its last event.
    pub is_finished: bool,
}

/// Reads the JSON object that an event's data is, and checks all of it. Its text goes to `kept`.
pub fn read(data: &[u8], kind: StreamKind, kept: Option<&mut Kept>) -> Result<Reading, Error> {
    let mut cursor = Cursor::new(data);
    let content = Content::keeping(kept);
    let mut members = Members {
        kind,
        kept_before: content.kept_len(),
        content,
        ..Members::default()
    };
    cursor.members(|cursor, key| members.member(cursor, key))?;
    cursor.end()?;
    Ok(members.finish(data))
}

/// The string that stands for an error: its `code`, or else its `type`. Empty where there is neither.
pub fn error_code(error: &[u8]) -> String {
    let (mut code, mut kind) = (None, None);
    let mut cursor = Cursor::new(error);
    let result = cursor.members(|cursor, key| {
        let name = key.raw(cursor.document());
        match (name, cursor.peek()) {
            (b"code", Some(b'"')) => code = Some(cursor.string()?),
            (b"type", Some(b'"')) => kind = Some(cursor.string()?),
            _ => cursor.skip_value()?,
        }
        Ok::<(), Error>(())
    });
    let Some(text) = code.or(kind).filter(|_| result.is_ok()) else {
        return String::new();
    };
    let text = text.decoded(error);
    String::from_utf8_lossy(&text[..text.len().min(LONGEST_CODE)]).into_owned()
}

/// Of an error's code, in bytes.
const LONGEST_CODE: usize = 64;

#[derive(Default)]
struct Members<'k> {
    kind: StreamKind,
    reading: Reading,
    /// The end of the last member that stays when the usage is cut out.
    kept_until: Option<usize>,
    /// Where a cut begins that reaches to the next member.
    cut_from: Option<usize>,
    content: Content<'k>,
    kept_before: usize,
}

impl Members<'_> {
    fn member(&mut self, cursor: &mut Cursor<'_>, key: Text) -> Result<(), Error> {
        let from = key.literal().start;
        if let Some(start) = self.cut_from.take() {
            self.reading.cuts.push(start..from);
        }
        let at = cursor.at();
        match key.raw(cursor.document()) {
            b"choices" => {
                self.reading.has_choices = !is_empty_array(cursor);
                self.content.take_usage_at();
                cursor.visit_value(&mut self.content)?;
                self.usage_of_choice(cursor)?;
            }
            b"usage" => {
                let is_object = cursor.peek() == Some(b'{');
                cursor.skip_value()?;
                if is_object {
                    self.reading.usage = Some(at..cursor.at());
                    self.cut(from, cursor.at());
                    return Ok(());
                }
            }
            b"error" => {
                let is_null = cursor.peek() == Some(b'n');
                cursor.skip_value()?;
                if !is_null {
                    self.reading.error = Some(at..cursor.at());
                }
            }
            b"type" => {
                let is_text = cursor.peek() == Some(b'"');
                cursor.skip_value()?;
                if is_text {
                    self.reading.kind = Some(at + 1..cursor.at() - 1);
                }
            }
            b"delta" => self.delta(cursor)?,
            // What passes through untranslated, Anthropic's and Gemini's.
            b"message" if self.kind == StreamKind::Other && cursor.peek() == Some(b'{') => self.nested(cursor)?,
            b"candidates" if self.kind == StreamKind::Other => cursor.visit_value(&mut self.content)?,
            b"usageMetadata" if self.kind == StreamKind::Other && cursor.peek() == Some(b'{') => {
                cursor.skip_value()?;
                self.reading.usage = Some(at..cursor.at());
            }
            // The response object of OpenAI's Responses; Groq's own figures
            // (https://console.groq.com/docs/api-reference#chat-create), which come in the last chunk.
            b"response" | b"x_groq" if cursor.peek() == Some(b'{') => self.nested(cursor)?,
            b"sequence_number" if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) => {
                let digits = cursor.number()?;
                self.reading.sequence_number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            }
            _ => cursor.skip_value()?,
        }
        self.kept_until = Some(cursor.at());
        Ok(())
    }

    /// Leaves out the member at `from..end`, with the comma before it, or where it would come first the one after it.
    fn cut(&mut self, from: usize, end: usize) {
        match self.kept_until {
            Some(kept_until) => self.reading.cuts.push(kept_until..end),
            None => self.cut_from = Some(from),
        }
    }

    fn delta(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        if cursor.peek() != Some(b'"') {
            return cursor.visit_value(&mut self.content);
        }
        let text = cursor.string()?;
        self.content.add(cursor.document(), text);
        Ok(())
    }

    /// Moonshot reports usage in its last chunk's choice: <https://platform.moonshot.ai/docs/api/chat>.
    fn usage_of_choice(&mut self, cursor: &Cursor<'_>) -> Result<(), Error> {
        if let Some(at) = self.content.take_usage_at() {
            let mut usage = Cursor::new(&cursor.document()[at..]);
            usage.skip_value()?;
            self.reading.usage = Some(at..at + usage.at());
        }
        Ok(())
    }

    /// Usage and error one level further in.
    fn nested(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let reading = &mut self.reading;
        cursor.members(|cursor, key| {
            let at = cursor.at();
            let name = key.raw(cursor.document());
            let first = cursor.peek();
            cursor.skip_value()?;
            match (name, first) {
                (b"usage", Some(b'{')) => reading.usage = Some(at..cursor.at()),
                (b"error", Some(first)) if first != b'n' => reading.error = Some(at..cursor.at()),
                _ => {}
            }
            Ok(())
        })
    }

    fn finish(mut self, data: &[u8]) -> Reading {
        if let (Some(from), Some(usage)) = (self.cut_from, &self.reading.usage) {
            self.reading.cuts.push(from..usage.end);
        }
        let kind = self.reading.kind.clone().map_or(&b""[..], |kind| &data[kind]);
        self.reading.is_finished = self.content.is_finished();
        self.reading.is_mixed = self.content.is_mixed();
        self.reading.content_bytes = self.content.bytes();
        if matches!(self.kind, StreamKind::Responses | StreamKind::Other) {
            self.reading.is_mixed |= memmem::find(kind, b"call").is_some();
            // Base64 of sound says nothing about tokens.
            if kind.ends_with(b"audio.delta") {
                self.content.forget_after(self.kept_before);
                self.reading.content_bytes = 0;
                self.reading.is_mixed = true;
            }
        }
        self.reading
    }
}

fn is_empty_array(cursor: &mut Cursor<'_>) -> bool {
    let rest = cursor.document().get(cursor.at()..).unwrap_or_default();
    rest.strip_prefix(b"[")
        .is_some_and(|inside| inside.trim_ascii_start().first() == Some(&b']'))
}
