//! The bytes of a request, made once and sent many times.

use crate::arguments::Arguments;

/// How a prompt looks: words, now and then a line's end.
const PROSE: &str =
    "the flow of the river was measured at the weir each day from spring to the end of the year by hand\\n";

/// A chat request of exactly the size that was asked for, or the least that holds the model's name.
pub fn chat(arguments: &Arguments, bearer: Option<&str>, stream: bool) -> Vec<u8> {
    let body = body(&arguments.model, arguments.body_bytes, stream);
    let host = arguments.target.address;
    let path = &arguments.target.path;
    let authorization = bearer
        .map(|key| format!("authorization: Bearer {key}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: loadgen\r\naccept: application/json\r\n\
         content-type: application/json\r\n{authorization}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn body(model: &str, bytes: usize, stream: bool) -> String {
    let stream = if stream { r#""stream":true,"# } else { "" };
    let model = serde_json::Value::from(model);
    let head = format!(r#"{{"model":{model},{stream}"messages":[{{"role":"user","content":""#);
    let tail = r#""}]}"#;
    let room = bytes.saturating_sub(head.len() + tail.len());
    let mut prompt: String = PROSE.chars().cycle().take(room).collect();
    if prompt.ends_with('\\') {
        // Half an escape would not be JSON.
        prompt.pop();
        prompt.push('.');
    }
    format!("{head}{prompt}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_of_exactly_that_size() {
        for bytes in 200..420 {
            let text = body("mock:size=1", bytes, bytes % 2 == 0);
            assert_eq!(text.len(), bytes);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
}
