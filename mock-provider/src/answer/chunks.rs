//! Streams of chat and text completions, chunk by chunk:
//! <https://platform.openai.com/docs/api-reference/chat/streaming>.

use std::sync::Arc;

use super::ask::Ask;
use super::turn::{Turn, quoted};
use super::usage::{self, Style};
use crate::knobs::{Flag, Knobs, UsageFault};
use crate::play::{Event, Kind, STAMP_DIGITS, slot};
use crate::records::Tokens;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Chat,
    Text,
}

/// Everything that the chunks of one stream share.
pub struct Chunks {
    shape: Shape,
    /// Up to the choices.
    prefix: String,
    turns: Vec<Turn>,
    tokens: Tokens,
    knobs: Knobs,
    usage_is_wanted: bool,
    /// Alternatives to each token, where log probabilities are wanted.
    logprobs: Option<u64>,
    received: Option<String>,
}

impl Chunks {
    pub fn new(ask: &Ask<'_>, shape: Shape, id: &str, turns: Vec<Turn>, tokens: Tokens) -> Self {
        let object = match shape {
            Shape::Chat => "chat.completion.chunk",
            Shape::Text => "text_completion",
        };
        let created = ask.created();
        let model = quoted(&ask.model);
        Self {
            shape,
            prefix: format!(
                r#"{{"id":"{id}","object":"{object}","created":{created},"model":{model},"system_fingerprint":"fp_mock","choices":["#
            ),
            turns,
            tokens,
            knobs: ask.knobs.clone(),
            usage_is_wanted: ask
                .get("stream_options")
                .and_then(|options| options.get("include_usage"))
                .is_some_and(|value| value == true),
            logprobs: logprobs_wanted(ask),
            received: ask.received_member(),
        }
    }

    /// The whole stream, made as it is needed.
    pub fn into_events(self) -> Box<dyn Iterator<Item = Event> + Send> {
        let chunks = Arc::new(self);
        let length = chunks.turns.iter().map(Turn::len).max().unwrap_or(0);
        let choices = chunks.turns.len();
        let (first, middle, last) = (Arc::clone(&chunks), Arc::clone(&chunks), Arc::clone(&chunks));
        let opening = (0..choices).filter_map(move |choice| first.opening(choice));
        let contents = (0..length).flat_map(move |index| {
            let chunks = Arc::clone(&middle);
            (0..choices).filter_map(move |choice| chunks.content(choice, index))
        });
        let end = slot(length.saturating_sub(1));
        let closing = (0..choices).map(move |choice| last.closing(choice, end));
        let usage = chunks.usage_events(end);
        let done = Event::new(Kind::Terminal, end, "[DONE]");
        Box::new(opening.chain(contents).chain(closing).chain(usage).chain([done]))
    }

    /// Only chat opens with a role.
    fn opening(&self, choice: usize) -> Option<Event> {
        if self.shape == Shape::Text {
            return None;
        }
        let content = if matches!(self.turns.get(choice), Some(Turn::Tool(_))) {
            "null"
        } else {
            "\"\""
        };
        let delta = format!(r#"{{"role":"assistant","content":{content},"refusal":null}}"#);
        let received = self.received.as_ref().filter(|_| choice == 0);
        let extra = received
            .map(|received| format!(r#","x_mock":{received}"#))
            .unwrap_or_default();
        let mut event = Event::new(
            Kind::Open,
            0,
            self.chunk(choice, &delta, "null", "null", self.quiet_usage(), &extra),
        );
        // What was thought before the first word is made, and billed, by now.
        event.tokens = if choice == 0 { self.tokens.reasoning } else { 0 };
        Some(event)
    }

    fn content(&self, choice: usize, index: u64) -> Option<Event> {
        let turn = self.turns.get(choice).filter(|turn| index < turn.len())?;
        let is_stamped = self.knobs.has(Flag::Stamp);
        let extra = if is_stamped {
            format!(r#","x_mock_us":{:01$}"#, 0, STAMP_DIGITS)
        } else {
            String::new()
        };
        let usage = self.running_usage(choice, index);
        let usage = usage.as_deref().map_or_else(|| self.quiet_usage(), Some);
        let data = match self.shape {
            Shape::Chat => self.chunk(
                choice,
                &turn.delta(index),
                &self.chat_logprobs(turn, index),
                "null",
                usage,
                &extra,
            ),
            Shape::Text => self.chunk(
                choice,
                &quoted(&piece(turn, index)),
                &self.text_logprobs(turn, index),
                "null",
                usage,
                &extra,
            ),
        };
        let stamp = is_stamped.then(|| data.len() - 1 - STAMP_DIGITS);
        let is_first = self.shape == Shape::Text && choice == 0 && index == 0;
        let tokens = turn.tokens_of(index) + if is_first { self.tokens.reasoning } else { 0 };
        Some(Event {
            tokens,
            stamp,
            ..Event::new(Kind::Content, slot(index), data)
        })
    }

    fn closing(&self, choice: usize, slot: u32) -> Event {
        let finish = self.turns.get(choice).map_or("stop", Turn::finish_reason);
        let delta = if self.shape == Shape::Chat { "{}" } else { "\"\"" };
        let is_last = choice + 1 == self.turns.len();
        let inline = (self.knobs.usage() == Some(UsageFault::Inline) && is_last)
            .then(|| usage::honest(Style::Chat, self.tokens));
        let usage = inline.as_deref().map_or_else(|| self.quiet_usage(), Some);
        Event::new(
            Kind::Close,
            slot,
            self.chunk(choice, delta, "null", &format!("\"{finish}\""), usage, ""),
        )
    }

    /// The last chunk or chunks, without choices.
    fn usage_events(&self, slot: u32) -> Vec<Event> {
        let is_told_elsewhere = matches!(self.knobs.usage(), Some(UsageFault::Inline));
        if !self.usage_is_wanted || is_told_elsewhere {
            return Vec::new();
        }
        let blocks = usage::blocks(Style::Chat, self.tokens, &self.knobs);
        blocks
            .iter()
            .map(|block| Event::new(Kind::Close, slot, format!(r#"{}],"usage":{block}}}"#, self.prefix)))
            .collect()
    }

    /// Where usage was asked for, the chunks before it bear a null.
    fn quiet_usage(&self) -> Option<&'static str> {
        (self.usage_is_wanted && !self.knobs.has(Flag::NoUsage)).then_some("null")
    }

    fn running_usage(&self, choice: usize, index: u64) -> Option<String> {
        if self.knobs.usage() != Some(UsageFault::Every) {
            return None;
        }
        let said = |turn: &Turn, count: u64| {
            (0..count.min(turn.len()))
                .map(|index| turn.tokens_of(index))
                .sum::<u64>()
        };
        let counts = self
            .turns
            .iter()
            .enumerate()
            .map(|(other, turn)| said(turn, index + u64::from(other <= choice)));
        let output = self.tokens.reasoning + counts.sum::<u64>();
        Some(usage::honest(Style::Chat, Tokens { output, ..self.tokens }))
    }

    fn chat_logprobs(&self, turn: &Turn, index: u64) -> String {
        match (self.logprobs, turn) {
            (Some(alternatives), Turn::Text { content, .. }) => {
                format!(
                    r#"{{"content":[{}],"refusal":null}}"#,
                    token_logprob(&content.piece(index), alternatives)
                )
            }
            _ => "null".to_owned(),
        }
    }

    fn text_logprobs(&self, turn: &Turn, index: u64) -> String {
        let Some(alternatives) = self.logprobs else {
            return "null".to_owned();
        };
        text_logprobs(&[piece(turn, index)], alternatives)
    }

    fn chunk(
        &self,
        choice: usize,
        delta: &str,
        logprobs: &str,
        finish: &str,
        usage: Option<&str>,
        extra: &str,
    ) -> String {
        let prefix = &self.prefix;
        let member = if self.shape == Shape::Chat { "delta" } else { "text" };
        let usage = usage.map(|usage| format!(r#","usage":{usage}"#)).unwrap_or_default();
        format!(
            r#"{prefix}{{"index":{choice},"{member}":{delta},"logprobs":{logprobs},"finish_reason":{finish}}}]{usage}{extra}}}"#
        )
    }
}

/// How many alternatives to each token; None where log probabilities are not wanted. Chat has a switch and a number, text
/// completions only the number.
pub fn logprobs_wanted(ask: &Ask<'_>) -> Option<u64> {
    const MOST: u64 = 20;
    if ask.is_set("logprobs") {
        return Some(ask.number("top_logprobs").unwrap_or(0).min(MOST));
    }
    ask.number("logprobs").map(|alternatives| alternatives.min(MOST))
}

/// A token of a chat answer with its log probability.
pub fn token_logprob(token: &str, alternatives: u64) -> String {
    let one = |logprob: &str| {
        format!(
            r#""token":{},"logprob":{logprob},"bytes":{:?}"#,
            quoted(token),
            token.as_bytes()
        )
    };
    let top: Vec<String> = (0..alternatives)
        .map(|rank| format!("{{{}}}", one(&format!("-{rank}.25"))))
        .collect();
    format!(r#"{{{},"top_logprobs":[{}]}}"#, one("-0.25"), top.join(","))
}

/// The log probabilities of a text completion.
pub fn text_logprobs(tokens: &[String], alternatives: u64) -> String {
    let texts: Vec<String> = tokens.iter().map(|token| quoted(token)).collect();
    let values = vec!["-0.25"; tokens.len()].join(",");
    let top: Vec<String> = texts.iter().map(|text| format!("{{{text}:-0.25}}")).collect();
    let top = if alternatives == 0 {
        "null".to_owned()
    } else {
        format!("[{}]", top.join(","))
    };
    let offsets = tokens.iter().scan(0, |offset, token| {
        let here = *offset;
        *offset += token.len();
        Some(here.to_string())
    });
    let offsets = offsets.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"tokens":[{}],"token_logprobs":[{values}],"top_logprobs":{top},"text_offset":[{offsets}]}}"#,
        texts.join(",")
    )
}

fn piece(turn: &Turn, index: u64) -> String {
    match turn {
        Turn::Text { content, .. } => content.piece(index).into_owned(),
        Turn::Tool(_) => String::new(),
    }
}
