//! From a request to its answer: which endpoint, which knobs, which faults. The files beside this one are the endpoints.
//!
//! Shapes are those of <https://platform.openai.com/docs/api-reference>, and for rerank of <https://jina.ai/reranker>.

mod admin;
mod ask;
mod audio;
mod base64;
mod body;
mod chat;
mod choices;
mod chunks;
mod completions;
mod content;
mod embeddings;
mod filler;
mod images;
mod models;
mod moderations;
mod multipart;
mod ready;
mod refusal;
mod rerank;
mod responses;
mod tools;
mod turn;
mod usage;
mod words;

use std::sync::Arc;
use std::time::Duration;

use ask::Ask;
pub use ready::{Ready, head};
pub use refusal::Refusal;

use crate::knobs::{Flag, Knobs, Number};
use crate::mock::Mock;
use crate::play::{self, Event, Reply};
use crate::received::Received;
use crate::records::Tokens;

/// An answer that is ready to be sent whole, or one that has to be played.
pub enum Answer {
    Ready(Arc<Ready>),
    Play(Box<Reply>),
}

/// What an endpoint makes of a request, before faults.
pub enum Composed {
    Whole {
        content_type: &'static str,
        body: Vec<u8>,
        tokens: Tokens,
    },
    Stream {
        events: Box<dyn Iterator<Item = Event> + Send>,
        tokens: Tokens,
    },
}

impl Composed {
    fn json(body: Vec<u8>, tokens: Tokens) -> Self {
        Self::Whole {
            content_type: "application/json",
            body,
            tokens,
        }
    }
}

/// Composes the answer of one endpoint.
type Compose = fn(&Ask<'_>) -> Result<Composed, Refusal>;

/// Path below `/v1/`, whether the model may be left out, and who answers.
const ENDPOINTS: [(&str, bool, Compose); 12] = [
    ("chat/completions", false, chat::compose),
    ("completions", false, completions::compose),
    ("responses", false, responses::compose),
    ("embeddings", false, embeddings::compose),
    ("moderations", true, moderations::compose),
    ("images/generations", true, images::compose),
    ("images/edits", true, images::compose),
    ("images/variations", true, images::compose),
    ("audio/transcriptions", false, audio::transcribe),
    ("audio/translations", false, audio::transcribe),
    ("audio/speech", false, audio::speak),
    ("rerank", false, rerank::compose),
];

/// Answers; `seed` is the hash of the request that ids and words are drawn from.
pub fn answer(mock: &Mock, received: &Received<'_>, seed: u64) -> Answer {
    if let Some(reply) = admin::answer(mock, received) {
        return reply;
    }
    if let Some(refusal) = unauthorized(mock, received) {
        return refusal.into_answer("other", "", seed, &Knobs::default());
    }
    let path = received.path();
    if received.method == "GET" && (path == "/v1/models" || path.starts_with("/v1/models/")) {
        return models::answer(mock, path, seed);
    }
    let Some((name, model_is_optional, compose)) = endpoint(path) else {
        return Refusal::no_such_path(received).into_answer("other", "", seed, &Knobs::default());
    };
    if received.method != "POST" {
        return Refusal::not_allowed(received).into_answer(name, "", seed, &Knobs::default());
    }
    match Ask::read(mock, received, name, model_is_optional, seed) {
        Ok(ask) => serve(mock, &ask, compose),
        Err(refusal) => refusal.into_answer(name, "", seed, &Knobs::default()),
    }
}

fn endpoint(path: &str) -> Option<(&'static str, bool, Compose)> {
    let wanted = path.strip_prefix("/v1/")?;
    ENDPOINTS.into_iter().find(|(name, ..)| *name == wanted)
}

fn unauthorized(mock: &Mock, received: &Received<'_>) -> Option<Refusal> {
    let wanted = mock.options().api_key.as_ref()?;
    let given = received
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    (given != Some(wanted.as_str())).then(Refusal::unauthorized)
}

/// Applies the knobs around the endpoint's own work, in the order in which a provider would fail.
fn serve(mock: &Mock, ask: &Ask<'_>, compose: Compose) -> Answer {
    let knobs = knobs_of_this_call(mock, ask);
    if let Some(answer) = early_fault(ask, &knobs) {
        return answer;
    }
    let ask = Ask {
        knobs: knobs.clone(),
        ..ask.clone()
    };
    match compose(&ask) {
        Ok(composed) => dress(&ask, composed),
        Err(refusal) => refusal.into_answer(ask.endpoint, &ask.model, ask.seed, &knobs),
    }
}

/// `fail_first` counts, and decides whether the faults still hold.
fn knobs_of_this_call(mock: &Mock, ask: &Ask<'_>) -> Knobs {
    let mut knobs = ask.knobs.clone();
    let Some(limit) = knobs.number(Number::FailFirst) else {
        return knobs;
    };
    if mock.count_call(&ask.model) > limit {
        return knobs.healed();
    }
    if !knobs.has_fault_beside_count() {
        knobs.default_to(Number::Status, 503);
    }
    knobs
}

/// Faults that come instead of an answer.
fn early_fault(ask: &Ask<'_>, knobs: &Knobs) -> Option<Answer> {
    if let Some(status) = knobs.number(Number::Status) {
        let refusal = Refusal::asked_for(u16::try_from(status).unwrap_or(500));
        return Some(refusal.into_answer(ask.endpoint, &ask.model, ask.seed, knobs));
    }
    if knobs.has(Flag::Redirect) {
        return Some(ready::redirect(ask));
    }
    knobs.has(Flag::Html).then(|| ready::html(ask, knobs))
}

/// Framing, faults and time.
fn dress(ask: &Ask<'_>, composed: Composed) -> Answer {
    let knobs = &ask.knobs;
    match composed {
        Composed::Whole {
            content_type,
            body,
            tokens,
        } if knobs.is_plain() => {
            let draft = ask.draft(200, false, tokens);
            Answer::Ready(Arc::new(Ready::new(
                200,
                ready::headers(content_type, ask.seed),
                &body,
                draft,
            )))
        }
        Composed::Whole {
            content_type,
            body,
            tokens,
        } => {
            let (framing, script) = play::whole(body, tokens.output, knobs);
            let wait = wait(knobs).map(|wait| wait + thinking_time(knobs, tokens));
            let (headers, draft) = (ready::headers(content_type, ask.seed), ask.draft(200, false, tokens));
            Answer::Play(Box::new(Reply {
                status: 200,
                headers,
                framing,
                script,
                wait,
                draft,
            }))
        }
        Composed::Stream { events, tokens } => {
            let (framing, script) = play::stream(events, knobs);
            let mut headers = ready::headers("text/event-stream; charset=utf-8", ask.seed);
            headers.push(("cache-control", "no-cache".to_owned()));
            let draft = ask.draft(200, true, tokens);
            Answer::Play(Box::new(Reply {
                status: 200,
                headers,
                framing,
                script,
                wait: wait(knobs),
                draft,
            }))
        }
    }
}

/// How long the status line is kept back; None for ever.
fn wait(knobs: &Knobs) -> Option<Duration> {
    let millis = knobs.number(Number::FirstByteMs).unwrap_or(0);
    (!knobs.has(Flag::Hang)).then(|| Duration::from_millis(millis))
}

/// A provider makes the whole answer before it sends a body that is not streamed.
fn thinking_time(knobs: &Knobs, tokens: Tokens) -> Duration {
    match knobs.number(Number::Rate) {
        None | Some(0) => Duration::ZERO,
        Some(rate) => Duration::from_micros(tokens.output.saturating_mul(1_000_000) / rate),
    }
}
