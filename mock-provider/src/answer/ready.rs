//! Answers that are sent in one write.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Answer;
use super::ask::Ask;
use crate::knobs::Knobs;
use crate::play::{self, Reply};
use crate::records::{Draft, Tokens};

/// A whole answer, headers and all, as HTTP/1.1 sends it.
pub struct Ready {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub wire: Bytes,
    /// Where the body begins.
    pub body_at: usize,
    pub draft: Draft,
}

impl Ready {
    /// Joins head and body.
    pub fn new(status: u16, headers: Vec<(&'static str, String)>, body: &[u8], draft: Draft) -> Self {
        let mut wire = head(status, &headers);
        // Writing to a String does not fail.
        let _ = write!(wire, "content-length: {}\r\n\r\n", body.len());
        let body_at = wire.len();
        let mut wire = wire.into_bytes();
        wire.extend_from_slice(body);
        Self {
            status,
            headers,
            wire: wire.into(),
            body_at,
            draft,
        }
    }

    /// The body alone.
    pub fn body(&self) -> Bytes {
        self.wire.slice(self.body_at..)
    }
}

/// Status line and headers, without the empty line at their end.
pub fn head(status: u16, headers: &[(&'static str, String)]) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Mock");
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head
}

/// What every answer bears. No date: the same request gets the same bytes.
pub fn headers(content_type: &str, seed: u64) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", content_type.to_owned()),
        ("x-request-id", format!("req_{seed:016x}")),
        ("x-ratelimit-limit-requests", "10000".to_owned()),
        ("x-ratelimit-remaining-requests", "9999".to_owned()),
    ]
}

/// A JSON answer outside the endpoints of models.
pub fn document(endpoint: &'static str, status: u16, body: &[u8], seed: u64) -> Answer {
    typed(endpoint, status, "application/json", body, seed)
}

/// An answer of any type outside the endpoints of models.
pub fn typed(endpoint: &'static str, status: u16, content_type: &str, body: &[u8], seed: u64) -> Answer {
    let draft = Draft::refusal(endpoint, "", status);
    Answer::Ready(Arc::new(Ready::new(status, headers(content_type, seed), body, draft)))
}

/// A redirect to a place on this server that counts who comes.
pub fn redirect(ask: &Ask<'_>) -> Answer {
    let mut headers = headers("text/plain", ask.seed);
    headers.push(("location", "/mock/redirected".to_owned()));
    play_whole(ask, 302, headers, Vec::new(), &Knobs::default())
}

/// What a proxy in front of a provider says when something is wrong there.
pub fn html(ask: &Ask<'_>, knobs: &Knobs) -> Answer {
    let body =
        b"<!doctype html>\n<html><head><title>Sorry</title></head><body><h1>We will be back soon</h1></body></html>\n";
    play_whole(
        ask,
        200,
        headers("text/html; charset=utf-8", ask.seed),
        body.to_vec(),
        knobs,
    )
}

fn play_whole(
    ask: &Ask<'_>,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    knobs: &Knobs,
) -> Answer {
    let (framing, script) = play::whole(body, 0, knobs);
    let draft = ask.draft(status, false, Tokens::default());
    Answer::Play(Box::new(Reply {
        status,
        headers,
        framing,
        script,
        wait: Some(Duration::ZERO),
        draft,
    }))
}
