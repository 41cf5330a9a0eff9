//! The counts in an answer of Ollama's own API: <https://github.com/ollama/ollama/blob/main/docs/api.md>.
//!
//! They lie beside the answer, not in a block of their own, and there is no total. A prompt that was wholly in the cache
//! has no count.

use serde::Deserialize;

use super::count::{Count, checked};
use super::{Flag, Flags, Measured, UsageError, UsageVector};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    prompt_eval_count: Option<Count>,
    eval_count: Option<Count>,
}

/// None where the block is not of this dialect.
pub fn read(block: &[u8]) -> Option<Result<Measured, UsageError>> {
    let block: Block = serde_json::from_slice(block).ok()?;
    let is_ours = block.prompt_eval_count.is_some() || block.eval_count.is_some();
    is_ours.then(|| measure(&block))
}

fn measure(block: &Block) -> Result<Measured, UsageError> {
    let mut flags = Flags::default();
    let input = checked(block.prompt_eval_count)?;
    if input.is_none() {
        flags.raise(Flag::MissingInput);
    }
    let vector = UsageVector {
        input: input.unwrap_or(0),
        output: checked(block.eval_count)?.unwrap_or(0),
        ..UsageVector::default()
    };
    Ok(Measured::of(vector, flags))
}
