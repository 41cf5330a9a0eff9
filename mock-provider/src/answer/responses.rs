//! `/v1/responses` and its events: <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::body;
use super::turn::{Turn, quoted};
use super::usage::{self, Style};
use super::{Composed, Refusal};
use crate::knobs::Flag;
use crate::play::{Event, Kind, STAMP_DIGITS, slot};
use crate::records::Tokens;

/// A response, streamed or whole.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    if ask.get("input").is_none() {
        return Err(Refusal::invalid(Some("input"), "you must provide an `input`"));
    }
    let turn = Turn::of(ask, 0);
    if ask.is_set("stream") {
        let tokens = ask.tokens(turn.tokens());
        return Ok(Composed::Stream {
            events: Box::new(events(ask, turn, tokens)),
            tokens,
        });
    }
    Ok(body::sized(ask, &[turn], |turns| {
        turns.first().map(|turn| whole(ask, turn)).unwrap_or_default()
    }))
}

fn whole(ask: &Ask<'_>, turn: &Turn) -> Vec<u8> {
    let mut body = response(ask, status(turn), &[item(ask, turn, true)]);
    if let Value::Object(members) = &mut body {
        members.remove("usage");
    }
    body::with_usage(ask, &body, Style::Responses, ask.tokens(turn.tokens()))
}

/// The response object; its usage is added at the end of it.
fn response(ask: &Ask<'_>, status: &str, output: &[Value]) -> Value {
    let details = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
    json!({
        "id": format!("resp_{:016x}", ask.seed),
        "object": "response",
        "created_at": ask.created(),
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": details,
        "instructions": ask.get("instructions"),
        "max_output_tokens": ask.get("max_output_tokens"),
        "model": &*ask.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": ask.get("previous_response_id"),
        "reasoning": {"effort": null, "summary": null},
        "store": false,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": ask.get("tool_choice").cloned().unwrap_or_else(|| "auto".into()),
        "tools": ask.get("tools").cloned().unwrap_or_else(|| json!([])),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": ask.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}

fn status(turn: &Turn) -> &'static str {
    if turn.finish_reason() == "length" {
        "incomplete"
    } else {
        "completed"
    }
}

/// The output item, empty at its beginning and full at its end.
fn item(ask: &Ask<'_>, turn: &Turn, is_done: bool) -> Value {
    let status = if is_done { status(turn) } else { "in_progress" };
    match turn {
        Turn::Text { content, .. } => {
            let parts = if is_done {
                vec![part(&content.text())]
            } else {
                Vec::new()
            };
            json!({"id": item_id(ask, turn), "type": "message", "status": status, "role": "assistant", "content": parts})
        }
        Turn::Tool(call) => {
            let arguments = if is_done {
                call.fragments.concat()
            } else {
                String::new()
            };
            json!({"id": item_id(ask, turn), "type": "function_call", "status": status, "call_id": call.id, "name": call.name, "arguments": arguments})
        }
    }
}

fn item_id(ask: &Ask<'_>, turn: &Turn) -> String {
    let kind = if matches!(turn, Turn::Tool(_)) { "fc" } else { "msg" };
    format!("{kind}_{:016x}", ask.seed)
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// All events, numbered from 0.
fn events(ask: &Ask<'_>, turn: Turn, tokens: Tokens) -> impl Iterator<Item = Event> + Send + use<> {
    let length = turn.len();
    let end = slot(length.saturating_sub(1));
    let opening = opening(ask, &turn, tokens);
    let closing = closing(ask, &turn, tokens, end);
    let first_delta = opening.len() as u64;
    let item_id = item_id(ask, &turn);
    let is_stamped = ask.knobs.has(Flag::Stamp);
    let deltas = (0..length).map(move |index| delta(&turn, &item_id, index, first_delta + index, is_stamped));
    let first_closing = first_delta + length;
    let closing = closing
        .into_iter()
        .zip(first_closing..)
        .map(|(make, number)| make.numbered(number));
    opening
        .into_iter()
        .zip(0..)
        .map(|(make, number)| make.numbered(number))
        .chain(deltas)
        .chain(closing)
}

/// An event that still wants its number.
struct Unnumbered {
    event: Event,
    body: String,
}

impl Unnumbered {
    /// `body` is a JSON object without `type` and `sequence_number`.
    fn new(name: &'static str, kind: Kind, slot: u32, body: String) -> Self {
        Self {
            event: Event {
                name: Some(name),
                ..Event::new(kind, slot, Vec::new())
            },
            body,
        }
    }

    fn numbered(mut self, number: u64) -> Event {
        let name = self.event.name.unwrap_or_default();
        let rest = self.body.strip_prefix('{').unwrap_or_default();
        self.event.data = format!(r#"{{"type":"{name}","sequence_number":{number},{rest}"#).into_bytes();
        self.event
    }
}

fn opening(ask: &Ask<'_>, turn: &Turn, tokens: Tokens) -> Vec<Unnumbered> {
    let begun = response(ask, "in_progress", &[]).to_string();
    let received = ask
        .received_member()
        .map(|received| format!(r#","x_mock":{received}"#))
        .unwrap_or_default();
    let added = json!({"output_index": 0, "item": item(ask, turn, false)}).to_string();
    let mut events = vec![
        Unnumbered::new(
            "response.created",
            Kind::Open,
            0,
            format!(r#"{{"response":{begun}{received}}}"#),
        ),
        Unnumbered::new(
            "response.in_progress",
            Kind::Open,
            0,
            format!(r#"{{"response":{begun}}}"#),
        ),
        Unnumbered::new("response.output_item.added", Kind::Open, 0, added),
    ];
    if matches!(turn, Turn::Text { .. }) {
        let body = json!({"item_id": item_id(ask, turn), "output_index": 0, "content_index": 0, "part": part("")});
        events.push(Unnumbered::new(
            "response.content_part.added",
            Kind::Open,
            0,
            body.to_string(),
        ));
    }
    if let Some(first) = events.first_mut() {
        // Reasoning and the name of a tool are made before the first delta.
        first.event.tokens = tokens.reasoning;
    }
    events
}

fn delta(turn: &Turn, item_id: &str, index: u64, number: u64, is_stamped: bool) -> Event {
    let extra = if is_stamped {
        format!(r#","x_mock_us":{:01$}"#, 0, STAMP_DIGITS)
    } else {
        String::new()
    };
    let (name, body) = match turn {
        Turn::Text { content, .. } => (
            "response.output_text.delta",
            format!(
                r#""content_index":0,"delta":{},"logprobs":[]"#,
                quoted(&content.piece(index))
            ),
        ),
        Turn::Tool(call) => {
            // The first token of a call is the name's, which `output_item.added` has told already.
            let fragment = index
                .checked_sub(1)
                .and_then(|index| usize::try_from(index).ok())
                .and_then(|index| call.fragments.get(index));
            (
                "response.function_call_arguments.delta",
                format!(r#""delta":{}"#, quoted(fragment.map_or("", String::as_str))),
            )
        }
    };
    let data = format!(
        r#"{{"type":"{name}","sequence_number":{number},"item_id":"{item_id}","output_index":0,{body}{extra}}}"#
    );
    let stamp = is_stamped.then(|| data.len() - 1 - STAMP_DIGITS);
    Event {
        name: Some(name),
        tokens: turn.tokens_of(index),
        stamp,
        ..Event::new(Kind::Content, slot(index), data)
    }
}

fn closing(ask: &Ask<'_>, turn: &Turn, tokens: Tokens, slot: u32) -> Vec<Unnumbered> {
    let id = item_id(ask, turn);
    let mut events = Vec::new();
    match turn {
        Turn::Text { content, .. } => {
            let text = content.text();
            let done = json!({"item_id": id, "output_index": 0, "content_index": 0, "text": text, "logprobs": []});
            let part = json!({"item_id": id, "output_index": 0, "content_index": 0, "part": part(&text)});
            events.push(Unnumbered::new(
                "response.output_text.done",
                Kind::Close,
                slot,
                done.to_string(),
            ));
            events.push(Unnumbered::new(
                "response.content_part.done",
                Kind::Close,
                slot,
                part.to_string(),
            ));
        }
        Turn::Tool(call) => {
            let done =
                json!({"item_id": id, "output_index": 0, "name": call.name, "arguments": call.fragments.concat()});
            events.push(Unnumbered::new(
                "response.function_call_arguments.done",
                Kind::Close,
                slot,
                done.to_string(),
            ));
        }
    }
    let item = item(ask, turn, true);
    let done = json!({"output_index": 0, "item": item}).to_string();
    events.push(Unnumbered::new("response.output_item.done", Kind::Close, slot, done));
    let terminal = if status(turn) == "incomplete" {
        "response.incomplete"
    } else {
        "response.completed"
    };
    let mut whole = response(ask, status(turn), &[item]);
    if let Value::Object(members) = &mut whole {
        members.remove("usage");
    }
    let mut body = whole.to_string().into_bytes();
    for block in usage::blocks(Style::Responses, tokens, &ask.knobs) {
        usage::add_member(&mut body, "usage", &block);
    }
    let body = format!(r#"{{"response":{}}}"#, String::from_utf8_lossy(&body));
    events.push(Unnumbered::new(terminal, Kind::Terminal, slot, body));
    events
}
