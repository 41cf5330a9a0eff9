//! The text of a stream, kept for the case that its provider never tells what it used, or tells what cannot be.
//!
//! Whether usage comes is known at the stream's end alone, and a client may leave at any time. What is kept is the text,
//! a small part of the bytes that carry it; it grows by doubling, so that a chunk does not allocate, and all streams
//! together keep no more than [`ROOM`].

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::tokenizer::LONGEST;
use super::{Encoding, tokenizer};
use crate::dialect::json::Text;
use crate::dialect::openai::request::input_text;
use crate::dialect::openai::response::output_texts;

/// Over all streams, in bytes. What finds no room is not kept.
const ROOM: usize = 64 * 1024 * 1024;
/// What most answers grow into without a second allocation.
const FIRST: usize = 4 * 1024;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// What a request's tokens can be counted from.
#[derive(Debug)]
pub struct Kept {
    by: Encoding,
    /// The request's body; empty where it was not kept.
    sent: Bytes,
    /// UTF-8, as far as the upstream sent it so.
    text: Vec<u8>,
    /// An answer that came as a whole, in which the text is yet to be found.
    answer: Bytes,
    /// Of [`ROOM`].
    taken: usize,
    is_whole: bool,
}

/// The tokens of a text that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptTokens {
    /// None where the request's body was not kept, or is no JSON.
    pub input: Option<u64>,
    pub output: u64,
}

impl Kept {
    /// None where there is no room for the request's body.
    pub fn of(by: Encoding, sent: &Bytes) -> Option<Self> {
        let mut kept = Self {
            by,
            sent: Bytes::new(),
            text: Vec::new(),
            answer: Bytes::new(),
            taken: 0,
            is_whole: true,
        };
        if sent.len() <= LONGEST {
            kept.take(sent.len()).then(|| kept.sent = sent.clone())?;
        }
        Some(kept)
    }

    /// With the text of an answer in JSON.
    #[must_use]
    pub fn with_answer(mut self, answer: Bytes) -> Self {
        self.answer = answer;
        self
    }

    pub fn encoding(&self) -> Encoding {
        self.by
    }

    /// Where everything that came was kept, there is something to count.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn push(&mut self, document: &[u8], text: Text) {
        let free = self.text.capacity() - self.text.len();
        // What an escape stands for is never longer than the escape.
        let longest = text.end - text.start;
        if longest > free && !self.grow(longest) {
            return;
        }
        text.decode_into(document, &mut self.text);
    }

    /// Takes back what was pushed after the text had this length.
    pub fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
    }

    /// Tokens of the request and of the answer. None where something is missing.
    pub async fn count(self) -> Option<KeptTokens> {
        if !self.is_whole {
            return None;
        }
        let sent = input_text(&self.sent);
        let besides = sent.as_ref().map(|sent| sent.besides);
        let texts = sent.map(|sent| sent.texts).unwrap_or_default();
        let mut answer = output_texts(&self.answer);
        answer.push(String::from_utf8_lossy(&self.text).into_owned());
        let [input, output] = self.by.count_later([texts, answer]).await?;
        Some(KeptTokens {
            input: besides.map(|besides| input + besides),
            output,
        })
    }

    #[cold]
    fn grow(&mut self, by: usize) -> bool {
        if !self.is_whole {
            return false;
        }
        let capacity = (self.text.len() + by).next_power_of_two().max(FIRST);
        let more = capacity - self.text.capacity();
        if self.text.len() + by > tokenizer::LONGEST || !self.take(more) {
            self.give_up();
            return false;
        }
        self.text.reserve_exact(capacity - self.text.len());
        true
    }

    /// A text of which a part is missing is not counted.
    fn give_up(&mut self) {
        self.is_whole = false;
        self.text = Vec::new();
        self.sent = Bytes::new();
        TAKEN.fetch_sub(std::mem::take(&mut self.taken), Ordering::Relaxed);
    }

    fn take(&mut self, bytes: usize) -> bool {
        let taken = TAKEN.fetch_add(bytes, Ordering::Relaxed);
        if taken + bytes > ROOM {
            TAKEN.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.taken += bytes;
        true
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::json::Cursor;

    fn push(kept: &mut Kept, document: &str) {
        let text = Cursor::new(document.as_bytes()).string().unwrap();
        kept.push(document.as_bytes(), text);
    }

    fn kept(sent: &'static str) -> Kept {
        Kept::of(Encoding::O200k, &Bytes::from_static(sent.as_bytes())).unwrap()
    }

    #[tokio::test]
    async fn what_was_pushed_is_counted_as_one_text() {
        let mut kept = kept(r#"{"prompt":["hello world",7]}"#);
        // Apart they would be two tokens more.
        for piece in [r#""antidis""#, r#""establishment""#, r#""arianism""#] {
            push(&mut kept, piece);
        }
        let counted = kept.count().await.unwrap();
        assert_eq!((counted.input, counted.output), (Some(3), 6));
    }

    #[test]
    fn escapes_are_kept_as_what_they_stand_for() {
        let mut kept = kept("");
        push(&mut kept, r#""a\n\u00e9\ud83d\ude00""#);
        assert_eq!(String::from_utf8_lossy(&kept.text), "a\né😀");
        kept.truncate(1);
        assert_eq!((kept.len(), kept.text.as_slice()), (1, &b"a"[..]));
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_given_up_whole() {
        let mut kept = kept("x");
        let piece = format!("\"{}\"", "a".repeat(LONGEST / 2 + 1));
        push(&mut kept, &piece);
        assert!(kept.is_whole() && kept.taken > LONGEST / 2);
        push(&mut kept, &piece);
        push(&mut kept, "\"more\"");
        assert!(!kept.is_whole() && kept.is_empty());
        assert_eq!(kept.taken, 0, "its room is given back");
        assert_eq!(kept.count().await, None);
    }

    #[tokio::test]
    async fn a_long_request_is_not_kept_and_its_answer_is() {
        let long = Bytes::from(vec![b'a'; LONGEST + 1]);
        let mut kept = Kept::of(Encoding::O200k, &long).unwrap();
        push(&mut kept, "\"hello world\"");
        let counted = kept.count().await.unwrap();
        assert_eq!((counted.input, counted.output), (None, 2));
    }

    #[test]
    fn a_chunk_does_not_allocate() {
        let mut kept = kept("");
        push(&mut kept, "\" hello\"");
        let capacity = kept.text.capacity();
        for _ in 0..capacity / 6 - 1 {
            push(&mut kept, "\" hello\"");
        }
        assert_eq!(kept.text.capacity(), capacity);
    }
}
