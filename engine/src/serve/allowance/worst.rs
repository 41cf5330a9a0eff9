//! The most that a request may use, from what its body says.

use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;

use crate::flow::{Endpoint, Flow};
use crate::limit::{IMAGE_TOKENS, Media, Worst};
use crate::meter::estimate::Encoding;
use crate::serve::intake::{Intake, IntakeBody};

/// A spoken byte of text takes less (<https://platform.openai.com/docs/guides/text-to-speech>: some 15 characters a second).
const SPEECH_MS_PER_BYTE: u64 = 250;
/// Sound is coded with at least a byte for a millisecond (8 kbit/s), and counted with less than a token for ten of them.
const BYTES_PER_SOUND_TOKEN: u64 = 10;
/// Tokens, in a closer bound, for what a provider may put around any input.
const AROUND: u64 = 64;
/// As many images can be edited at once (<https://platform.openai.com/docs/api-reference/images/createEdit>).
const MOST_IMAGES: u64 = 16;

/// `unknown_output` stands for the length of an answer that nothing limits, in tokens.
pub fn of(flow: &Flow, endpoint: Endpoint, intake: &Intake, unknown_output: u64) -> Worst {
    let bytes = intake.declared_bytes;
    match (&intake.body, endpoint) {
        (_, Endpoint::Models | Endpoint::Model) => Worst::default(),
        (IntakeBody::Json { body, scan }, _) => {
            let sent = Sent {
                body,
                answers: scan.n.unwrap_or(1),
            };
            let worst = Worst {
                input: body.len() as u64,
                answers: sent.answers,
                ..Worst::default()
            };
            match endpoint {
                Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Responses => {
                    sent.generation(worst, flow, endpoint, scan.max_tokens, unknown_output)
                }
                Endpoint::ImagesGenerations => Worst {
                    images: sent.answers,
                    output: unknown_output,
                    is_guess: true,
                    ..worst
                },
                Endpoint::AudioSpeech => Worst {
                    milliseconds: worst.input.saturating_mul(SPEECH_MS_PER_BYTE),
                    output: unknown_output,
                    media: Media {
                        output_audio: true,
                        ..Media::default()
                    },
                    is_guess: true,
                    ..worst
                },
                Endpoint::Embeddings | Endpoint::Moderations | Endpoint::Rerank => worst,
                _ => guess(worst.input, unknown_output),
            }
        }
        (_, Endpoint::AudioTranscriptions | Endpoint::AudioTranslations) => Worst {
            milliseconds: bytes,
            media: Media {
                input_audio: true,
                ..Media::default()
            },
            ..guess(bytes / BYTES_PER_SOUND_TOKEN, unknown_output)
        },
        (_, Endpoint::ImagesEdits | Endpoint::ImagesVariations) => Worst {
            images: MOST_IMAGES,
            media: Media {
                input_image: true,
                ..Media::default()
            },
            ..guess(MOST_IMAGES * IMAGE_TOKENS, unknown_output)
        },
        (IntakeBody::Empty, _) => Worst::default(),
        _ => guess(bytes, unknown_output),
    }
}

/// The most tokens of input, where the tokenizers of all models that may be asked are known: those of the body as it is
/// written, with an eighth more and [`AROUND`]. Field names and escapes are more than what parts messages is counted as;
/// the margin is for what providers tell nobody, such as how they show tools to a model.
pub async fn closer_input(flow: &Flow, intake: &Intake, worst: &Worst) -> Option<u64> {
    let IntakeBody::Json { body, .. } = &intake.body else {
        return None;
    };
    if worst.media.input_audio {
        return None;
    }
    let mut encodings: Vec<Encoding> = Vec::new();
    for target in &flow.targets {
        let encoding = Encoding::of_model(target.upstream_model.as_deref().unwrap_or(&flow.model))?;
        if !encodings.contains(&encoding) {
            encodings.push(encoding);
        }
    }
    let mut most = 0;
    for encoding in encodings {
        let text = String::from_utf8(body.to_vec()).ok()?;
        let [tokens] = encoding.count_beside([vec![text]]).await?;
        most = most.max(tokens);
    }
    let images = worst.input.saturating_sub(body.len() as u64);
    Some(most + most.div_ceil(8) + AROUND + images)
}

/// The field that limits the length of an answer where the caller sent none.
pub fn limit_field(endpoint: Endpoint) -> &'static str {
    match endpoint {
        // `max_tokens` is refused by OpenAI's reasoning models: <https://platform.openai.com/docs/api-reference/chat/create>.
        Endpoint::ChatCompletions => "max_completion_tokens",
        Endpoint::Responses => "max_output_tokens",
        _ => "max_tokens",
    }
}

fn guess(input: u64, output: u64) -> Worst {
    Worst {
        input,
        output,
        answers: 1,
        is_guess: true,
        ..Worst::default()
    }
}

struct Sent<'a> {
    body: &'a [u8],
    answers: u64,
}

impl Sent<'_> {
    fn generation(&self, worst: Worst, flow: &Flow, endpoint: Endpoint, asked: Option<u64>, unknown: u64) -> Worst {
        let caps = flow.targets.iter().map(|target| target.max_output_tokens);
        let cap = caps.reduce(|one, other| Some(one?.max(other?))).flatten();
        let images = self.count(b"\"image_url\"") + self.count(b"\"input_image\"");
        let answers = if endpoint == Endpoint::Completions {
            self.legacy_answers()
        } else {
            self.answers
        };
        Worst {
            input: worst.input.saturating_add(images.saturating_mul(IMAGE_TOKENS)),
            output: match (asked, cap) {
                (Some(asked), Some(cap)) => asked.min(cap),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => unknown,
            },
            answers,
            media: Media {
                input_audio: self.count(b"\"input_audio\"") > 0,
                input_image: images > 0,
                output_audio: self.count(b"\"audio\"") > 0,
            },
            is_guess: asked.is_none() && cap.is_none(),
            can_be_clipped: true,
            ..worst
        }
    }

    fn count(&self, text: &[u8]) -> u64 {
        memmem::find_iter(self.body, text).count() as u64
    }

    /// Completions answer each of several prompts, and may write more answers than they send.
    fn legacy_answers(&self) -> u64 {
        #[derive(Deserialize)]
        struct Legacy {
            #[serde(default)]
            prompt: Value,
            best_of: Option<u64>,
        }
        let Ok(legacy) = serde_json::from_slice::<Legacy>(self.body) else {
            return self.answers;
        };
        let prompts = match &legacy.prompt {
            Value::Array(prompts) if !prompts.iter().all(Value::is_number) => prompts.len() as u64,
            _ => 1,
        };
        prompts.saturating_mul(self.answers.max(legacy.best_of.unwrap_or(1)))
    }
}
