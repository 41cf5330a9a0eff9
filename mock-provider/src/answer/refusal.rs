//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`,
//! <https://platform.openai.com/docs/guides/error-codes>.

use serde_json::json;

use super::{Answer, Ready, ready, wait};
use crate::knobs::{Knobs, Number};
use crate::play::{self, Reply};
use crate::received::Received;
use crate::records::Draft;

/// Why there is no answer.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    r#type: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    message: String,
}

impl Refusal {
    /// A field is missing or wrong.
    pub fn invalid(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            r#type: "invalid_request_error",
            code: None,
            param,
            message: message.into(),
        }
    }

    /// The body is larger than the mock takes.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Self {
            status: 413,
            ..Self::invalid(None, message)
        }
    }

    pub fn no_such_path(received: &Received<'_>) -> Self {
        let message = format!("Invalid URL ({} {})", received.method, received.path());
        Self {
            status: 404,
            ..Self::invalid(None, message)
        }
    }

    pub fn not_allowed(received: &Received<'_>) -> Self {
        let message = format!("Not allowed to {} on {}", received.method, received.path());
        Self {
            status: 405,
            code: Some("method_not_supported"),
            ..Self::invalid(None, message)
        }
    }

    pub fn no_such_model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist.");
        Self {
            status: 404,
            code: Some("model_not_found"),
            ..Self::invalid(Some("model"), message)
        }
    }

    pub fn unauthorized() -> Self {
        let message = "Incorrect API key provided.".to_owned();
        Self {
            status: 401,
            code: Some("invalid_api_key"),
            ..Self::invalid(None, message)
        }
    }

    /// The knob `status`.
    pub fn asked_for(status: u16) -> Self {
        let (r#type, code) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            403 => ("invalid_request_error", Some("unsupported_country_region_territory")),
            404 => ("invalid_request_error", Some("model_not_found")),
            429 => ("requests", Some("rate_limit_exceeded")),
            300..=499 => ("invalid_request_error", None),
            _ => ("server_error", None),
        };
        let message = format!("The mock provider was asked for status {status}.");
        Self {
            status,
            r#type,
            code,
            param: None,
            message,
        }
    }

    /// The answer that tells it.
    pub fn into_answer(self, endpoint: &'static str, model: &str, seed: u64, knobs: &Knobs) -> Answer {
        let body = self.body();
        let (framing, script) = play::whole(body, 0, knobs);
        let mut headers = ready::headers("application/json", seed);
        if let Some(seconds) = knobs.number(Number::RetryAfter) {
            headers.push(("retry-after", seconds.to_string()));
        }
        let draft = Draft::refusal(endpoint, model, self.status);
        Answer::Play(Box::new(Reply {
            status: self.status,
            headers,
            framing,
            script,
            wait: wait(knobs),
            draft,
        }))
    }

    /// The same, ready to be sent where no endpoint was reached.
    pub fn into_ready(self, seed: u64) -> Ready {
        let draft = Draft::refusal("other", "", self.status);
        Ready::new(
            self.status,
            ready::headers("application/json", seed),
            &self.body(),
            draft,
        )
    }

    fn body(&self) -> Vec<u8> {
        let error = json!({"message": self.message, "type": self.r#type, "param": self.param, "code": self.code});
        json!({ "error": error }).to_string().into_bytes()
    }
}
