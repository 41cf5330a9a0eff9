//! What is asked: the model with its knobs, and the body read.

use std::sync::Arc;

use serde_json::Value;

use super::multipart::{self, Form};
use super::{Refusal, content};
use crate::knobs::{Flag, Knobs, Number};
use crate::mock::Mock;
use crate::received::Received;
use crate::records::{Draft, Tokens};

/// Tokens a second of the demo model, where nobody asks for another rate.
const DEMO_RATE: u64 = 40;

/// Which of the two built-in characters answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persona {
    /// Random words.
    Mock,
    /// The demo: repeats what it is told, and says what it is.
    Echo,
}

/// One request for an answer.
#[derive(Clone)]
pub struct Ask<'a> {
    pub endpoint: &'static str,
    pub model: Arc<str>,
    pub persona: Persona,
    pub knobs: Knobs,
    /// The JSON object, or the text fields of a form.
    pub body: Arc<Value>,
    pub form: Option<Arc<Form>>,
    pub seed: u64,
    pub received: &'a Received<'a>,
}

impl<'a> Ask<'a> {
    /// Reads body, model and knobs.
    pub fn read(
        mock: &Mock,
        received: &'a Received<'a>,
        endpoint: &'static str,
        model_is_optional: bool,
        seed: u64,
    ) -> Result<Self, Refusal> {
        let form = multipart::read(received)?;
        let body = form
            .as_ref()
            .map_or_else(|| read_json(received.body), |form| Ok(form.fields()))?;
        let model = read_model(&body, model_is_optional)?;
        let (persona, knobs) = character(mock, received, &model)?;
        let form = form.map(Arc::new);
        Ok(Self {
            endpoint,
            model: Arc::from(model),
            persona,
            knobs,
            body: Arc::new(body),
            form,
            seed,
            received,
        })
    }

    /// A member of the body that is there and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// Whether a boolean member is true. Forms write it as text.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value == &Value::Bool(true) || value == "true")
    }

    /// A member that is a whole number, as JSON or as text.
    pub fn number(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Input tokens of the members that carry text for the model.
    pub fn input_tokens(&self) -> u64 {
        let members = ["messages", "prompt", "input", "instructions", "query", "documents"];
        members
            .iter()
            .filter_map(|name| self.get(name))
            .map(content::tokens_in)
            .sum()
    }

    /// The counts of an answer with so many tokens of output; cached and reasoning ones are set by knobs.
    pub fn tokens(&self, output: u64) -> Tokens {
        let input = self.input_tokens();
        let cached = self.knobs.number(Number::Cached).unwrap_or(0).min(input);
        let reasoning = self.reasoning();
        Tokens {
            input,
            cached,
            output: output + reasoning,
            reasoning,
        }
    }

    pub fn reasoning(&self) -> u64 {
        self.knobs.number(Number::Reasoning).unwrap_or(0)
    }

    /// Seconds since 1970, drawn from the seed so that the answer stays the same.
    pub fn created(&self) -> u64 {
        1_700_000_000 + self.seed % 10_000_000
    }

    /// The member that shows the request as it arrived, where the knob asks for it.
    pub fn received_member(&self) -> Option<String> {
        if !self.knobs.has(Flag::Echo) {
            return None;
        }
        let headers = self.received.headers_as_json();
        let body = match &self.form {
            Some(form) => form.summary().to_string(),
            None => String::from_utf8_lossy(self.received.body).into_owned(),
        };
        let target = Value::from(self.received.target);
        Some(format!(
            r#"{{"received":{{"target":{target},"headers":{headers},"body":{body}}}}}"#
        ))
    }

    pub fn draft(&self, status: u16, stream: bool, tokens: Tokens) -> Draft {
        Draft {
            endpoint: self.endpoint,
            model: Arc::clone(&self.model),
            stream,
            status,
            tokens,
        }
    }
}

fn read_json(body: &[u8]) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Refusal::invalid(
            None,
            format!("We could not parse the JSON body of your request: {error}"),
        )
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Refusal::invalid(None, "The body must be a JSON object."))
    }
}

fn read_model(body: &Value, optional: bool) -> Result<String, Refusal> {
    match body.get("model") {
        Some(Value::String(model)) if !model.is_empty() => Ok(model.clone()),
        None | Some(Value::Null) if optional => Ok("mock".to_owned()),
        None | Some(Value::Null) => Err(Refusal::invalid(Some("model"), "you must provide a model parameter")),
        Some(_) => Err(Refusal::invalid(
            Some("model"),
            "`model` must be a string that is not empty",
        )),
    }
}

/// Only `mock` and `echo` read what follows a colon; other names may have colons of their own.
fn character(mock: &Mock, received: &Received<'_>, model: &str) -> Result<(Persona, Knobs), Refusal> {
    let (name, turns) = model.split_once(':').unwrap_or((model, ""));
    let persona = if name == "echo" || name.ends_with("/echo") {
        Persona::Echo
    } else {
        Persona::Mock
    };
    let mut knobs = Knobs::default();
    if mock.options().knobs {
        let from_model = if persona == Persona::Echo || name == "mock" {
            turns
        } else {
            ""
        };
        let wrong = |param| move |error: crate::KnobError| Refusal::invalid(param, error.to_string());
        knobs.turn(from_model).map_err(wrong(Some("model")))?;
        knobs
            .turn(received.header("x-mock").unwrap_or_default())
            .map_err(wrong(None))?;
    }
    if persona == Persona::Echo && is_stream(received) {
        knobs.default_to(Number::Rate, DEMO_RATE);
    }
    Ok((persona, knobs))
}

/// The demo speaks slowly only where it is heard word by word.
fn is_stream(received: &Received<'_>) -> bool {
    memchr::memmem::find(received.body, b"\"stream\"").is_some()
}
