//! `/v1/completions`, the older form: <https://platform.openai.com/docs/api-reference/completions>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::choices::{deliver, turns};
use super::chunks::{Shape, logprobs_wanted, text_logprobs};
use super::turn::Turn;
use super::{Composed, Refusal};

/// A text completion, streamed or whole; `n` choices for each prompt.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let prompt = ask
        .get("prompt")
        .ok_or_else(|| Refusal::invalid(Some("prompt"), "you must provide a `prompt`"))?;
    let prompts = match prompt {
        Value::Array(items) if items.first().is_some_and(|item| !item.is_number()) => items.len(),
        _ => 1,
    };
    let turns: Vec<Turn> = std::iter::repeat_n(turns(ask)?, prompts).flatten().collect();
    let id = format!("cmpl-{:016x}", ask.seed);
    Ok(deliver(ask, Shape::Text, &id, turns, choice, whole))
}

fn whole(ask: &Ask<'_>, id: &str, choices: &[Value]) -> Value {
    json!({
        "id": id,
        "object": "text_completion",
        "created": ask.created(),
        "model": &*ask.model,
        "choices": choices,
        "system_fingerprint": "fp_mock",
    })
}

fn choice(ask: &Ask<'_>, index: usize, turn: &Turn) -> Value {
    let pieces: Vec<String> = match turn {
        Turn::Text { content, .. } => (0..content.len())
            .map(|index| content.piece(index).into_owned())
            .collect(),
        Turn::Tool(_) => Vec::new(),
    };
    let logprobs = logprobs_wanted(ask).map(|alternatives| text_logprobs(&pieces, alternatives));
    let logprobs: Value = logprobs
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    json!({"text": pieces.concat(), "index": index, "logprobs": logprobs, "finish_reason": turn.finish_reason()})
}
