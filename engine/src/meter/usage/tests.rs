//! What blocks are read as: files of what providers send, and rules that hold for any block.

use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::count::LARGEST;
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
        let measured = read_block(golden.block.to_string().as_bytes()).unwrap();
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
    assert!(read >= 39, "only {read} golden files");
}

fn read(block: &Value) -> Result<Measured, UsageError> {
    read_block(block.to_string().as_bytes())
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
    assert_eq!(read_block(b"{"), Err(UsageError::Malformed));
    assert_eq!(read_block(b"null"), Err(UsageError::Malformed));
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

#[test]
fn other_dialects_are_told_by_their_fields() {
    let anthropic = json!({"input_tokens": 4, "output_tokens": 6, "cache_read_input_tokens": 10});
    let measured = read(&anthropic).unwrap();
    assert_eq!((measured.vector.tokens(), measured.flags.text()), (20, ""));
    // With a total it is a translation into OpenAI's dialect, whose input has the cached tokens in it.
    let translated = json!({"input_tokens": 14, "output_tokens": 6, "cache_read_input_tokens": 10, "total_tokens": 20});
    assert_eq!(read(&translated).unwrap().vector.tokens(), 20);
    for block in [
        json!({"input_tokens": 4, "output_tokens": 6, "cache_read_input_tokens": -1}),
        json!({"input_tokens": 4, "output_tokens": 6, "cache_creation": {"ephemeral_1h_input_tokens": -1}}),
        json!({"promptTokenCount": -4}),
        json!({"promptTokenCount": 4, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": -1}]}),
        json!({"prompt_eval_count": -4, "eval_count": 1}),
    ] {
        assert_eq!(read(&block), Err(UsageError::Negative), "{block}");
    }
    for block in [
        json!({"cache_read_input_tokens": LARGEST + 1}),
        json!({"promptTokenCount": 4, "candidatesTokenCount": LARGEST + 1}),
        json!({"prompt_eval_count": 4, "eval_count": LARGEST + 1}),
    ] {
        assert_eq!(read(&block), Err(UsageError::TooLarge), "{block}");
    }
}

#[test]
fn what_other_dialects_leave_out_is_flagged() {
    assert_eq!(
        flags(&json!({"cache_read_input_tokens": 4, "output_tokens": 1})),
        "missing_input"
    );
    assert_eq!(
        flags(&json!({"candidatesTokenCount": 4, "totalTokenCount": 4})),
        "missing_input"
    );
    assert_eq!(
        flags(&json!({"promptTokenCount": 4, "candidatesTokenCount": 4})),
        "missing_total"
    );
    assert_eq!(
        flags(&json!({"promptTokenCount": 4, "candidatesTokenCount": 4, "totalTokenCount": 9})),
        "contradiction"
    );
    let too_split = json!({"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3}});
    let measured = read(&too_split).unwrap();
    assert_eq!((measured.vector.tokens(), measured.flags.text()), (7, "clamped"));
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
    fn anthropics_buckets_sum_to_what_it_lists(
        (input, output, read_from) in (count(), count(), count()),
        (written, short, long) in (count(), count(), count()),
    ) {
        let block = json!({"input_tokens": input, "output_tokens": output, "cache_read_input_tokens": read_from,
            "cache_creation_input_tokens": written,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}});
        let measured = read(&block).unwrap();
        let listed = short.unwrap_or(0) + long.unwrap_or(0);
        let sum = [input, output, read_from].into_iter().flatten().sum::<u64>() + written.unwrap_or(listed);
        prop_assert_eq!(measured.vector.tokens(), sum);
        let is_too_much = written.is_some_and(|written| written < listed);
        prop_assert_eq!(measured.flags.has(Flag::Clamped), is_too_much);
        prop_assert_eq!(measured.flags.has(Flag::MissingInput), input.is_none());
    }

    #[test]
    fn geminis_buckets_sum_to_what_it_lists(
        (prompt, output, total) in (count(), count(), count()),
        (cached, thoughts, tools) in (count(), count(), count()),
        (sound, cached_sound, spoken) in (0..20_u64, 0..20_u64, 0..20_u64),
    ) {
        let block = json!({"promptTokenCount": prompt, "candidatesTokenCount": output, "totalTokenCount": total,
            "cachedContentTokenCount": cached, "thoughtsTokenCount": thoughts, "toolUsePromptTokenCount": tools,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": sound}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": cached_sound}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}]});
        let Ok(measured) = read(&block) else {
            prop_assert_eq!((prompt, output, total), (None, None, None));
            return Ok(());
        };
        let beside = [prompt, thoughts, tools].into_iter().flatten().sum::<u64>();
        let answer = output.unwrap_or(total.unwrap_or(0).saturating_sub(beside));
        prop_assert_eq!(measured.vector.tokens(), beside + answer);
        let is_wrong = total.is_some_and(|total| total != beside + answer);
        prop_assert_eq!(measured.flags.has(Flag::Contradiction), is_wrong);
    }

    #[test]
    fn any_bytes_end_in_a_verdict(block in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = read_block(&block);
    }
}

#[test]
fn flags_are_said_once() {
    let mut flags = Flags::default();
    assert_eq!(flags.text(), "");
    flags.raise(Flag::Clamped);
    flags.raise(Flag::Repeated);
    flags.raise(Flag::Clamped);
    assert_eq!(flags.text(), "clamped,repeated");
    assert!(flags.has(Flag::Repeated) && !flags.has(Flag::Contradiction));
}

#[test]
fn sums_do_not_wrap() {
    let vector = UsageVector {
        input: u64::MAX,
        output: 1,
        ..UsageVector::default()
    };
    assert_eq!(vector.tokens(), u64::MAX);
}
