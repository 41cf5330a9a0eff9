//! `/v1/embeddings`: <https://platform.openai.com/docs/api-reference/embeddings>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::body;
use super::usage::Style;
use super::{Composed, Refusal, base64};
use crate::hash::{draw, hash};

const DEFAULT_DIMENSIONS: u64 = 256;
const MOST_DIMENSIONS: u64 = 8_192;

/// One vector for each input, of length 1 and the same for the same input.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let input = ask
        .get("input")
        .ok_or_else(|| Refusal::invalid(Some("input"), "you must provide an `input`"))?;
    let dimensions = ask.number("dimensions").unwrap_or(DEFAULT_DIMENSIONS);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(Refusal::invalid(
            Some("dimensions"),
            format!("`dimensions` must be between 1 and {MOST_DIMENSIONS}"),
        ));
    }
    let inputs = match input {
        // An array of numbers is one input, given as tokens.
        Value::Array(items) if items.first().is_some_and(|item| !item.is_number()) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let as_base64 = ask.text("encoding_format") == Some("base64");
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| json!({"object": "embedding", "index": index, "embedding": coded(&vector(input, dimensions), as_base64)}))
        .collect();
    let tokens = ask.tokens(0);
    let body = json!({"object": "list", "data": data, "model": &*ask.model});
    Ok(Composed::json(
        body::with_usage(ask, &body, Style::InputOnly, tokens),
        tokens,
    ))
}

/// The vector of an input; also what rerank compares.
pub fn vector(input: &Value, dimensions: u64) -> Vec<f32> {
    let seed = hash(input.to_string().as_bytes());
    let mut values: Vec<f32> = (0..dimensions).map(|index| unit(draw(seed, index))).collect();
    let length = values
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    for value in &mut values {
        *value /= length;
    }
    values
}

fn coded(vector: &[f32], as_base64: bool) -> Value {
    if as_base64 {
        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        return base64::encode(&bytes).into();
    }
    json!(vector)
}

/// From -1 to 1.
fn unit(draw: u64) -> f32 {
    let [low, high, ..] = draw.to_le_bytes();
    f32::from(i16::from_le_bytes([low, high])) / 32_768.0
}
