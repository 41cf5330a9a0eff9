//! Streams of several providers, whole and cut at every place.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::meter::usage::UsageError;

/// What a scanner made of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    bytes: Vec<u8>,
    result: Result<(), StreamError>,
    end: End,
    usage: Option<(u64, String)>,
    refused: Option<UsageError>,
    events: u64,
    content_bytes: u64,
    error: Option<String>,
}

fn pass(stream: &[u8], kind: StreamKind, strip: bool, step: usize) -> Passed {
    let mut scanner = StreamScanner::new(kind, strip);
    let mut out = Out::default();
    let mut result = Ok(());
    for chunk in stream.chunks(step.max(1)) {
        result = scanner.feed(Bytes::copy_from_slice(chunk), &mut out);
        if result.is_err() {
            break;
        }
    }
    let mut bytes = Vec::new();
    while let Some(piece) = out.pop() {
        bytes.extend_from_slice(&piece);
    }
    Passed {
        bytes,
        result,
        end: scanner.finish(),
        usage: scanner
            .usage()
            .map(|usage| (usage.vector.tokens(), usage.flags.text().to_owned())),
        refused: scanner.refused_usage(),
        events: scanner.events(),
        content_bytes: scanner.content_bytes(),
        error: scanner.upstream_error().map(str::to_owned),
    }
}

/// The same for every length of chunks.
fn pass_any(stream: &str, kind: StreamKind, strip: bool) -> Passed {
    let whole = pass(stream.as_bytes(), kind, strip, stream.len());
    for step in 1..stream.len() {
        assert_eq!(pass(stream.as_bytes(), kind, strip, step), whole, "in chunks of {step}");
    }
    whole
}

fn text(passed: &Passed) -> &str {
    std::str::from_utf8(&passed.bytes).unwrap()
}

const CHUNK: &str =
    r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"h\u00e9\n"},"finish_reason":null}],"usage":null}"#;
const USAGE: &str =
    r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
const DONE: &str = "data: [DONE]";

fn stream(events: &[&str]) -> String {
    events.iter().map(|event| [event, "\n\n"].concat()).collect()
}

#[test]
fn a_chat_goes_through_as_it_is() {
    for end in ["\n", "\r\n", "\r"] {
        let sent = [CHUNK, ": note", USAGE, DONE]
            .map(|event| format!("{event}{end}{end}"))
            .concat();
        let passed = pass_any(&sent, StreamKind::Chat, false);
        assert_eq!(text(&passed), sent);
        assert_eq!((passed.end, passed.events, passed.content_bytes), (End::Complete, 3, 4));
        assert_eq!(passed.usage, Some((5, String::new())));
    }
}

#[test]
fn usage_that_nobody_asked_for_is_left_out() {
    for end in ["\n", "\r\n", "\r"] {
        let events = |events: &[&str]| {
            events
                .iter()
                .map(|event| [event, end, end].concat())
                .collect::<String>()
        };
        let passed = pass_any(&events(&[CHUNK, USAGE, CHUNK, DONE]), StreamKind::Chat, true);
        assert_eq!(text(&passed), events(&[CHUNK, CHUNK, DONE]));
        assert_eq!(passed.usage, Some((5, String::new())));
    }
}

#[test]
fn usage_beside_an_answer_is_cut_out() {
    let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;
    let choices = r#""choices":[{"text":"x"}]"#;
    for (sent, expected) in [
        (format!("{{{choices}, {usage} }}"), format!("{{{choices} }}")),
        (format!("{{{usage} , {choices}}}"), format!("{{{choices}}}")),
        (format!("{{{usage},{usage},{choices}}}"), format!("{{{choices}}}")),
        (
            format!("{{\"a\":1,{usage},{choices},{usage}}}"),
            format!("{{\"a\":1,{choices}}}"),
        ),
        (format!("{{{usage},\"error\":1}}"), "{\"error\":1}".to_owned()),
    ] {
        let passed = pass_any(
            &stream(&[&format!("id: 1\ndata: {sent}"), DONE]),
            StreamKind::Completions,
            true,
        );
        assert_eq!(text(&passed), stream(&[&format!("id: 1\ndata: {expected}"), DONE]));
        assert_eq!(passed.usage.unwrap().0, 5);
    }
    // Data on several lines is written anew.
    let sent = format!("data: {{{choices},\r\ndata:\"a\":1,{usage}}}\r\nevent: x\r\n\r\n");
    let passed = pass_any(&sent, StreamKind::Completions, true);
    assert_eq!(
        text(&passed),
        format!("event: x\ndata: {{{choices},\ndata: \"a\":1}}\n\n")
    );
}

#[test]
fn whole_chunks_are_not_copied() {
    let chunk = Bytes::from(stream(&[CHUNK, CHUNK, CHUNK]));
    let mut out = Out::default();
    StreamScanner::new(StreamKind::Chat, true)
        .feed(chunk.clone(), &mut out)
        .unwrap();
    assert_eq!(out.pop().unwrap().as_ptr(), chunk.as_ptr());
    assert!(out.is_empty());
}

#[test]
fn the_last_usage_counts() {
    let later = USAGE.replace(
        "\"completion_tokens\":2,\"total_tokens\":5",
        "\"completion_tokens\":7,\"total_tokens\":10",
    );
    let passed = pass_any(&stream(&[USAGE, &later, DONE]), StreamKind::Chat, false);
    assert_eq!(passed.usage, Some((10, "repeated".to_owned())));
    let negative = USAGE.replace(":2,", ":-2,");
    let passed = pass_any(&stream(&[&negative, DONE]), StreamKind::Chat, false);
    assert_eq!((passed.usage, passed.refused), (None, Some(UsageError::Negative)));
}

#[test]
fn groq_reports_in_a_member_of_its_own() {
    let last = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.01,"prompt_tokens":18,"completion_tokens":5,"total_tokens":23}}}"#;
    let sent = stream(&[CHUNK, last, DONE]);
    let passed = pass_any(&sent, StreamKind::Chat, true);
    assert_eq!(
        (text(&passed), passed.usage.clone()),
        (&*sent, Some((23, String::new())))
    );
}

#[test]
fn moonshot_reports_in_a_choice() {
    let last = r#"data: {"choices":[{"index":0,"delta":{"usage":{"total_tokens":7}},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40}}]}"#;
    let passed = pass_any(&stream(&[CHUNK, last, DONE]), StreamKind::Chat, false);
    assert_eq!(passed.usage, Some((40, String::new())));
    // A delta of an unknown kind is no array of choices.
    let other = r#"data: {"type":"x.done","delta":[{"usage":{"total_tokens":7}}]}"#;
    assert_eq!(pass_any(&stream(&[other]), StreamKind::Other, false).usage, None);
}

#[test]
fn a_stream_without_its_end_is_truncated() {
    for (sent, end) in [
        (stream(&[CHUNK]), End::Truncated),
        (String::new(), End::Truncated),
        (stream(&[CHUNK, "data: [DON"]), End::Truncated),
        (format!("{CHUNK}\n\n{DONE}\n"), End::Complete),
        (format!("{CHUNK}\n\n{DONE}"), End::Complete),
    ] {
        assert_eq!(pass_any(&sent, StreamKind::Chat, false).end, end, "{sent}");
    }
    // What was not ended is not passed on.
    assert_eq!(
        text(&pass_any(&format!("{CHUNK}\n\n{CHUNK}\n"), StreamKind::Chat, false)),
        format!("{CHUNK}\n\n")
    );
}

#[test]
fn nothing_follows_the_end() {
    for end in ["\n\n", "\r\n\r\n", "\r\r"] {
        let passed = pass_any(
            &format!("{CHUNK}{end}{DONE}{end}{CHUNK}{end}junk"),
            StreamKind::Chat,
            false,
        );
        assert_eq!(text(&passed), format!("{CHUNK}{end}{DONE}{end}"));
        assert_eq!((passed.end, passed.result), (End::Complete, Ok(())));
    }
}

#[test]
fn a_malformed_event_ends_the_stream_before_it() {
    for bad in [
        r#"data: {"choices":[{"del"#,
        "data: hello",
        "data: []",
        "data: null",
        "data: {}{}",
        "data: <html>",
    ] {
        let passed = pass_any(&stream(&[CHUNK, bad, CHUNK]), StreamKind::Chat, false);
        assert_eq!(text(&passed), stream(&[CHUNK]), "{bad}");
        assert_eq!(
            (passed.result, passed.end),
            (Err(StreamError::Malformed), End::Truncated)
        );
    }
    let passed = pass_any(
        &stream(&["data: hello", "data: {\"type\":\"x.done\"}"]),
        StreamKind::Other,
        false,
    );
    assert_eq!((passed.result, passed.end), (Ok(()), End::Complete));
}

#[test]
fn errors_in_the_stream_are_seen() {
    let error = r#"data: {"error":{"message":"no","type":"server_error","code":"overloaded"}}"#;
    let passed = pass_any(&stream(&[CHUNK, error]), StreamKind::Chat, true);
    assert_eq!(
        (passed.error.as_deref(), passed.end),
        (Some("overloaded"), End::Complete)
    );
    for (error, code) in [
        (
            r#"data: {"error":{"message":"no","type":"server_error","code":null}}"#,
            "server_error",
        ),
        (r#"data: {"error":{"code":500}}"#, ""),
        (r#"data: {"error":"no"}"#, ""),
    ] {
        assert_eq!(
            pass_any(&stream(&[error, DONE]), StreamKind::Chat, false)
                .error
                .as_deref(),
            Some(code)
        );
    }
    assert_eq!(
        pass_any(
            &stream(&[r#"data: {"error":null,"choices":[]}"#]),
            StreamKind::Chat,
            false
        )
        .error,
        None
    );
}

#[test]
fn responses_end_with_a_typed_event() {
    let event = |data: &Value| format!("event: {}\ndata: {data}", data["type"].as_str().unwrap());
    let begin =
        event(&json!({"type": "response.created", "sequence_number": 0, "response": {"usage": null, "error": null}}));
    let delta =
        event(&json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "h\u{e9}", "logprobs": []}));
    let text_done = event(&json!({"type": "response.output_text.done", "sequence_number": 2, "text": "h\u{e9}"}));
    let usage = json!({"input_tokens": 4, "output_tokens": 2, "total_tokens": 6});
    for (kind, error) in [
        ("completed", None),
        ("incomplete", None),
        ("failed", Some("server_error")),
    ] {
        let error_object = error.map(|code| json!({"code": code, "message": "no"}));
        let last = event(&json!({"type": format!("response.{kind}"), "sequence_number": 3,
            "response": {"output": [{"content": [{"text": "h\u{e9}"}]}], "error": error_object, "usage": usage}}));
        let sent = stream(&[&begin, &delta, &text_done, &last]);
        let passed = pass_any(&sent, StreamKind::Responses, true);
        assert_eq!((text(&passed), passed.end), (&*sent, End::Complete));
        assert_eq!(
            (passed.usage.unwrap().0, passed.content_bytes, passed.error.as_deref()),
            (6, 3, error)
        );
    }
    let sent = stream(&[&begin, &delta, DONE]);
    let passed = pass_any(&sent, StreamKind::Responses, false);
    assert_eq!((text(&passed), passed.end), (&*sent, End::Truncated));
    let error = event(&json!({"type": "error", "code": "rate_limit_exceeded", "message": "no", "sequence_number": 1}));
    let passed = pass_any(&stream(&[&begin, &error]), StreamKind::Responses, false);
    assert_eq!(
        (passed.error.as_deref(), passed.end),
        (Some("rate_limit_exceeded"), End::Complete)
    );
}

#[test]
fn other_streams_may_end_with_what_is_done() {
    let delta = r#"data: {"type":"transcript.text.delta","delta":"abc"}"#;
    let done = r#"data: {"type":"transcript.text.done","text":"abc","usage":{"type":"tokens","input_tokens":9,"output_tokens":1,"total_tokens":10}}"#;
    let passed = pass_any(&stream(&[delta, done]), StreamKind::Other, true);
    assert_eq!(
        (passed.end, passed.usage.unwrap().0, passed.content_bytes),
        (End::Complete, 10, 3)
    );
    assert_eq!(
        pass_any(&stream(&[delta, done, delta]), StreamKind::Other, false).end,
        End::Truncated
    );
    assert_eq!(
        pass_any(&stream(&[delta, DONE]), StreamKind::Other, false).end,
        End::Complete
    );
    let message = "event: message_stop\ndata: {\"type\":\"message_stop\"}";
    assert_eq!(
        pass_any(&stream(&[message]), StreamKind::Other, false).end,
        End::Complete
    );
}

#[test]
fn output_is_counted_once() {
    let chunk = json!({"choices": [{
        "delta": {"content": "12", "refusal": null, "reasoning": "345", "reasoning_content": "345",
            "reasoning_details": [{"text": "345"}], "tool_calls": [{"function": {"name": "f", "arguments": "6\n"}}]},
        "logprobs": {"content": [{"token": "12"}]},
    }], "content": "no"});
    let passed = pass_any(&stream(&[&format!("data: {chunk}")]), StreamKind::Chat, false);
    assert_eq!(passed.content_bytes, 7);
    let audio = r#"data: {"type":"response.audio.delta","delta":"AAAA"}"#;
    assert_eq!(
        pass_any(&stream(&[audio]), StreamKind::Responses, false).content_bytes,
        0
    );
}

#[test]
fn our_error_event_has_the_shape_of_its_stream() {
    let data = |scanner: &StreamScanner| {
        let event = scanner.error_event("It \"broke\".", "upstream_truncated");
        let text = String::from_utf8(event.to_vec()).unwrap();
        let (head, data) = text.strip_suffix("\n\n").unwrap().split_once("data: ").unwrap();
        (head.to_owned(), serde_json::from_str::<Value>(data).unwrap())
    };
    let (head, chat) = data(&StreamScanner::new(StreamKind::Chat, false));
    let expected = json!({"error": {"message": "It \"broke\".", "type": "api_error", "param": null, "code": "upstream_truncated"}});
    assert_eq!((&*head, chat), ("", expected));
    let mut scanner = StreamScanner::new(StreamKind::Responses, false);
    let delta = stream(&[r#"data: {"type":"response.output_text.delta","sequence_number":41,"delta":"x"}"#]);
    scanner.feed(delta.into(), &mut Out::default()).unwrap();
    let (head, event) = data(&scanner);
    let expected = json!({"type": "error", "code": "upstream_truncated", "message": "It \"broke\".", "param": null, "sequence_number": 42});
    assert_eq!((&*head, event), ("event: error\n", expected));
}

fn event() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let line = prop_oneof![
        4 => Just(CHUNK.to_owned()),
        2 => Just(USAGE.to_owned()),
        1 => Just(DONE.to_owned()),
        1 => Just(": comment".to_owned()),
        1 => Just("data: {\"choices\":[{}],".to_owned()),
        1 => Just("data: \"usage\":{\"total_tokens\":2}}".to_owned()),
        1 => Just("data: {\"usage\":{\"total_tokens\":1},\"choices\":[1]}".to_owned()),
        1 => Just("data: {\"error\":{\"code\":\"x\"}}".to_owned()),
        1 => Just("event: response.completed".to_owned()),
        1 => Just(String::new()),
        1 => "[a-z:{}\u{feff}]{0,3}",
    ];
    (line, end, 0..3_usize).prop_map(|(line, end, blanks)| format!("{line}{end}{}", end.repeat(blanks)))
}

fn any_kind() -> impl Strategy<Value = StreamKind> {
    prop_oneof![
        Just(StreamKind::Chat),
        Just(StreamKind::Completions),
        Just(StreamKind::Responses),
        Just(StreamKind::Other)
    ]
}

proptest! {
    #[test]
    fn any_split_passes_the_same(
        events in prop::collection::vec(event(), 0..8),
        kind in any_kind(),
        strip in any::<bool>(),
        step in 1..40_usize,
    ) {
        let stream = events.concat();
        let whole = pass(stream.as_bytes(), kind, strip, stream.len());
        prop_assert_eq!(&pass(stream.as_bytes(), kind, strip, step), &whole);
        if whole.usage.is_none() || !strip {
            prop_assert!(stream.as_bytes().starts_with(&whole.bytes));
        }
    }

    #[test]
    fn any_bytes_end_in_a_verdict(stream in prop::collection::vec(any::<u8>(), 0..120), kind in any_kind()) {
        pass(&stream, kind, true, stream.len());
    }
}
