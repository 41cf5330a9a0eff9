//! `/v1/chat/completions`: <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::chunks::{Chunks, Shape, logprobs_wanted, token_logprob};
use super::turn::Turn;
use super::usage::Style;
use super::{Composed, Refusal, body};

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
    Ok(body::sized(ask, &turns, |turns| whole(ask, &id, turns)))
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
    body::with_usage(ask, &body, Style::Chat, tokens)
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
