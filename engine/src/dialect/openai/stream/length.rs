//! The end of a stream that we end: as an answer that was cut by a limit on its length, with the reason in a field of ours.
//!
//! Clients know this end (<https://platform.openai.com/docs/api-reference/chat-streaming>, `finish_reason`;
//! <https://platform.openai.com/docs/api-reference/responses-streaming/response/incomplete>) and keep what has come.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::StreamKind;
use crate::meter::usage::UsageVector;
use crate::stream::sse;

/// `first` is the data of the stream's first event, in whose name the end is written.
pub fn end(kind: StreamKind, first: &[u8], reason: &str, usage: Option<&UsageVector>, number: u64) -> Option<Bytes> {
    let first: Map<String, Value> = serde_json::from_slice(first).ok()?;
    match kind {
        StreamKind::Chat | StreamKind::Completions => Some(chunks(&first, kind, reason, usage)),
        StreamKind::Responses => incomplete(&first, reason, usage, number),
        StreamKind::Other => None,
    }
}

fn chunks(first: &Map<String, Value>, kind: StreamKind, reason: &str, usage: Option<&UsageVector>) -> Bytes {
    let named = ["id", "object", "created", "model", "system_fingerprint"];
    let common: Map<String, Value> = named
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), first.get(*name)?.clone())))
        .collect();
    let mut last = common.clone();
    let choice = match kind {
        StreamKind::Completions => json!({"index": 0, "text": "", "logprobs": null, "finish_reason": "length"}),
        _ => json!({"index": 0, "delta": {}, "logprobs": null, "finish_reason": "length"}),
    };
    last.insert("choices".into(), json!([choice]));
    last.insert("headworks".into(), json!({"stop_reason": reason}));
    let mut out = sse::event(None, Value::Object(last).to_string().as_bytes()).to_vec();
    if let Some(usage) = usage {
        let mut told = common;
        told.insert("choices".into(), json!([]));
        told.insert("usage".into(), in_chat(usage));
        out.extend_from_slice(&sse::event(None, Value::Object(told).to_string().as_bytes()));
    }
    out.extend_from_slice(&sse::event(None, b"[DONE]"));
    out.into()
}

fn incomplete(first: &Map<String, Value>, reason: &str, usage: Option<&UsageVector>, number: u64) -> Option<Bytes> {
    let Value::Object(mut response) = first.get("response")?.clone() else {
        return None;
    };
    response.insert("status".into(), json!("incomplete"));
    response.insert("incomplete_details".into(), json!({"reason": "max_output_tokens"}));
    response.insert("headworks".into(), json!({"stop_reason": reason}));
    if let Some(usage) = usage {
        let (input, output) = sums(usage);
        let told =
            json!({"input_tokens": input, "output_tokens": output, "total_tokens": input.saturating_add(output)});
        response.insert("usage".into(), told);
    }
    let event = json!({"type": "response.incomplete", "sequence_number": number, "response": response});
    Some(sse::event(Some("response.incomplete"), event.to_string().as_bytes()))
}

fn in_chat(usage: &UsageVector) -> Value {
    let (input, output) = sums(usage);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output)})
}

fn sums(usage: &UsageVector) -> (u64, u64) {
    let output = usage
        .output
        .saturating_add(usage.reasoning)
        .saturating_add(usage.output_audio);
    (usage.tokens().saturating_sub(output), output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::stream::{End, Out, StreamScanner};

    const USAGE: UsageVector = UsageVector {
        input: 5,
        cache_read: 0,
        cache_write_5m: 0,
        cache_write_1h: 0,
        input_audio: 0,
        input_image: 0,
        output: 3,
        reasoning: 1,
        output_audio: 0,
        images: 0,
        milliseconds: 0,
    };

    fn fed(kind: StreamKind, event: &str) -> StreamScanner {
        let mut scanner = StreamScanner::new(kind, false).that_may_be_cut();
        scanner
            .feed(Bytes::from(event.to_owned()), &mut Out::default())
            .unwrap();
        scanner
    }

    /// A reader of the stream takes what we append for its end.
    fn is_an_end(mut scanner: StreamScanner, end: Bytes) -> bool {
        scanner.feed(end, &mut Out::default()).unwrap();
        scanner.finish() == End::Complete && scanner.upstream_error().is_none()
    }

    #[test]
    fn a_chat_ends_as_by_its_length() {
        let first = "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
        let scanner = fed(StreamKind::Chat, first);
        let end = scanner.length_end("budget_exceeded", Some(&USAGE)).unwrap();
        let text = String::from_utf8(end.to_vec()).unwrap();
        let events: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .collect();
        assert_eq!(events[0]["choices"][0]["finish_reason"], "length");
        assert_eq!(events[0]["headworks"]["stop_reason"], "budget_exceeded");
        assert_eq!((&events[0]["id"], &events[0]["created"]), (&json!("c-1"), &json!(7)));
        assert_eq!(
            events[1]["usage"],
            json!({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9})
        );
        assert!(text.ends_with("data: [DONE]\n\n"));
        assert!(is_an_end(scanner, end));
        assert!(
            !fed(StreamKind::Chat, first)
                .length_end("x", None)
                .unwrap()
                .windows(7)
                .any(|seven| seven == b"\"usage\"")
        );
    }

    #[test]
    fn a_response_ends_incomplete() {
        let first = "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r-1\",\"status\":\"in_progress\"}}\n\n";
        let scanner = fed(StreamKind::Responses, first);
        let end = scanner.length_end("budget_exceeded", None).unwrap();
        let text = String::from_utf8(end.to_vec()).unwrap();
        let data = text.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
        let event: Value = serde_json::from_str(data).unwrap();
        assert_eq!(event["sequence_number"], 1);
        assert_eq!(event["response"]["id"], "r-1");
        assert_eq!(event["response"]["incomplete_details"]["reason"], "max_output_tokens");
        assert!(is_an_end(scanner, end));
    }

    #[test]
    fn what_has_no_such_end_has_none() {
        assert!(
            fed(StreamKind::Other, "data: {\"a\":1}\n\n")
                .length_end("x", None)
                .is_none()
        );
        assert!(
            StreamScanner::new(StreamKind::Chat, false)
                .that_may_be_cut()
                .length_end("x", None)
                .is_none()
        );
        let unkept = StreamScanner::new(StreamKind::Chat, false);
        assert!(unkept.length_end("x", None).is_none());
    }
}
