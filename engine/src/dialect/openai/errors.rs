//! Errors in the shape that OpenAI's SDKs read: <https://platform.openai.com/docs/guides/error-codes/api-errors>.

use crate::dialect::json::push_quoted;

/// A refusal or failure, as the caller gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The kind, such as `invalid_request_error`; SDKs show it.
    pub r#type: String,
    /// What programs branch on, such as `invalid_api_key`.
    pub code: String,
    /// A sentence for a person: what happened and how to mend it.
    pub message: String,
    /// The field of the request that is wrong.
    pub param: Option<Box<str>>,
}

impl ApiError {
    pub fn new(status: u16, r#type: &str, code: &str, message: &str) -> Self {
        Self {
            status,
            r#type: r#type.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            param: None,
        }
    }

    #[must_use]
    pub fn with_param(mut self, param: &str) -> Self {
        self.param = Some(param.into());
        self
    }

    /// `{"error": {"message", "type", "param", "code"}}`.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_json_with(None)
    }

    /// The same with a member `rule`, a JSON object: the limit or budget that is behind it, which OpenAI's errors lack.
    pub fn to_json_with(&self, rule: Option<&str>) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + self.message.len() + self.code.len() + self.r#type.len());
        out.extend_from_slice(b"{\"error\":{\"message\":");
        push_quoted(&mut out, &self.message);
        out.extend_from_slice(b",\"type\":");
        push_quoted(&mut out, &self.r#type);
        out.extend_from_slice(b",\"param\":");
        match &self.param {
            Some(param) => push_quoted(&mut out, param),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"code\":");
        push_quoted(&mut out, &self.code);
        if let Some(rule) = rule {
            out.extend_from_slice(b",\"rule\":");
            out.extend_from_slice(rule.as_bytes());
        }
        out.extend_from_slice(b"}}");
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_body_is_what_sdks_read() {
        let error =
            ApiError::new(400, "invalid_request_error", "bad\u{1}", "No \"such\"\nmodel é.").with_param("model");
        let body: Value = serde_json::from_slice(&error.to_json()).unwrap();
        let expected = json!({"error": {
            "message": "No \"such\"\nmodel é.", "type": "invalid_request_error", "param": "model", "code": "bad\u{1}",
        }});
        assert_eq!(body, expected);
    }

    #[test]
    fn an_error_without_a_field_says_null() {
        let body: Value = serde_json::from_slice(&ApiError::new(500, "api_error", "c", "m").to_json()).unwrap();
        assert_eq!(body["error"]["param"], Value::Null);
    }
}
