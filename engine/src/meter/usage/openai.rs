//! Usage blocks of OpenAI's dialect, in the shapes that OpenAI and compatible servers give them.
//!
//! Chat, completions and embeddings: <https://platform.openai.com/docs/api-reference/chat/object> (`prompt_tokens` and
//! `completion_tokens`, of which the details are parts). Responses, images and transcriptions:
//! <https://platform.openai.com/docs/api-reference/responses/object> (`input_tokens` and `output_tokens`, likewise).

use serde::Deserialize;

use super::count::{Count, LARGEST, checked, truncated};
use super::{Flag, Flags, Measured, UsageError, UsageVector, take};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    prompt_tokens: Option<Count>,
    completion_tokens: Option<Count>,
    input_tokens: Option<Count>,
    output_tokens: Option<Count>,
    total_tokens: Option<Count>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    /// Transcriptions spell it so: <https://platform.openai.com/docs/api-reference/audio/json-object>.
    input_token_details: Option<Details>,
    /// `DeepSeek`, beside `prompt_cache_miss_tokens`: <https://api-docs.deepseek.com/guides/kv_cache>.
    prompt_cache_hit_tokens: Option<Count>,
    /// Moonshot: <https://platform.moonshot.ai/docs/api/chat>.
    cached_tokens: Option<Count>,
    /// Mistral's transcriptions, whose `prompt_tokens` are without the audio's:
    /// <https://docs.mistral.ai/api/endpoint/audio/transcriptions>.
    prompt_audio_seconds: Option<Count>,
    /// Of a transcription that is billed by time, with `"type": "duration"`.
    seconds: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
struct Details {
    cached_tokens: Option<Count>,
    /// `OpenRouter`: <https://openrouter.ai/docs/use-cases/usage-accounting>.
    cache_write_tokens: Option<Count>,
    audio_tokens: Option<Count>,
    image_tokens: Option<Count>,
    reasoning_tokens: Option<Count>,
    /// <https://platform.openai.com/docs/guides/predicted-outputs>: "billed at the price of completion tokens".
    rejected_prediction_tokens: Option<Count>,
}

/// Reads a usage block, which is a JSON object.
///
/// What the block leaves out is not 0 but derived where the rest allows it, and flagged where not.
pub fn read(block: &[u8]) -> Result<Measured, UsageError> {
    let block: Block = serde_json::from_slice(block).map_err(|_| UsageError::Malformed)?;
    Numbers::of(block)?.measure()
}

/// A block's numbers, whatever names they came under.
struct Numbers {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: u64,
    cache_write: u64,
    input_audio: u64,
    input_image: u64,
    reasoning: Option<u64>,
    output_audio: u64,
    rejected: u64,
    milliseconds: Option<u64>,
    is_chat: bool,
}

impl Numbers {
    fn of(block: Block) -> Result<Self, UsageError> {
        let input = block
            .prompt_tokens_details
            .or(block.input_tokens_details)
            .or(block.input_token_details);
        let output = block
            .completion_tokens_details
            .or(block.output_tokens_details)
            .unwrap_or_default();
        let input = input.unwrap_or_default();
        let cache_read = input
            .cached_tokens
            .or(block.prompt_cache_hit_tokens)
            .or(block.cached_tokens);
        Ok(Self {
            is_chat: block.completion_tokens.is_some(),
            input: checked(block.prompt_tokens.or(block.input_tokens))?,
            output: checked(block.completion_tokens.or(block.output_tokens))?,
            total: checked(block.total_tokens)?,
            cache_read: checked(cache_read)?.unwrap_or(0),
            cache_write: checked(input.cache_write_tokens)?.unwrap_or(0),
            input_audio: checked(input.audio_tokens)?.unwrap_or(0),
            input_image: checked(input.image_tokens)?.unwrap_or(0),
            reasoning: checked(output.reasoning_tokens)?,
            output_audio: checked(output.audio_tokens)?.unwrap_or(0),
            rejected: checked(output.rejected_prediction_tokens)?.unwrap_or(0),
            milliseconds: milliseconds(block.seconds, checked(block.prompt_audio_seconds)?)?,
        })
    }

    fn measure(self) -> Result<Measured, UsageError> {
        let mut flags = Flags::default();
        let mut vector = UsageVector {
            milliseconds: self.milliseconds.unwrap_or(0),
            ..UsageVector::default()
        };
        let Some((input, output)) = self.totals(&mut flags) else {
            return if self.milliseconds.is_some() {
                Ok(Measured::of(vector, flags))
            } else {
                Err(UsageError::Empty)
            };
        };
        let beyond = self.beyond_parts(input, output, &mut flags);
        let mut left = input + beyond.audio;
        vector.cache_read = take(&mut left, self.cache_read, &mut flags);
        vector.cache_write_5m = take(&mut left, self.cache_write, &mut flags);
        vector.input_audio = take(&mut left, self.input_audio.max(beyond.audio), &mut flags);
        vector.input_image = take(&mut left, self.input_image, &mut flags);
        vector.input = left;
        let mut left = output + beyond.reasoning;
        vector.reasoning = take(&mut left, self.reasoning.unwrap_or(0).max(beyond.reasoning), &mut flags);
        vector.output_audio = take(&mut left, self.output_audio, &mut flags);
        vector.output = left;
        Ok(Measured {
            vector,
            flags,
            rejected: self.rejected.min(left),
            is_open: false,
        })
    }

    /// The tokens that went in and came out; None when the block has no number of tokens at all.
    fn totals(&self, flags: &mut Flags) -> Option<(u64, u64)> {
        match (self.input, self.output, self.total) {
            (None, None, None) => None,
            (Some(input), Some(output), total) => {
                if total.is_none() {
                    flags.raise(Flag::MissingTotal);
                }
                Some((input, output))
            }
            // Embeddings have no output: there the difference is 0.
            (Some(input), None, Some(total)) => Some((input, total.saturating_sub(input))),
            (Some(input), None, None) => {
                flags.raise(Flag::MissingTotal);
                Some((input, 0))
            }
            (None, Some(output), total) => {
                flags.raise(Flag::MissingInput);
                Some((total.map_or(0, |total| total.saturating_sub(output)), output))
            }
            (None, None, Some(total)) => {
                flags.raise(Flag::Unsplit);
                Some((total, 0))
            }
        }
    }

    /// What the total holds beyond the sum of its parts.
    ///
    /// OpenAI's `completion_tokens` includes reasoning. xAI's does not ("reasoning token consumption will be counted
    /// separately from `completion_tokens`, but will be counted in the `total_tokens`":
    /// <https://docs.x.ai/docs/key-information/consumption-and-rate-limits>), and Gemini's compatible endpoint counts
    /// thoughts in the total alone (its own API lists them: <https://ai.google.dev/gemini-api/docs/thinking>). The sum tells.
    fn beyond_parts(&self, input: u64, output: u64, flags: &mut Flags) -> Beyond {
        let Some(surplus) = self.total.map(|total| total.checked_sub(input + output)) else {
            return Beyond::default();
        };
        match surplus {
            Some(0) => Beyond::default(),
            Some(surplus) if self.reasoning == Some(surplus) => Beyond {
                reasoning: surplus,
                audio: 0,
            },
            Some(surplus) if self.milliseconds.is_some() || self.input_audio == surplus => Beyond {
                reasoning: 0,
                audio: surplus,
            },
            Some(surplus) if self.is_chat && self.reasoning.is_none() => {
                flags.raise(Flag::Unlisted);
                Beyond {
                    reasoning: surplus,
                    audio: 0,
                }
            }
            _ => {
                flags.raise(Flag::Contradiction);
                Beyond::default()
            }
        }
    }
}

#[derive(Default)]
struct Beyond {
    reasoning: u64,
    audio: u64,
}

fn milliseconds(seconds: Option<f64>, whole_seconds: Option<u64>) -> Result<Option<u64>, UsageError> {
    match (seconds, whole_seconds) {
        (Some(seconds), _) if seconds < 0.0 => Err(UsageError::Negative),
        (Some(seconds), _) => truncated((seconds * 1_000.0).round())
            .map(Some)
            .ok_or(UsageError::TooLarge),
        (None, Some(seconds)) if seconds > LARGEST / 1_000 => Err(UsageError::TooLarge),
        (None, seconds) => Ok(seconds.map(|seconds| seconds * 1_000)),
    }
}
