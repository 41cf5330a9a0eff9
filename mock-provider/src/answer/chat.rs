//! `/v1/chat/completions`: <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::chunks::{Chunks, Shape, logprobs_wanted, token_logprob};
use super::content::Content;
use super::turn::Turn;
use super::usage::{self, Style};
use super::{Composed, Refusal, words};
use crate::knobs::Number;

/// Room for the digits of the counts, which grow with the text; what is left of it becomes white space.
const ROOM: usize = 24;
/// Choices that a request may ask for.
const MOST_CHOICES: u64 = 128;

/// A chat answer, streamed or whole.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    if !ask.get("messages").is_some_and(Value::is_array) {
        return Err(Refusal::invalid(Some("messages"), "`messages` must be an array"));
    }
    let turns = turns(ask)?;
    let tokens = ask.tokens(turns.iter().map(Turn::tokens).sum());
    let id = format!("chatcmpl-{:016x}", ask.seed);
    if ask.is_set("stream") {
        return Ok(Composed::Stream {
            events: Chunks::new(ask, Shape::Chat, &id, turns, tokens).into_events(),
            tokens,
        });
    }
    Ok(sized(ask, &turns, |turns| whole(ask, &id, turns)))
}

/// The choices that `n` asks for.
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

fn whole(ask: &Ask<'_>, id: &str, turns: &[Turn]) -> Vec<u8> {
    let tokens = ask.tokens(turns.iter().map(Turn::tokens).sum());
    let choices: Vec<Value> = turns
        .iter()
        .enumerate()
        .map(|(index, turn)| choice(ask, index, turn))
        .collect();
    let body = json!({
        "id": id,
        "object": "chat.completion",
        "created": ask.created(),
        "model": &*ask.model,
        "choices": choices,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    });
    finish(ask, &body, Style::Chat, tokens)
}

/// The body's bytes with its usage, and what `echo` shows.
pub fn finish(ask: &Ask<'_>, body: &Value, style: Style, tokens: crate::records::Tokens) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    for block in usage::blocks(style, tokens, &ask.knobs) {
        usage::add_member(&mut bytes, "usage", &block);
    }
    if let Some(received) = ask.received_member() {
        usage::add_member(&mut bytes, "x_mock", &received);
    }
    bytes
}

fn choice(ask: &Ask<'_>, index: usize, turn: &Turn) -> Value {
    let logprobs = match (logprobs_wanted(ask), turn) {
        (Some(alternatives), Turn::Text { content, .. }) => {
            let tokens: Vec<String> = (0..content.len())
                .map(|index| token_logprob(&content.piece(index), alternatives))
                .collect();
            serde_json::from_str(&format!(r#"{{"content":[{}],"refusal":null}}"#, tokens.join(","))).unwrap_or_default()
        }
        _ => Value::Null,
    };
    json!({"index": index, "message": turn.message(), "logprobs": logprobs, "finish_reason": turn.finish_reason()})
}
