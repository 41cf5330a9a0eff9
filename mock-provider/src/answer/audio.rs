//! `/v1/audio/*`: <https://platform.openai.com/docs/api-reference/audio>.

use serde_json::json;

use super::ask::Ask;
use super::content::Content;
use super::turn::quoted;
use super::usage::{self, Style};
use super::{Composed, Refusal};
use crate::hash::draw;
use crate::knobs::{Flag, Number};
use crate::play::{Event, Kind, slot};
use crate::records::Tokens;

/// Bytes of sound for each token of text.
const BYTES_PER_TOKEN: u64 = 512;
/// Bytes of an upload that count as a second, and as a token.
const BYTES_PER_SECOND: u64 = 16_000;
const BYTES_PER_INPUT_TOKEN: u64 = 1_600;

/// A transcription of the `file` of a form: words that depend on its bytes.
pub fn transcribe(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let form = ask
        .form
        .as_ref()
        .ok_or_else(|| Refusal::invalid(None, "the body must be multipart/form-data"))?;
    let file = form
        .file("file")
        .ok_or_else(|| Refusal::invalid(Some("file"), "you must provide a `file`"))?;
    let (content, _) = Content::of(ask, 0);
    let bytes = file.bytes as u64;
    let tokens = Tokens {
        input: bytes.div_ceil(BYTES_PER_INPUT_TOKEN),
        output: content.tokens(),
        ..Tokens::default()
    };
    if ask.is_set("stream") {
        return Ok(Composed::Stream {
            events: Box::new(transcript_events(ask, content, tokens)),
            tokens,
        });
    }
    let text = content.text();
    let plain = |content_type, body: String| Composed::Whole {
        content_type,
        body: body.into_bytes(),
        tokens,
    };
    Ok(match ask.text("response_format").unwrap_or("json") {
        "text" => plain("text/plain; charset=utf-8", format!("{text}\n")),
        "srt" => plain(
            "text/plain; charset=utf-8",
            format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n"),
        ),
        "vtt" => plain(
            "text/vtt; charset=utf-8",
            format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n"),
        ),
        "verbose_json" => {
            let segment = json!({"id": 0, "start": 0.0, "end": 1.0, "text": text});
            let body = json!({"task": "transcribe", "language": "english", "duration": seconds(bytes), "text": text, "segments": [segment]});
            with_usage(ask, &body, bytes, tokens)
        }
        _ => with_usage(ask, &json!({ "text": text }), bytes, tokens),
    })
}

/// Whisper is billed by time, its successors by token.
fn with_usage(ask: &Ask<'_>, body: &serde_json::Value, bytes: u64, tokens: Tokens) -> Composed {
    let mut body = body.to_string().into_bytes();
    if ask.model.contains("whisper") {
        if !ask.knobs.has(Flag::NoUsage) {
            let usage = format!(r#"{{"type":"duration","seconds":{}}}"#, seconds(bytes));
            usage::add_member(&mut body, "usage", &usage);
        }
    } else {
        for block in usage::blocks(Style::InputOutput, tokens, &ask.knobs) {
            usage::add_member(&mut body, "usage", &typed(&block, tokens));
        }
    }
    if let Some(received) = ask.received_member() {
        usage::add_member(&mut body, "x_mock", &received);
    }
    Composed::json(body, tokens)
}

/// Transcription's usage block says what it counts.
fn typed(block: &str, tokens: Tokens) -> String {
    let Some(rest) = block.strip_prefix('{') else {
        return block.to_owned();
    };
    format!(
        r#"{{"type":"tokens","input_token_details":{{"text_tokens":0,"audio_tokens":{}}},{rest}"#,
        tokens.input
    )
}

fn transcript_events(ask: &Ask<'_>, content: Content, tokens: Tokens) -> impl Iterator<Item = Event> + Send + use<> {
    const DELTA: &str = "transcript.text.delta";
    const DONE: &str = "transcript.text.done";
    let blocks = usage::blocks(Style::InputOutput, tokens, &ask.knobs);
    let usage: Vec<String> = blocks
        .iter()
        .map(|block| format!(r#","usage":{}"#, typed(block, tokens)))
        .collect();
    let usage = usage.concat();
    let done = format!(r#"{{"type":"{DONE}","text":{}{usage}}}"#, quoted(&content.text()));
    let end = slot(content.len().saturating_sub(1));
    let deltas = (0..content.len()).map(move |index| {
        let data = format!(r#"{{"type":"{DELTA}","delta":{}}}"#, quoted(&content.piece(index)));
        let tokens = content.tokens_of(index);
        Event {
            name: Some(DELTA),
            tokens,
            ..Event::new(Kind::Content, slot(index), data)
        }
    });
    deltas.chain([Event {
        name: Some(DONE),
        ..Event::new(Kind::Terminal, end, done)
    }])
}

/// Bytes that are no sound, but always the same ones.
pub fn speak(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    if ask.text("input").is_none() {
        return Err(Refusal::invalid(Some("input"), "you must provide an `input`"));
    }
    let content_type = match ask.text("response_format").unwrap_or("mp3") {
        "opus" => "audio/opus",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => "audio/mpeg",
    };
    let tokens = ask.tokens(0);
    let size = ask
        .knobs
        .number(Number::Size)
        .or_else(|| ask.knobs.number(Number::Oversize));
    let size = usize::try_from(size.unwrap_or(tokens.input * BYTES_PER_TOKEN)).unwrap_or(0);
    let words = (0..).flat_map(|index| draw(ask.seed, index).to_le_bytes());
    Ok(Composed::Whole {
        content_type,
        body: words.take(size).collect(),
        tokens,
    })
}

fn seconds(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_SECOND)
}
