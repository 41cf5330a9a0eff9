//! Usage blocks of Anthropic's dialect: <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>.
//!
//! `input_tokens` are those after the last cache breakpoint alone; what was read from a cache or written to one comes
//! besides. There is no total. `output_tokens` include thinking, of which there is no count of its own.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::count::{Count, checked};
use super::{Flag, Flags, Measured, UsageError, UsageVector, take};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    input_tokens: Option<Count>,
    output_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_creation: Option<Creation>,
}

/// How long what was written lasts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Creation {
    ephemeral_5m_input_tokens: Option<Count>,
    ephemeral_1h_input_tokens: Option<Count>,
}

/// None where the block is not of this dialect: only its caches tell it from `OpenAI`'s.
pub fn read(block: &[u8]) -> Option<Result<Measured, UsageError>> {
    let block: Block = serde_json::from_slice(block).ok()?;
    let is_ours = block.cache_read_input_tokens.is_some()
        || block.cache_creation_input_tokens.is_some()
        || block.cache_creation.is_some();
    is_ours.then(|| measure(block))
}

/// `later` over `block`. A stream's `message_start` tells the input, and its `message_delta`s, which are cumulative, the
/// output and whatever has changed: <https://docs.anthropic.com/en/api/messages-streaming>.
pub fn updated(block: &[u8], later: &[u8]) -> Vec<u8> {
    let read = |block| serde_json::from_slice::<Map<String, Value>>(block).ok();
    let (Some(mut block), Some(later)) = (read(block), read(later)) else {
        return later.to_vec();
    };
    block.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
    Value::Object(block).to_string().into_bytes()
}

fn measure(block: Block) -> Result<Measured, UsageError> {
    let mut flags = Flags::default();
    let input = checked(block.input_tokens)?;
    if input.is_none() {
        flags.raise(Flag::MissingInput);
    }
    let split = block.cache_creation.unwrap_or_default();
    let (short, long) = (
        checked(split.ephemeral_5m_input_tokens)?,
        checked(split.ephemeral_1h_input_tokens)?,
    );
    let listed = short.unwrap_or(0).saturating_add(long.unwrap_or(0));
    let written = checked(block.cache_creation_input_tokens)?.unwrap_or(listed);
    let mut left = written;
    let cache_write_1h = take(&mut left, long.unwrap_or(0), &mut flags);
    if short.is_some_and(|short| short > left) {
        flags.raise(Flag::Clamped);
    }
    let vector = UsageVector {
        input: input.unwrap_or(0),
        cache_read: checked(block.cache_read_input_tokens)?.unwrap_or(0),
        // The split may be partial: what it does not list lasts as long as it does by default, five minutes.
        cache_write_5m: left,
        cache_write_1h,
        output: checked(block.output_tokens)?.unwrap_or(0),
        ..UsageVector::default()
    };
    Ok(Measured::of(vector, flags))
}
