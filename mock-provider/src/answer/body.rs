//! Whole bodies: the usage block, what `echo` shows, and the size that the knobs ask for.

use serde_json::Value;

use super::ask::Ask;
use super::content::Content;
use super::turn::Turn;
use super::usage::{self, Style};
use super::{Composed, words};
use crate::knobs::Number;
use crate::records::Tokens;

/// Room for the digits of the counts, which grow with the text; what is left of it becomes white space.
const ROOM: usize = 24;

/// Makes the body, and where the knobs ask for a size, makes it once more with text that fills it.
pub fn sized(ask: &Ask<'_>, turns: &[Turn], make: impl Fn(&[Turn]) -> Vec<u8>) -> Composed {
    let wanted = ask
        .knobs
        .number(Number::Size)
        .or_else(|| ask.knobs.number(Number::Oversize));
    let Some(wanted) = wanted.and_then(|bytes| usize::try_from(bytes).ok()) else {
        let tokens = ask.tokens(turns.iter().map(Turn::tokens).sum());
        return Composed::json(make(turns), tokens);
    };
    let filled = |bytes| {
        let content = Content::Pieces(vec![words::filler(ask.seed, bytes)]);
        vec![Turn::Text {
            content,
            finish: "stop",
        }]
    };
    let around = make(&filled(0)).len();
    let turns = filled(wanted.saturating_sub(around + ROOM));
    let tokens = ask.tokens(turns.iter().map(Turn::tokens).sum());
    let mut body = make(&turns);
    body.resize(body.len().max(wanted), b' ');
    Composed::json(body, tokens)
}

/// The body's bytes with its usage, and what `echo` shows.
pub fn with_usage(ask: &Ask<'_>, body: &Value, style: Style, tokens: Tokens) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    for block in usage::blocks(style, tokens, &ask.knobs) {
        usage::add_member(&mut bytes, "usage", &block);
    }
    if let Some(received) = ask.received_member() {
        usage::add_member(&mut bytes, "x_mock", &received);
    }
    bytes
}
