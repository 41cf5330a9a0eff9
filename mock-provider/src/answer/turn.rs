//! What the model says in one choice: text, or a call of a tool.

use serde_json::{Value, json};

use super::ask::Ask;
use super::content::{Content, fragments};
use super::tools;

/// One choice.
#[derive(Clone, Debug)]
pub enum Turn {
    Text { content: Content, finish: &'static str },
    Tool(ToolCall),
}

/// A call of a tool; its arguments come in fragments of one token each, after one token for the name.
#[derive(Clone, Debug)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub fragments: Vec<String>,
}

impl Turn {
    /// What is said in answer to `ask`, in the `choice`-th choice.
    pub fn of(ask: &Ask<'_>, choice: u64) -> Self {
        if let Some((name, arguments)) = tools::wanted(ask) {
            let id = format!("call_{:016x}", ask.seed ^ choice);
            return Self::Tool(ToolCall {
                id,
                name,
                fragments: fragments(&arguments),
            });
        }
        let (content, is_cut) = Content::of(ask, choice);
        Self::Text {
            content,
            finish: if is_cut { "length" } else { "stop" },
        }
    }

    /// Pieces in a stream.
    pub fn len(&self) -> u64 {
        match self {
            Self::Text { content, .. } => content.len(),
            Self::Tool(call) => 1 + call.fragments.len() as u64,
        }
    }

    /// Output tokens.
    pub fn tokens(&self) -> u64 {
        match self {
            Self::Text { content, .. } => content.tokens(),
            Self::Tool(_) => self.len(),
        }
    }

    /// Output tokens of the `index`-th piece.
    pub fn tokens_of(&self, index: u64) -> u64 {
        match self {
            Self::Text { content, .. } => content.tokens_of(index),
            Self::Tool(_) => 1,
        }
    }

    pub fn finish_reason(&self) -> &'static str {
        match self {
            Self::Text { finish, .. } => finish,
            Self::Tool(_) => "tool_calls",
        }
    }

    /// The message of a chat answer that is not streamed.
    pub fn message(&self) -> Value {
        match self {
            Self::Text { content, .. } => {
                json!({"role": "assistant", "content": content.text(), "refusal": null, "annotations": []})
            }
            Self::Tool(call) => {
                let function = json!({"name": call.name, "arguments": call.fragments.concat()});
                let calls = json!([{"id": call.id, "type": "function", "function": function}]);
                json!({"role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": calls})
            }
        }
    }

    /// The `index`-th delta of a chat stream, as JSON.
    pub fn delta(&self, index: u64) -> String {
        match self {
            Self::Text { content, .. } => format!(r#"{{"content":{}}}"#, quoted(&content.piece(index))),
            Self::Tool(call) => call.delta(index),
        }
    }
}

impl ToolCall {
    fn delta(&self, index: u64) -> String {
        let fragment = index
            .checked_sub(1)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.fragments.get(index));
        match fragment {
            Some(fragment) => format!(
                r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}]}}"#,
                quoted(fragment)
            ),
            None => format!(
                r#"{{"tool_calls":[{{"index":0,"id":"{}","type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
                self.id,
                quoted(&self.name)
            ),
        }
    }
}

/// A JSON string literal.
pub fn quoted(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if is_plain {
        format!("\"{text}\"")
    } else {
        Value::from(text).to_string()
    }
}
