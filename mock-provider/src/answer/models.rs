//! `GET /v1/models` and `/v1/models/{id}`: <https://platform.openai.com/docs/api-reference/models>.

use serde_json::{Value, json};

use super::{Answer, Refusal, ready};
use crate::knobs::Knobs;
use crate::mock::Mock;

const CREATED: u64 = 1_700_000_000;

/// The list, or one of it. Names in a path may be percent-encoded.
pub fn answer(mock: &Mock, path: &str, seed: u64) -> Answer {
    let names = &mock.options().models;
    let Some(wanted) = path.strip_prefix("/v1/models/") else {
        let data: Vec<Value> = names.iter().map(|name| describe(name)).collect();
        return ready::document(
            "models",
            200,
            json!({"object": "list", "data": data}).to_string().as_bytes(),
            seed,
        );
    };
    let wanted = decode(wanted);
    if names.contains(&wanted) {
        return ready::document("models", 200, describe(&wanted).to_string().as_bytes(), seed);
    }
    Refusal::no_such_model(&wanted).into_answer("models", &wanted, seed, &Knobs::default())
}

fn describe(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "mock"})
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        let digits = (*byte == b'%').then(|| rest.as_slice().get(..2)).flatten();
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                bytes.push(value);
                rest.nth(1);
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
