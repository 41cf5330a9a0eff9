//! The text of a request, as a model is given it: for counting where the provider does not.

use serde_json::Value;

/// Around each message, and before the answer: <https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken>.
const AROUND_MESSAGE: u64 = 3;
const BEFORE_ANSWER: u64 = 3;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputText {
    pub texts: Vec<String>,
    /// Tokens that the model gets besides: those that part the messages, and those that came as numbers.
    pub besides: u64,
}

/// None for what is not JSON. Depth is bounded by the parser.
pub fn input_text(body: &[u8]) -> Option<InputText> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut found = InputText::default();
    for list in ["messages", "input"] {
        if let Value::Array(items) = &body[list] {
            let messages = items.iter().filter(|item| item.is_object()).count() as u64;
            if messages > 0 {
                found.besides += messages * AROUND_MESSAGE + BEFORE_ANSWER;
            }
        }
        found.strings(&body[list]);
    }
    for name in ["instructions", "prompt"] {
        found.strings(&body[name]);
    }
    // The model is given schemas in other words, of about the same length.
    for name in ["tools", "functions", "response_format", "text"] {
        if !body[name].is_null() {
            found.texts.push(body[name].to_string());
        }
    }
    Some(found)
}

impl InputText {
    fn strings(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.texts.push(text.clone()),
            Value::Number(_) => self.besides += 1,
            Value::Array(items) => items.iter().for_each(|item| self.strings(item)),
            Value::Object(members) => {
                for (name, value) in members {
                    // Images, sound and files are not text, and ids are for machines.
                    if !matches!(
                        name.as_str(),
                        "type" | "id" | "call_id" | "tool_call_id" | "image_url" | "input_audio" | "file"
                    ) {
                        self.strings(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_is_given_is_found() {
        let chat = br#"{"model":"m","user":"u","messages":[
            {"role":"system","content":"Be brief."},
            {"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"data:AAAA"}}]}]}"#;
        let found = input_text(chat).unwrap();
        let mut texts = found.texts;
        texts.sort_unstable();
        assert_eq!(texts, ["Be brief.", "What is it?", "system", "user"]);
        assert_eq!(found.besides, 9);
    }

    #[test]
    fn other_endpoints_are_read_too() {
        let found = input_text(br#"{"input":"abc","instructions":"def","tools":[{"name":"ghi"}]}"#).unwrap();
        assert_eq!(
            (found.texts, found.besides),
            (["abc", "def", r#"[{"name":"ghi"}]"#].map(String::from).into(), 0)
        );
        assert_eq!(input_text(br#"{"prompt":[[1,2,3],[4]]}"#).unwrap().besides, 4);
        assert_eq!(input_text(br#"{"input":["a","b"]}"#).unwrap().texts, ["a", "b"]);
        assert_eq!(input_text(b"{"), None);
        assert_eq!(input_text(b"{}"), Some(InputText::default()));
    }
}
