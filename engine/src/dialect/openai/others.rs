//! Answers of other dialects, which pass through untranslated: their usage is found wherever they are cut.

use std::fmt::Display;
use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::response::{UsageFinder, inspect};
use super::stream::{End, Out, StreamKind, StreamScanner};
use crate::meter::usage::{Measured, UsageVector};

/// A body as a provider sends it, and what it has to be read as. Buckets that are left out are 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "source")]
    _source: String,
    form: Form,
    body: String,
    expected: Map<String, Value>,
    #[serde(default)]
    flags: String,
    /// What the provider's counts add up to.
    total: u64,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Form {
    Events,
    Lines,
    Json,
}

fn goldens() -> Vec<(String, Golden)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    paths.map(|path| (path.display().to_string(), read(&path))).collect()
}

fn scanned<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Option<Measured>, End) {
    let mut scanner = StreamScanner::new(StreamKind::Other, true);
    let (mut out, mut passed, mut fed) = (Out::default(), Vec::new(), Vec::new());
    for part in parts {
        fed.extend_from_slice(part);
        scanner.feed(Bytes::copy_from_slice(part), &mut out).unwrap();
        while let Some(bytes) = out.pop() {
            passed.extend_from_slice(&bytes);
        }
    }
    let end = scanner.finish();
    assert!(fed.starts_with(&passed), "nothing is changed");
    assert!(end == End::Truncated || passed == fed, "nothing is left out");
    (scanner.usage().cloned(), end)
}

fn found<'a>(finder: UsageFinder, parts: impl IntoIterator<Item = &'a [u8]>) -> (Option<Measured>, End) {
    let mut finder = finder;
    parts.into_iter().for_each(|part| finder.feed(part));
    let end = if finder.is_complete() {
        End::Complete
    } else {
        End::Truncated
    };
    (finder.finish(), end)
}

impl Form {
    fn read<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> (Option<Measured>, End) {
        match self {
            Self::Events => scanned(parts),
            Self::Lines => found(UsageFinder::of_lines(), parts),
            Self::Json => found(UsageFinder::default(), parts),
        }
    }
}

#[test]
fn golden_answers_are_read_as_they_were_meant_wherever_they_are_cut() {
    let goldens = goldens();
    assert!(goldens.len() >= 11, "only {} golden files", goldens.len());
    for (name, golden) in goldens {
        let body = golden.body.as_bytes();
        let mut expected = serde_json::to_value(UsageVector::default()).unwrap();
        for (bucket, tokens) in golden.expected {
            assert!(expected.get(&bucket).is_some(), "{name}: no bucket {bucket}");
            expected[bucket] = tokens;
        }
        let check = |read: (Option<Measured>, End), at: usize| {
            let (measured, end) = read;
            let measured = measured.unwrap_or_else(|| panic!("{name}: nothing found, cut at {at}"));
            assert_eq!(
                serde_json::to_value(measured.vector).unwrap(),
                expected,
                "{name} cut at {at}"
            );
            assert_eq!(measured.flags.text(), golden.flags, "{name} cut at {at}");
            assert_eq!(measured.vector.tokens(), golden.total, "{name} cut at {at}");
            assert!(!measured.is_open, "{name} cut at {at}");
            assert_eq!(end, End::Complete, "{name} cut at {at}");
        };
        for at in 0..=body.len() {
            check(golden.form.read([&body[..at], &body[at..]]), at);
        }
        for step in 1..16 {
            check(golden.form.read(body.chunks(step)), step);
        }
        if golden.form == Form::Json {
            let seen = inspect(body);
            assert!(seen.complete && seen.refused_usage.is_none(), "{name}");
            check((seen.usage, End::Complete), body.len());
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_not_complete() {
    for (name, golden) in goldens() {
        let body = golden.body.trim_end();
        let cut = match golden.form {
            // Before what says that the answer has come to its end.
            Form::Events => body.rfind("data: ").unwrap(),
            Form::Lines | Form::Json => body.len() - 1,
        };
        let (_, end) = golden.form.read([&body.as_bytes()[..cut]]);
        assert_eq!(end, End::Truncated, "{name}");
    }
}

#[test]
fn an_anthropic_stream_that_breaks_off_knows_its_input_alone() {
    let start = json!({"type": "message_start", "message": {"usage":
        {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}});
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}});
    let thought =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}});
    let mut scanner = StreamScanner::new(StreamKind::Other, false);
    for event in [start, delta, thought] {
        let event = format!("data: {event}\n\n");
        scanner.feed(event.into(), &mut Out::default()).unwrap();
    }
    assert_eq!(scanner.finish(), End::Truncated);
    let measured = scanner.usage().unwrap();
    assert!(measured.is_open);
    assert_eq!(
        (
            measured.vector.input,
            measured.vector.cache_read,
            measured.vector.output
        ),
        (9, 4, 1)
    );
    assert_eq!(scanner.content_bytes(), 7);
}

#[test]
fn what_can_not_be_is_refused_wherever_it_stands() {
    for body in [
        r#"{"usageMetadata":{"promptTokenCount":-1}}"#,
        r#"[{"usageMetadata":{"promptTokenCount":-1}}]"#,
        r#"{"prompt_eval_count":-1,"eval_count":3}"#,
        r#"{"usage":{"prompt_tokens":-1},"eval_count":3}"#,
    ] {
        let seen = inspect(body.as_bytes());
        assert!(seen.usage.is_none() && seen.refused_usage.is_some(), "{body}");
        let mut finder = UsageFinder::default();
        finder.feed(body.as_bytes());
        assert_eq!(
            (finder.finish(), finder.refused_usage()),
            (None, seen.refused_usage),
            "{body}"
        );
    }
}

fn as_events(data: &[impl Display]) -> String {
    data.iter()
        .fold(String::new(), |body, data| body + &format!("data: {data}\n\n"))
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..9_u64, Just(1 << 50)]
}

proptest! {
    #[test]
    fn anthropics_streams_sum_to_what_was_told_last(
        (input, cached, written) in (count(), count(), count()),
        outputs in prop::collection::vec(count(), 1..4),
        again in prop::option::of(count()),
        step in 1..40_usize,
    ) {
        let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": input,
            "cache_read_input_tokens": cached, "cache_creation_input_tokens": written, "output_tokens": 1}}});
        let mut events = vec![start];
        for output in &outputs {
            events.push(json!({"type": "message_delta", "delta": {}, "usage": {"input_tokens": again, "output_tokens": output}}));
        }
        events.push(json!({"type": "message_stop"}));
        let body = as_events(&events);
        let (measured, end) = scanned(body.as_bytes().chunks(step));
        let vector = measured.unwrap().vector;
        prop_assert_eq!(end, End::Complete);
        prop_assert_eq!(
            (vector.input, vector.cache_read, vector.cache_write_5m, vector.output),
            (again.unwrap_or(input), cached, written, *outputs.last().unwrap())
        );
        prop_assert_eq!(vector.tokens(), again.unwrap_or(input) + cached + written + outputs.last().unwrap());
    }

    #[test]
    fn geminis_and_ollamas_counts_sum_to_their_total(
        (prompt, output, thoughts) in (count(), count(), count()),
        before in prop::collection::vec(count(), 0..3),
        step in 1..40_usize,
    ) {
        let total = prompt + output + thoughts;
        let usage = |output: u64| json!({"candidates": [{"content": {"parts": [{"text": "\"}{"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": output, "thoughtsTokenCount": thoughts,
                "totalTokenCount": prompt + output + thoughts}});
        let answers: Vec<String> = before.iter().chain([&output]).map(|output| usage(*output).to_string()).collect();
        let array = format!("[{}]", answers.join(",\n"));
        let seen = inspect(array.as_bytes());
        let (finder, end) = found(UsageFinder::default(), array.as_bytes().chunks(step));
        prop_assert_eq!(end, End::Complete);
        prop_assert_eq!(&finder, &seen.usage);
        let events = as_events(&answers);
        prop_assert_eq!(&scanned(events.as_bytes().chunks(step)), &(seen.usage.clone(), End::Complete));
        let measured = seen.usage.unwrap();
        prop_assert_eq!((measured.vector.tokens(), measured.flags.text()), (total, ""));

        let line = |output: &u64| {
            json!({"message": {"content": "{\"eval_count\":1}"}, "eval_count": output, "prompt_eval_count": prompt})
        };
        let lines: Vec<String> = before.iter().chain([&output]).map(|output| line(output).to_string()).collect();
        let lines = lines.join("\n");
        let (measured, end) = found(UsageFinder::of_lines(), lines.as_bytes().chunks(step));
        prop_assert_eq!(end, End::Complete);
        prop_assert_eq!(measured.unwrap().vector.tokens(), prompt + output);
    }
}
