//! Usage blocks of OpenAI's dialect, in the shapes that OpenAI and compatible servers give them.
//!
//! Chat, completions and embeddings: <https://platform.openai.com/docs/api-reference/chat/object> (`prompt_tokens` and
//! `completion_tokens`, of which the details are parts). Responses, images and transcriptions:
//! <https://platform.openai.com/docs/api-reference/responses/object> (`input_tokens` and `output_tokens`, likewise).

use serde::Deserialize;

use super::count::{Count, LARGEST, truncated};
use super::{Flag, Flags, Measured, UsageError, UsageVector};

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
}

/// Reads a usage block, which is a JSON object.
///
/// What the block leaves out is not 0 but derived where the rest allows it, and flagged where not.
pub fn from_openai(block: &[u8]) -> Result<Measured, UsageError> {
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
                Ok(Measured { vector, flags })
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
        Ok(Measured { vector, flags })
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

/// At most `wanted` of what is left, so that the buckets can't sum to more than their total.
fn take(left: &mut u64, wanted: u64, flags: &mut Flags) -> u64 {
    let taken = wanted.min(*left);
    if taken < wanted {
        flags.raise(Flag::Clamped);
    }
    *left -= taken;
    taken
}

fn checked(count: Option<Count>) -> Result<Option<u64>, UsageError> {
    match count {
        None => Ok(None),
        Some(Count::Of(value)) => Ok(Some(value)),
        Some(Count::Negative) => Err(UsageError::Negative),
        Some(Count::TooLarge) => Err(UsageError::TooLarge),
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// A provider's block and what it has to be read as. Buckets that are left out are 0.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Golden {
        #[serde(rename = "source")]
        _source: String,
        block: Value,
        expected: serde_json::Map<String, Value>,
        #[serde(default)]
        flags: String,
        /// What the provider itself calls the total, whatever its name for it.
        total: u64,
    }

    #[test]
    fn golden_blocks_are_read_as_they_were_meant() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/usage");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let golden: Golden = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let measured = from_openai(golden.block.to_string().as_bytes()).unwrap();
            let mut expected = serde_json::to_value(UsageVector::default()).unwrap();
            for (bucket, tokens) in golden.expected {
                assert!(
                    expected.get(&bucket).is_some(),
                    "{}: no bucket {bucket}",
                    path.display()
                );
                expected[bucket] = tokens;
            }
            assert_eq!(
                serde_json::to_value(measured.vector).unwrap(),
                expected,
                "{}",
                path.display()
            );
            assert_eq!(measured.flags.text(), golden.flags, "{}", path.display());
            assert_eq!(measured.vector.tokens(), golden.total, "{}", path.display());
            read += 1;
        }
        assert!(read >= 15, "only {read} golden files");
    }

    fn read(block: &Value) -> Result<Measured, UsageError> {
        from_openai(block.to_string().as_bytes())
    }

    fn flags(block: &Value) -> String {
        read(block).unwrap().flags.text().to_owned()
    }

    #[test]
    fn what_is_absent_is_not_zero() {
        assert_eq!(read(&json!({})), Err(UsageError::Empty));
        assert_eq!(read(&json!({"prompt_tokens": null, "cost": 1})), Err(UsageError::Empty));
        let zero = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
        assert_eq!(read(&zero), Ok(Measured::default()));
        let derived = read(&json!({"completion_tokens": 3, "total_tokens": 10})).unwrap();
        assert_eq!(
            (derived.vector.input, derived.vector.output, derived.flags.text()),
            (7, 3, "missing_input")
        );
        let derived = read(&json!({"prompt_tokens": 3, "total_tokens": 10})).unwrap();
        assert_eq!(
            (derived.vector.input, derived.vector.output, derived.flags.text()),
            (3, 7, "")
        );
        assert_eq!(
            flags(&json!({"prompt_tokens": 3, "completion_tokens": 1})),
            "missing_total"
        );
        assert_eq!(flags(&json!({"total_tokens": 3})), "unsplit");
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let base = |name: &str, value: Value| {
            let mut block = json!({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10});
            block[name] = value;
            read(&block)
        };
        assert_eq!(base("completion_tokens", json!(-5)), Err(UsageError::Negative));
        assert_eq!(
            base("prompt_tokens_details", json!({"cached_tokens": -1})),
            Err(UsageError::Negative)
        );
        assert_eq!(base("prompt_tokens", json!(LARGEST + 1)), Err(UsageError::TooLarge));
        assert_eq!(base("prompt_tokens", json!(1.5)), Err(UsageError::Malformed));
        assert_eq!(base("prompt_tokens", json!("5")), Err(UsageError::Malformed));
        assert_eq!(base("seconds", json!(-1.0)), Err(UsageError::Negative));
        assert_eq!(base("seconds", json!(1e300)), Err(UsageError::TooLarge));
        assert_eq!(from_openai(b"{"), Err(UsageError::Malformed));
        assert_eq!(from_openai(b"null"), Err(UsageError::Malformed));
    }

    #[test]
    fn the_largest_count_is_exact() {
        let block = json!({"prompt_tokens": LARGEST, "completion_tokens": LARGEST, "total_tokens": LARGEST});
        let measured = read(&block).unwrap();
        assert_eq!((measured.vector.input, measured.vector.output), (LARGEST, LARGEST));
        assert_eq!(measured.flags.text(), "contradiction");
    }

    #[test]
    fn a_wrong_total_is_flagged_and_the_parts_count() {
        let details = json!({"reasoning_tokens": 2});
        for total in [9, 1_010] {
            let block = json!({"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": total,
                "completion_tokens_details": details});
            let measured = read(&block).unwrap();
            assert_eq!((measured.vector.tokens(), measured.flags.text()), (10, "contradiction"));
        }
        let block = json!({"input_tokens": 4, "output_tokens": 6, "total_tokens": 1_010});
        assert_eq!(flags(&block), "contradiction");
    }

    #[test]
    fn details_never_exceed_their_total() {
        let block = json!({"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 9}});
        let measured = read(&block).unwrap();
        let expected = UsageVector {
            cache_read: 3,
            input_audio: 1,
            reasoning: 6,
            ..UsageVector::default()
        };
        assert_eq!((measured.vector, measured.flags.text()), (expected, "clamped"));
    }

    fn count() -> impl Strategy<Value = Option<u64>> {
        prop_oneof![Just(None), (0..20_u64).prop_map(Some), Just(Some(LARGEST))]
    }

    proptest! {
        #[test]
        fn buckets_sum_to_the_total(
            (input, output, total) in (count(), count(), count()),
            (cached, written, audio, image) in (count(), count(), count(), count()),
            (reasoning, spoken) in (count(), count()),
        ) {
            let block = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": total,
                "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": audio, "image_tokens": image},
                "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken}});
            let Ok(measured) = read(&block) else {
                prop_assert_eq!((input, output, total), (None, None, None));
                return Ok(());
            };
            let parts = input.zip(output).map(|(input, output)| input + output);
            let expected = match (parts, total) {
                (Some(_), Some(total)) if !measured.flags.has(Flag::Contradiction) => total,
                (Some(parts), _) => parts,
                (None, Some(total)) => total.max(input.or(output).unwrap_or(0)),
                (None, None) => input.or(output).unwrap_or(0),
            };
            prop_assert_eq!(measured.vector.tokens(), expected);
        }

        #[test]
        fn any_bytes_end_in_a_verdict(block in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = from_openai(&block);
        }
    }
}
