//! Answers that are not streamed: whether one is whole, and what it says about usage.

use std::ops::Range;

use serde_json::Value;

use crate::dialect::json::{Cursor, Error, Skimmer};
use crate::dialect::openai::content::Content;
use crate::meter::usage::{Measured, UsageError, read_block};

/// What a whole body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// From the top level; see [`PLACES`].
    pub usage: Option<Measured>,
    /// Why the usage was not counted.
    pub refused_usage: Option<UsageError>,
    /// Whether the body is one JSON document, from its beginning to its end.
    pub complete: bool,
    /// Whether it has an `error` that is not null.
    pub is_error: bool,
    /// Of text in the answers of chat, completions and Responses.
    pub content_bytes: u64,
    /// Whether these answers are text and nothing else.
    pub is_plain: bool,
}

/// Reads and checks a whole body.
pub fn inspect(body: &[u8]) -> Inspection {
    let mut seen = Inspection::default();
    let mut cursor = Cursor::new(body);
    let mut places = Places::default();
    let result = match cursor.peek() {
        Some(b'{') => object(&mut cursor, &mut seen, &mut places),
        // Gemini's streams without `alt=sse` are arrays of answers: <https://ai.google.dev/api/generate-content>.
        Some(b'[') => cursor.elements(|cursor| match cursor.peek() {
            Some(b'{') => object(cursor, &mut seen, &mut places),
            _ => cursor.skip_value(),
        }),
        _ => cursor.skip_value(),
    };
    seen.complete = result.and_then(|()| cursor.end()).is_ok();
    (seen.usage, seen.refused_usage) = match places.read(body) {
        Ok(usage) => (usage, None),
        Err(error) => (None, Some(error)),
    };
    seen
}

/// Where an answer may say what it used, by the members' names, those of greater weight first: `OpenAI`'s and Anthropic's,
/// Gemini's, and Ollama's two, which lie beside the answer.
const PLACES: [&str; 4] = ["usage", "usageMetadata", "prompt_eval_count", "eval_count"];

/// The last value of each.
#[derive(Default)]
struct Places([Option<Range<usize>>; PLACES.len()]);

impl Places {
    fn read(&self, body: &[u8]) -> Result<Option<Measured>, UsageError> {
        read_places(self.0.each_ref().map(|place| body.get(place.clone()?)))
    }
}

fn read_places(values: [Option<&[u8]>; PLACES.len()]) -> Result<Option<Measured>, UsageError> {
    let [usage, metadata, input, output] = values;
    for block in [usage, metadata].into_iter().flatten() {
        if let Some(measured) = read(block)? {
            return Ok(Some(measured));
        }
    }
    if input.is_none() && output.is_none() {
        return Ok(None);
    }
    let [input, output] = [input, output].map(|count| count.unwrap_or(b"null"));
    read(&[b"{\"prompt_eval_count\":", input, b",\"eval_count\":", output, b"}"].concat())
}

/// The texts in the output of a whole answer that has no usage, for an estimate: contents, reasoning, arguments.
pub fn output_texts(body: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    if let Ok(mut answer) = serde_json::from_slice::<Value>(body) {
        for list in ["choices", "output"] {
            if let Some(answers) = answer.get_mut(list) {
                collect(answers.take(), &mut texts);
            }
        }
    }
    texts
}

/// Depth is bounded by the parser.
fn collect(value: Value, texts: &mut Vec<String>) {
    const TEXTS: [&str; 4] = ["content", "text", "reasoning_content", "arguments"];
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if TEXTS.contains(&name.as_str()) => texts.push(text),
                    Value::String(_) => {}
                    nested => collect(nested, texts),
                }
            }
        }
        _ => {}
    }
}

fn object(cursor: &mut Cursor<'_>, seen: &mut Inspection, places: &mut Places) -> Result<(), Error> {
    cursor.members(|cursor, key| {
        let at = cursor.at();
        let name = key.raw(cursor.document());
        let first = cursor.peek();
        if matches!(name, b"choices" | b"output") {
            let mut content = Content::default();
            cursor.visit_value(&mut content)?;
            (seen.content_bytes, seen.is_plain) = (content.bytes(), !content.is_mixed());
            return Ok(());
        }
        cursor.skip_value()?;
        match name {
            b"error" => seen.is_error = first != Some(b'n'),
            _ => {
                if let Some(place) = PLACES.iter().position(|place| place.as_bytes() == name) {
                    places.0[place] = Some(at..cursor.at());
                }
            }
        }
        Ok(())
    })
}

/// None for null and for an empty block.
fn read(block: &[u8]) -> Result<Option<Measured>, UsageError> {
    if block == b"null" {
        return Ok(None);
    }
    match read_block(block) {
        Ok(measured) => Ok(Some(measured)),
        Err(UsageError::Empty) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finds the usage of a body that is too long to keep, as it passes. Counts brackets; does not check.
#[derive(Debug)]
pub struct UsageFinder {
    skimmer: Skimmer<{ PLACES.len() }>,
}

impl Default for UsageFinder {
    fn default() -> Self {
        Self {
            skimmer: Skimmer::new(PLACES),
        }
    }
}

impl UsageFinder {
    /// For an answer in lines, each a document (`application/x-ndjson`), as Ollama streams.
    pub fn of_lines() -> Self {
        Self {
            skimmer: Skimmer::new(PLACES).in_lines(),
        }
    }

    pub fn feed(&mut self, frame: &[u8]) {
        self.skimmer.feed(frame);
    }

    /// Whether the body was closed, and nothing came after it.
    pub fn is_complete(&self) -> bool {
        self.skimmer.is_complete()
    }

    /// What the body's usage says; the last one, where there are several at the top level.
    pub fn finish(&mut self) -> Option<Measured> {
        read_places(self.skimmer.values()).ok().flatten()
    }

    /// Why the usage was not counted.
    pub fn refused_usage(&self) -> Option<UsageError> {
        read_places(self.skimmer.values()).err()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USAGE: &str = r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;

    fn find(body: &[u8], step: usize) -> UsageFinder {
        let mut finder = UsageFinder::default();
        body.chunks(step).for_each(|frame| finder.feed(frame));
        finder
    }

    #[test]
    fn the_usage_of_the_answer_is_found() {
        let forged = r#"{\"usage\":{\"prompt_tokens\":9}}"#;
        let body = format!(
            r#" {{"choices":[{{"message":{{"content":"{forged}","usage":{{"prompt_tokens":8}}}}}}],"usage":{USAGE},"error":null}}
            "#
        );
        let seen = inspect(body.as_bytes());
        assert!(seen.complete && !seen.is_error);
        let vector = seen.usage.clone().unwrap().vector;
        assert_eq!((vector.input, vector.output), (3, 2));
        for step in [1, 7, body.len()] {
            let mut finder = find(body.as_bytes(), step);
            assert!(finder.is_complete());
            assert_eq!(finder.finish(), seen.usage);
        }
    }

    #[test]
    fn what_is_not_whole_is_not_complete() {
        for body in ["", "{", r#"{"a":1"#, "<html></html>", r#"{"a":1}}"#, r#"{"a":tru}"#] {
            assert!(!inspect(body.as_bytes()).complete, "{body}");
        }
        for body in ["[]", "{}", "\"text\"", " 1 "] {
            assert!(inspect(body.as_bytes()).complete, "{body}");
        }
    }

    #[test]
    fn only_text_of_the_output_is_counted() {
        let body = br#"{"id":"chatcmpl-long","model":"m","choices":[{"index":0,"finish_reason":"stop","message":
            {"role":"assistant","content":"four","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        assert_eq!(output_texts(body), ["four", "{}"]);
        assert_eq!(
            output_texts(br#"{"output":[{"type":"message","content":[{"type":"output_text","text":"abc"}]}]}"#),
            ["abc"]
        );
        assert!(output_texts(b"not json").is_empty() && output_texts(b"[]").is_empty());
    }

    #[test]
    fn refused_usage_is_told() {
        let body = br#"{"usage":{"prompt_tokens":-1}}"#;
        assert_eq!(inspect(body).refused_usage, Some(UsageError::Negative));
        let mut finder = find(body, 4);
        assert_eq!(
            (finder.finish(), finder.refused_usage()),
            (None, Some(UsageError::Negative))
        );
        let seen = inspect(br#"{"usage":null}"#);
        assert_eq!((seen.usage, seen.refused_usage), (None, None));
    }

    #[test]
    fn of_two_the_last_counts_though_it_be_refused() {
        let body = br#"{"usage":[],"usage":{}}"#;
        let seen = inspect(body);
        assert_eq!((seen.usage, seen.refused_usage), (None, None));
        let mut finder = find(body, 3);
        assert_eq!((finder.finish(), finder.refused_usage()), (None, None));
    }

    #[test]
    fn of_two_the_last_counts() {
        let body = format!(r#"{{"usage":{{"prompt_tokens":1,"total_tokens":1}},"usage":{USAGE}}}"#);
        let seen = inspect(body.as_bytes());
        assert_eq!(seen.usage.clone().unwrap().vector.tokens(), 5);
        assert_eq!(find(body.as_bytes(), 5).finish(), seen.usage);
    }

    #[test]
    fn errors_are_seen() {
        assert!(inspect(br#"{"error":{"message":"no"}}"#).is_error);
        assert!(inspect(br#"{"error":"no"}"#).is_error);
    }

    proptest! {
        /// On well-formed bodies, the one that counts brackets sees what the one that checks sees.
        #[test]
        fn both_ways_agree(
            members in prop::collection::vec(
                r#"("usage":(null|\{"total_tokens":[1-9]\}|\{"a":\[\{\}\]\})|"(x|usag|usage2)":("usage"|"\\"\}"|\[\{"usage":\{"total_tokens":7\}\}\]|[0-9]))"#,
                0..5,
            ),
            step in 1..20_usize,
        ) {
            let body = format!("{{{}}}", members.join(","));
            let seen = inspect(body.as_bytes());
            prop_assert!(seen.complete);
            let mut finder = find(body.as_bytes(), step);
            prop_assert!(finder.is_complete());
            prop_assert_eq!(finder.finish(), seen.usage);
        }

        #[test]
        fn any_bytes_end_in_a_verdict(body in prop::collection::vec(any::<u8>(), 0..80), step in 1..9_usize) {
            inspect(&body);
            find(&body, step).finish();
        }
    }
}
