//! Gemini's `usageMetadata`: <https://ai.google.dev/api/generate-content#UsageMetadata>.
//!
//! The prompt includes what came from a cache; thoughts and what tools put into the prompt come besides, and are in the
//! total. The modalities of the prompt, of its cached part and of the answer are listed apart.

use serde::Deserialize;

use super::count::{Count, checked};
use super::{Flag, Flags, Measured, UsageError, UsageVector, take};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Block {
    prompt_token_count: Option<Count>,
    cached_content_token_count: Option<Count>,
    candidates_token_count: Option<Count>,
    thoughts_token_count: Option<Count>,
    tool_use_prompt_token_count: Option<Count>,
    total_token_count: Option<Count>,
    prompt_tokens_details: Vec<Modality>,
    cache_tokens_details: Vec<Modality>,
    candidates_tokens_details: Vec<Modality>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    modality: String,
    #[serde(default)]
    token_count: Option<Count>,
}

/// None where the block is not of this dialect.
pub fn read(block: &[u8]) -> Option<Result<Measured, UsageError>> {
    let block: Block = serde_json::from_slice(block).ok()?;
    let is_ours = block.prompt_token_count.is_some()
        || block.candidates_token_count.is_some()
        || block.total_token_count.is_some();
    is_ours.then(|| measure(&block))
}

fn measure(block: &Block) -> Result<Measured, UsageError> {
    let mut flags = Flags::default();
    let total = checked(block.total_token_count)?;
    let thoughts = checked(block.thoughts_token_count)?.unwrap_or(0);
    let from_tools = checked(block.tool_use_prompt_token_count)?.unwrap_or(0);
    let output = checked(block.candidates_token_count)?;
    let prompt = checked(block.prompt_token_count)?;
    if prompt.is_none() {
        flags.raise(Flag::MissingInput);
    }
    let prompt = prompt.unwrap_or(0);
    let beside = prompt + from_tools + thoughts;
    let output = match (output, total) {
        (Some(output), _) => output,
        // An answer of which nothing came leaves its count out: <https://ai.google.dev/gemini-api/docs/tokens>.
        (None, Some(total)) => total.saturating_sub(beside),
        (None, None) => 0,
    };
    match total {
        None => flags.raise(Flag::MissingTotal),
        Some(total) if total != beside + output => flags.raise(Flag::Contradiction),
        Some(_) => {}
    }
    let cached = &block.cache_tokens_details;
    let [sound, image] = ["AUDIO", "IMAGE"].map(|name| (of(&block.prompt_tokens_details, name), of(cached, name)));
    let mut left = prompt;
    let cache_read = take(
        &mut left,
        checked(block.cached_content_token_count)?.unwrap_or(0),
        &mut flags,
    );
    let input_audio = take(&mut left, sound.0?.saturating_sub(sound.1?), &mut flags);
    let input_image = take(&mut left, image.0?.saturating_sub(image.1?), &mut flags);
    let mut spoken = output;
    let output_audio = take(&mut spoken, of(&block.candidates_tokens_details, "AUDIO")?, &mut flags);
    let vector = UsageVector {
        input: left + from_tools,
        cache_read,
        input_audio,
        input_image,
        output: spoken,
        reasoning: thoughts,
        output_audio,
        ..UsageVector::default()
    };
    Ok(Measured::of(vector, flags))
}

fn of(details: &[Modality], name: &str) -> Result<u64, UsageError> {
    let mut sum = 0_u64;
    for detail in details.iter().filter(|detail| detail.modality == name) {
        sum = sum.saturating_add(checked(detail.token_count)?.unwrap_or(0));
    }
    Ok(sum)
}
