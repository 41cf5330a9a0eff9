//! `/v1/moderations`: <https://platform.openai.com/docs/api-reference/moderations>.

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::{Composed, Refusal};

#[rustfmt::skip]
const CATEGORIES: [&str; 13] = [
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
];
/// An input with this word is flagged.
const TRIGGER: &str = "flag-me";

/// One verdict for each input. This endpoint reports no usage.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let input = ask
        .get("input")
        .ok_or_else(|| Refusal::invalid(Some("input"), "you must provide an `input`"))?;
    let inputs = match input {
        Value::Array(items) if items.iter().all(Value::is_string) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let results: Vec<Value> = inputs.iter().map(verdict).collect();
    let body = json!({"id": format!("modr-{:016x}", ask.seed), "model": &*ask.model, "results": results});
    let mut bytes = body.to_string().into_bytes();
    if let Some(received) = ask.received_member() {
        super::usage::add_member(&mut bytes, "x_mock", &received);
    }
    Ok(Composed::json(bytes, ask.tokens(0)))
}

fn verdict(input: &Value) -> Value {
    let is_flagged = input.to_string().contains(TRIGGER);
    let each = |value: fn(bool) -> Value| -> Map<String, Value> {
        CATEGORIES
            .iter()
            .map(|name| ((*name).to_owned(), value(is_flagged && *name == "violence")))
            .collect()
    };
    json!({
        "flagged": is_flagged,
        "categories": each(Value::Bool),
        "category_scores": each(|is_hit| if is_hit { json!(0.99) } else { json!(0.01) }),
        "category_applied_input_types": each(|_| json!(["text"])),
    })
}
