//! Usage blocks: honest ones, and those that lie as the knobs ask.
//!
//! Chat and completions: <https://platform.openai.com/docs/api-reference/chat/object>; Responses:
//! <https://platform.openai.com/docs/api-reference/responses/object>.

use crate::knobs::{Flag, Knobs, UsageFault};
use crate::records::Tokens;

/// Field names and details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Chat,
    Responses,
    /// Embeddings and rerank: input only.
    InputOnly,
    /// Audio transcriptions billed by token, and images.
    InputOutput,
}

/// The blocks that an answer shows: none, one, or with `usage=twice` two.
pub fn blocks(style: Style, tokens: Tokens, knobs: &Knobs) -> Vec<String> {
    if knobs.has(Flag::NoUsage) {
        return Vec::new();
    }
    let honest = |tokens| block(style, tokens, None);
    match knobs.usage() {
        Some(UsageFault::Twice) => vec![
            honest(Tokens {
                output: tokens.output / 2,
                ..tokens
            }),
            honest(tokens),
        ],
        Some(UsageFault::Null) => vec!["null".to_owned()],
        fault => vec![block(style, tokens, fault)],
    }
}

/// The block that tells the truth.
pub fn honest(style: Style, tokens: Tokens) -> String {
    block(style, tokens, None)
}

/// Adds `name: value` at the end of the JSON object in `body`, even where the name is there already.
pub fn add_member(body: &mut Vec<u8>, name: &str, value: &str) {
    let closing = body.pop();
    debug_assert_eq!(closing, Some(b'}'));
    if body.last() != Some(&b'{') {
        body.push(b',');
    }
    body.extend_from_slice(format!("\"{name}\":{value}}}").as_bytes());
}

/// 2^53: the first whole number whose successor a double cannot tell from it.
const HUGE: u64 = 1 << 53;

fn block(style: Style, tokens: Tokens, fault: Option<UsageFault>) -> String {
    let output = match fault {
        Some(UsageFault::Huge) => HUGE,
        Some(UsageFault::Contradict) => tokens.output * 2,
        _ => tokens.output,
    };
    let total = tokens.input
        + output
        + if fault == Some(UsageFault::WrongTotal) {
            1_000
        } else {
            0
        };
    let sign = if fault == Some(UsageFault::Negative) { "-" } else { "" };
    let end = if fault == Some(UsageFault::Float) { ".0" } else { "" };
    let (input, cached, reasoning) = (tokens.input, tokens.cached, tokens.reasoning);
    match style {
        Style::Chat => format!(
            r#"{{"prompt_tokens":{input}{end},"completion_tokens":{sign}{output}{end},"total_tokens":{total}{end},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        ),
        Style::Responses => format!(
            r#"{{"input_tokens":{input}{end},"input_tokens_details":{{"cached_tokens":{cached}}},"output_tokens":{sign}{output}{end},"output_tokens_details":{{"reasoning_tokens":{reasoning}}},"total_tokens":{total}{end}}}"#
        ),
        Style::InputOnly => format!(r#"{{"prompt_tokens":{sign}{input}{end},"total_tokens":{sign}{input}{end}}}"#),
        Style::InputOutput => format!(
            r#"{{"input_tokens":{input}{end},"output_tokens":{sign}{output}{end},"total_tokens":{total}{end}}}"#
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const TOKENS: Tokens = Tokens {
        input: 10,
        cached: 4,
        output: 6,
        reasoning: 2,
    };

    fn first(text: &str) -> Value {
        serde_json::from_str(&blocks(Style::Chat, TOKENS, &Knobs::parse(text).unwrap())[0]).unwrap()
    }

    #[test]
    fn faults_lie_in_one_place() {
        assert_eq!(first("")["total_tokens"], 16);
        assert_eq!(first("usage=twice")["completion_tokens"], 3);
        assert_eq!(first("usage=negative")["completion_tokens"], -6);
        assert_eq!(first("usage=huge")["completion_tokens"], 9_007_199_254_740_992_u64);
        assert_eq!(first("usage=contradict")["completion_tokens"], 12);
        assert_eq!(first("usage=wrong_total")["total_tokens"], 1_016);
        assert_eq!(first("usage=null"), Value::Null);
        assert!(
            blocks(Style::Chat, TOKENS, &Knobs::parse("usage=float").unwrap())[0].contains(r#""prompt_tokens":10.0,"#)
        );
        assert!(blocks(Style::Chat, TOKENS, &Knobs::parse("no_usage").unwrap()).is_empty());
    }

    #[test]
    fn members_are_added_at_the_end() {
        let mut body = b"{}".to_vec();
        add_member(&mut body, "a", "1");
        add_member(&mut body, "a", "2");
        assert_eq!(body, br#"{"a":1,"a":2}"#);
    }
}
