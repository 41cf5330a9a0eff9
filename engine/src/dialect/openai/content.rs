//! The text of an answer, as it is passed over: its length, and where somebody wants to count it the text itself.

use crate::dialect::json::{Text, Visit};
use crate::meter::estimate::Kept;

/// Of what one value carries, such as an event's choices.
#[derive(Default)]
pub struct Content<'k> {
    /// Bytes of text.
    answer: u64,
    /// Likewise. Servers differ in the name, and some give the same text under two names.
    reasoning: [u64; 3],
    /// Whether there is more than text, which says nothing of how many tokens it is: calls of tools, sound, pictures, or
    /// what a filter held back.
    is_mixed: bool,
    is_finished: bool,
    /// Where a choice's own usage begins.
    usage_at: Option<usize>,
    kept: Option<&'k mut Kept>,
    /// Which of the names of reasoning is kept: the first that comes.
    kept_name: Option<usize>,
}

/// The brackets around a member of a choice: the choice, and the array of all choices.
const IN_A_CHOICE: usize = 2;

impl<'k> Content<'k> {
    pub fn keeping(kept: Option<&'k mut Kept>) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    pub fn bytes(&self) -> u64 {
        self.answer + self.reasoning.into_iter().max().unwrap_or(0)
    }

    pub fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// Gemini's answers have a reason for their end.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    pub fn take_usage_at(&mut self) -> Option<usize> {
        self.usage_at.take()
    }

    /// A text that stands by itself.
    pub fn add(&mut self, document: &[u8], text: Text) {
        self.answer += text.decoded_len(document) as u64;
        if let Some(kept) = &mut self.kept {
            kept.push(document, text);
        }
    }

    /// The length of what is kept.
    pub fn kept_len(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.len())
    }

    /// What was kept after that was no text.
    pub fn forget_after(&mut self, length: usize) {
        if let Some(kept) = &mut self.kept {
            kept.truncate(length);
        }
    }

    fn add_reasoning(&mut self, document: &[u8], text: Text, name: usize) {
        self.reasoning[name] += text.decoded_len(document) as u64;
        if let Some(kept) = &mut self.kept
            && text.start < text.end
            && *self.kept_name.get_or_insert(name) == name
        {
            kept.push(document, text);
        }
    }
}

impl Visit for Content<'_> {
    fn string_member(&mut self, document: &[u8], key: Text, value: Text) {
        match key.raw(document) {
            // The last two are Anthropic's.
            b"content" | b"refusal" | b"thinking" | b"partial_json" => self.add(document, value),
            b"arguments" => {
                self.is_mixed = true;
                self.add(document, value);
            }
            b"reasoning_content" => self.add_reasoning(document, value, 0),
            b"reasoning" => self.add_reasoning(document, value, 1),
            // Completions have nothing but this; in chat it is a part of content or of reasoning.
            b"text" => self.add_reasoning(document, value, 2),
            b"finishReason" => self.is_finished = true,
            b"data" | b"url" | b"b64_json" | b"result" => self.is_mixed = true,
            b"finish_reason" if value.raw(document) == b"content_filter" => self.is_mixed = true,
            // Of Responses' items, whose calls of built-in tools show nothing of what was written for them.
            b"type" if value.raw(document).ends_with(b"_call") => self.is_mixed = true,
            _ => {}
        }
    }

    fn object_member(&mut self, document: &[u8], key: Text, at: usize, depth: usize) {
        if depth == IN_A_CHOICE && key.raw(document) == b"usage" {
            self.usage_at = Some(at);
        }
    }
}
