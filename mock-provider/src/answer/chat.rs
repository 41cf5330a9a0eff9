//! `/v1/chat/completions`: <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::choices::{deliver, turns};
use super::chunks::{Shape, logprobs_wanted, token_logprob};
use super::turn::Turn;
use super::{Composed, Refusal};

/// A chat answer, streamed or whole.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    if !ask.get("messages").is_some_and(Value::is_array) {
        return Err(Refusal::invalid(Some("messages"), "`messages` must be an array"));
    }
    let id = format!("chatcmpl-{:016x}", ask.seed);
    Ok(deliver(ask, Shape::Chat, &id, turns(ask)?, choice, whole))
}

fn whole(ask: &Ask<'_>, id: &str, choices: &[Value]) -> Value {
    json!({
        "id": id,
        "object": "chat.completion",
        "created": ask.created(),
        "model": &*ask.model,
        "choices": choices,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    })
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
