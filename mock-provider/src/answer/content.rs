//! The text of an answer, piece by piece; and the counting of the text in a question.

use std::borrow::Cow;

use serde_json::Value;

use super::ask::{Ask, Persona};
use super::{filler, words};
use crate::hash::join;
use crate::knobs::Number;

/// Tokens of the mock where no knob says how many.
const DEFAULT_TOKENS: u64 = 16;
/// What an image in a question counts for.
const IMAGE_TOKENS: u64 = 85;
/// The demo repeats no more than this.
const ECHO_BYTES: usize = 2_000;

/// Text that is made as it is needed, or given.
#[derive(Clone, Debug)]
pub enum Content {
    Words { seed: u64, count: u64 },
    Pieces(Vec<String>),
}

impl Content {
    /// The answer's text and whether it had to be cut at the caller's limit.
    pub fn of(ask: &Ask<'_>, choice: u64) -> (Self, bool) {
        let limit = ["max_completion_tokens", "max_tokens", "max_output_tokens"]
            .iter()
            .find_map(|name| ask.number(name));
        let whole = match ask.persona {
            Persona::Echo => Self::Pieces(pieces_of_text(&echo(ask))),
            Persona::Mock => mock(ask, choice),
        };
        whole.limited(limit)
    }

    /// Pieces in it.
    pub fn len(&self) -> u64 {
        match self {
            Self::Words { count, .. } => *count,
            Self::Pieces(pieces) => pieces.len() as u64,
        }
    }

    /// The `index`-th piece, with the space before it.
    pub fn piece(&self, index: u64) -> Cow<'_, str> {
        match self {
            Self::Words { seed, .. } if index == 0 => Cow::Borrowed(words::word(*seed, 0)),
            Self::Words { seed, .. } => Cow::Owned(format!(" {}", words::word(*seed, index))),
            Self::Pieces(pieces) => {
                let piece = usize::try_from(index).ok().and_then(|index| pieces.get(index));
                Cow::Borrowed(piece.map_or("", String::as_str))
            }
        }
    }

    /// Tokens of the `index`-th piece.
    pub fn tokens_of(&self, index: u64) -> u64 {
        match self {
            Self::Words { .. } => 1,
            Self::Pieces(_) => piece_tokens(&self.piece(index)),
        }
    }

    /// Tokens of all.
    pub fn tokens(&self) -> u64 {
        match self {
            Self::Words { count, .. } => *count,
            Self::Pieces(pieces) => pieces.iter().map(|piece| piece_tokens(piece)).sum(),
        }
    }

    /// All of it.
    pub fn text(&self) -> String {
        (0..self.len()).map(|index| self.piece(index)).collect()
    }

    fn limited(self, limit: Option<u64>) -> (Self, bool) {
        let Some(limit) = limit.filter(|limit| self.tokens() > *limit) else {
            return (self, false);
        };
        let cut = match self {
            Self::Words { seed, .. } => Self::Words { seed, count: limit },
            Self::Pieces(pieces) => {
                let mut left = limit;
                let fitting = pieces.into_iter().map_while(|piece| {
                    left = left.checked_sub(piece_tokens(&piece))?;
                    Some(piece)
                });
                Self::Pieces(fitting.collect())
            }
        };
        (cut, true)
    }
}

/// A piece is billed by itself, so that delivered and produced tokens add up.
fn piece_tokens(piece: &str) -> u64 {
    words::tokens(piece)
}

fn mock(ask: &Ask<'_>, choice: u64) -> Content {
    let seed = join(ask.seed, choice);
    if let Some(bytes) = ask.knobs.number(Number::Oversize).filter(|_| ask.is_set("stream")) {
        return Content::Pieces(vec![words::filler(seed, usize::try_from(bytes).unwrap_or(0))]);
    }
    if let Some(json) = filler::structured_answer(ask) {
        return Content::Pieces(fragments(&json));
    }
    Content::Words {
        seed,
        count: ask.knobs.number(Number::Tokens).unwrap_or(DEFAULT_TOKENS),
    }
}

/// The demo's only sentence.
fn echo(ask: &Ask<'_>) -> String {
    let said = last_user_text(ask);
    let said = said.trim();
    if said.is_empty() {
        return "This is Headworks' built-in demo model; it repeats what you say, and you said nothing.".to_owned();
    }
    let mut end = said.len().min(ECHO_BYTES);
    while !said.is_char_boundary(end) {
        end -= 1;
    }
    let rest = if end < said.len() { " …" } else { "" };
    format!(
        "This is Headworks' built-in demo model; it repeats what you say: {}{rest}",
        &said[..end]
    )
}

/// What the user said last: a chat's last user message, or the prompt or input itself.
pub fn last_user_text(ask: &Ask<'_>) -> String {
    let turns = ask
        .get("messages")
        .or_else(|| ask.get("input"))
        .or_else(|| ask.get("prompt"));
    match turns {
        Some(Value::Array(items)) => {
            let is_user = |item: &&Value| item.get("role").is_some_and(|role| role == "user");
            let last = items.iter().rev().find(is_user).or(items.last());
            last.map(|item| text_in(item.get("content").unwrap_or(item)))
                .unwrap_or_default()
        }
        Some(value) => text_in(value),
        None => String::new(),
    }
}

fn text_in(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(text_in)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        Value::Object(part) => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Tokens of the text in a question: of strings, and of the members of objects that carry text.
pub fn tokens_in(value: &Value) -> u64 {
    match value {
        Value::String(text) => words::tokens(text),
        // Token ids, which embeddings and completions take in place of text.
        Value::Number(_) => 1,
        Value::Array(items) => items.iter().map(tokens_in).sum(),
        Value::Object(item) => {
            let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind.contains("image") {
                return IMAGE_TOKENS;
            }
            [
                "content",
                "text",
                "arguments",
                "output",
                "prompt",
                "tool_calls",
                "function",
            ]
            .iter()
            .filter_map(|name| item.get(*name))
            .map(tokens_in)
            .sum()
        }
        Value::Null | Value::Bool(_) => 0,
    }
}

/// Words, each with the space before it.
fn pieces_of_text(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if character.is_whitespace() && !piece.trim().is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// About four bytes each, at the borders of characters.
pub fn fragments(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if piece.len() + character.len_utf8() > 4 && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text() {
        let text = "  Hello,  wide\nworld… ";
        assert_eq!(pieces_of_text(text).concat(), text);
        assert_eq!(fragments(text).concat(), text);
    }

    #[test]
    fn a_limit_cuts_and_says_so() {
        let (content, cut) = Content::Words { seed: 1, count: 9 }.limited(Some(4));
        assert_eq!((content.tokens(), cut), (4, true));
        let (content, cut) = Content::Pieces(vec!["one".into(), " headworks".into(), " two".into()]).limited(Some(4));
        assert_eq!((content.text().as_str(), cut), ("one headworks", true));
        assert!(!Content::Words { seed: 1, count: 9 }.limited(Some(9)).1);
    }
}
