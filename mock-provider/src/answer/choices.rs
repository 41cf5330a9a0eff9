//! What both completions endpoints share: `n` choices, streamed or whole.

use serde_json::Value;

use super::ask::Ask;
use super::chunks::{Chunks, Shape};
use super::turn::Turn;
use super::usage::Style;
use super::{Composed, Refusal, body};

/// Choices that a request may ask for.
const MOST_CHOICES: u64 = 128;

/// The turns that `n` asks for.
pub fn turns(ask: &Ask<'_>) -> Result<Vec<Turn>, Refusal> {
    let count = ask.number("n").unwrap_or(1);
    if !(1..=MOST_CHOICES).contains(&count) {
        return Err(Refusal::invalid(
            Some("n"),
            format!("`n` must be between 1 and {MOST_CHOICES}"),
        ));
    }
    Ok((0..count).map(|choice| Turn::of(ask, choice)).collect())
}

/// The answer made of `turns`. `whole` gives an unstreamed one around its choices, without usage.
pub fn deliver(
    ask: &Ask<'_>,
    shape: Shape,
    id: &str,
    turns: Vec<Turn>,
    choice: fn(&Ask<'_>, usize, &Turn) -> Value,
    whole: fn(&Ask<'_>, &str, &[Value]) -> Value,
) -> Composed {
    let total = |turns: &[Turn]| ask.tokens(turns.iter().map(Turn::tokens).sum());
    if ask.is_set("stream") {
        let tokens = total(&turns);
        return Composed::Stream {
            events: Chunks::new(ask, shape, id, turns, tokens).into_events(),
            tokens,
        };
    }
    body::sized(ask, &turns, |turns| {
        let choices: Vec<Value> = turns
            .iter()
            .enumerate()
            .map(|(at, turn)| choice(ask, at, turn))
            .collect();
        body::with_usage(ask, &whole(ask, id, &choices), Style::Chat, total(turns))
    })
}
