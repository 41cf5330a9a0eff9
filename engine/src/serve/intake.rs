//! A request's body: read within its limits, understood as far as admission needs it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::form::{self, Form};
use super::refusal::Refused;
use super::signed::Signed;
use super::{Gateway, streamed};
use crate::dialect::openai::errors::ApiError;
use crate::dialect::openai::multipart;
use crate::dialect::openai::request::{self, Pieces, Scan};
use crate::flow::{Endpoint, Target};
use crate::limit::Held;
use crate::upstream::RequestBody;

/// Names the model where the body has no place for it.
pub const X_MODEL: HeaderName = HeaderName::from_static("x-headworks-model");
/// What is set aside for a body of undeclared length before it grows.
const UNDECLARED: u64 = 64 * 1024;
const LONGEST_MODEL: usize = 256;

/// A body that was read, or is ready to stream.
pub struct Intake {
    /// Empty where the request names none.
    pub model: String,
    pub streamed: bool,
    pub body: IntakeBody,
    /// Bytes of input, for estimates; 0 where it is not text.
    pub input_bytes: u64,
    /// As the caller declared the body's length; 0 where it did not.
    pub declared_bytes: u64,
    _held: Option<Held>,
}

pub enum IntakeBody {
    Empty,
    Json {
        body: Bytes,
        scan: Box<Scan>,
    },
    Form(Box<Form>),
    /// Passes through unchanged; read first, because it had to be compared with what was signed.
    Whole(Bytes),
    /// Passes through unread.
    Stream(Option<Incoming>),
}

impl Intake {
    pub async fn read(
        gateway: &Gateway,
        endpoint: Endpoint,
        path_model: Option<String>,
        headers: &HeaderMap,
        body: Incoming,
        signed: Option<&Signed>,
    ) -> Result<Self, Refused> {
        let limit = gateway.settings.body_limit_bytes;
        let declared = declared_length(headers);
        if declared.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        if headers.contains_key(CONTENT_ENCODING) {
            let message = "The request body is compressed (header content-encoding); send it uncompressed.";
            return Err(wrong_type(message));
        }
        let mut intake = if body.is_end_stream() {
            if let Some(signed) = signed {
                signed.check_body(&Bytes::new()).await?;
            }
            Self::of(IntakeBody::Empty, None)
        } else {
            let media_type = headers
                .get(CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            match (Kind::of(endpoint, media_type)?, signed) {
                (Kind::Json, _) => Self::json(gateway, declared, body, signed).await?,
                (Kind::Form(boundary), None) => Self::form(gateway, &boundary, declared, body).await?,
                (Kind::Opaque, None) => Self::of(IntakeBody::Stream(Some(body)), None),
                (Kind::Form(boundary), Some(_)) => {
                    let (body, held) = Box::pin(whole(gateway, limit, declared, body, signed)).await?;
                    Self::of_form(Form::whole(&boundary, body)?, held)
                }
                (Kind::Opaque, Some(_)) => {
                    let (body, held) = Box::pin(whole(gateway, limit, declared, body, signed)).await?;
                    Self::of(IntakeBody::Whole(body), Some(held))
                }
            }
        };
        if matches!(intake.body, IntakeBody::Empty) && (endpoint.takes_json() || endpoint.takes_form()) {
            let message = "The request has no body; this endpoint needs one.";
            return Err(ApiError::new(400, "invalid_request_error", "missing_body", message).into());
        }
        intake.declared_bytes = declared.unwrap_or(0);
        if let Some(model) = path_model {
            intake.model = model;
        } else if intake.model.is_empty() {
            intake.model = model_header(headers)?;
        }
        if intake.model.is_empty() && (endpoint.needs_model() || endpoint.takes_form()) {
            let message = "The request names no model: set the field 'model' to one that GET /v1/models lists.";
            return Err(ApiError::new(400, "invalid_request_error", "missing_model", message)
                .with_param("model")
                .into());
        }
        Ok(intake)
    }

    fn of(body: IntakeBody, held: Option<Held>) -> Self {
        Self {
            model: String::new(),
            streamed: false,
            body,
            input_bytes: 0,
            declared_bytes: 0,
            _held: held,
        }
    }

    async fn json(
        gateway: &Gateway,
        declared: Option<u64>,
        body: Incoming,
        signed: Option<&Signed>,
    ) -> Result<Self, Refused> {
        let (body, held) = whole(gateway, gateway.settings.body_limit_bytes, declared, body, signed).await?;
        let scan = request::scan(&body).map_err(|error| {
            let refused = ApiError::new(400, "invalid_request_error", "invalid_body", &error.to_string());
            match error.param {
                Some(param) => refused.with_param(param),
                None => refused,
            }
        })?;
        let model = scan.model(&body).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let (streamed, input_bytes) = (scan.stream, body.len() as u64);
        let body = IntakeBody::Json {
            body,
            scan: Box::new(scan),
        };
        Ok(Self {
            model,
            streamed,
            body,
            input_bytes,
            declared_bytes: 0,
            _held: Some(held),
        })
    }

    async fn form(gateway: &Gateway, boundary: &str, declared: Option<u64>, body: Incoming) -> Result<Self, Refused> {
        let held = gateway.bodies.hold(form::IN_MEMORY).ok_or_else(overloaded)?;
        let settings = &gateway.settings;
        let limit = settings.body_limit_bytes;
        let form = Box::pin(Form::read(
            boundary,
            declared,
            body,
            limit,
            settings.body_progress(),
            &settings.spool_dir,
        ))
        .await?;
        Ok(Self::of_form(form, held))
    }

    fn of_form(form: Form, held: Held) -> Self {
        Self {
            model: form.model().to_owned(),
            ..Self::of(IntakeBody::Form(Box::new(form)), Some(held))
        }
    }

    /// The body for one target; None when it has streamed away to another one before.
    pub fn outgoing(&mut self, endpoint: Endpoint, target: &Target) -> Option<RequestBody> {
        let model = target.upstream_model.as_deref();
        match &mut self.body {
            IntakeBody::Empty => Some(RequestBody::empty()),
            IntakeBody::Json { body, scan } => {
                let ask_usage = scan.stream && endpoint.has_stream_options() && target.stream_usage;
                let named = model.filter(|_| scan.model.is_some());
                let pieces: Pieces = request::rewrite(body, scan, named, ask_usage);
                Some(RequestBody::pieces(pieces))
            }
            IntakeBody::Form(form) => form.outgoing(model),
            IntakeBody::Whole(body) => Some(RequestBody::pieces([body.clone()])),
            IntakeBody::Stream(body) => body.take().map(|body| streamed::passage(body, u64::MAX)),
        }
    }

    /// Asks for answers of at most so many tokens; `name` is the field to add where the body limits them nowhere.
    pub fn clip(&mut self, name: &str, tokens: u64) {
        if let IntakeBody::Json { body, scan } = &mut self.body {
            let clipped = request::clip(body, scan, name, tokens);
            // What was well formed still is.
            if let Ok(again) = request::scan(&clipped) {
                (*body, **scan) = (clipped, again);
            }
        }
    }

    /// Whether the client itself asked for the usage event of the stream.
    pub fn wants_usage(&self) -> bool {
        matches!(&self.body, IntakeBody::Json { scan, .. } if scan.include_usage == Some(true))
    }
}

enum Kind {
    Json,
    Form(String),
    Opaque,
}

impl Kind {
    fn of(endpoint: Endpoint, media_type: &str) -> Result<Self, Refused> {
        let essence = media_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_json = essence == "application/json" || essence.ends_with("+json");
        match essence.as_str() {
            "multipart/form-data" if !endpoint.takes_json() => {
                let boundary = multipart::boundary(media_type)
                    .ok_or_else(|| wrong_type("The multipart body's content-type names no boundary."))?;
                Ok(Self::Form(boundary))
            }
            _ if is_json && !endpoint.takes_form() => Ok(Self::Json),
            _ if endpoint.takes_json() => Err(wrong_type(
                "The content-type must be application/json: send the header 'content-type: application/json'.",
            )),
            _ if endpoint.takes_form() => Err(wrong_type("The content-type must be multipart/form-data.")),
            _ => Ok(Self::Opaque),
        }
    }
}

/// Reads a body that must be whole, and is the one that was signed.
pub async fn whole(
    gateway: &Gateway,
    limit: u64,
    declared: Option<u64>,
    body: Incoming,
    signed: Option<&Signed>,
) -> Result<(Bytes, Held), Refused> {
    let mut held = gateway
        .bodies
        .hold(declared.unwrap_or(UNDECLARED))
        .ok_or_else(overloaded)?;
    let body = collect(body, declared, limit, gateway.settings.body_progress(), &mut held).await?;
    if let Some(signed) = signed {
        signed.check_body(&body).await?;
    }
    Ok((body, held))
}

/// Reads to the end; without a copy when it came in one piece.
async fn collect(
    mut body: Incoming,
    declared: Option<u64>,
    limit: u64,
    progress: Duration,
    held: &mut Held,
) -> Result<Bytes, Refused> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut room = declared.unwrap_or(UNDECLARED);
    while let Some(bytes) = next_bytes(&mut body, progress).await? {
        let together = first.len() + rest.len() + bytes.len();
        let length = together as u64;
        if length > limit {
            return Err(too_large(limit));
        }
        if length > room {
            let grown = (length * 2).min(limit);
            if !held.grow(grown - room) {
                return Err(overloaded());
            }
            room = grown;
        }
        if first.is_empty() && rest.is_empty() {
            first = bytes;
        } else {
            if rest.is_empty() {
                // What was declared but has not come is not paid for in advance.
                let expected = declared.unwrap_or(0).min(1024 * 1024);
                rest.reserve(usize::try_from(expected).unwrap_or(0).max(together));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&bytes);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The next data of a body; None at its end.
pub async fn next_bytes(body: &mut Incoming, progress: Duration) -> Result<Option<Bytes>, Refused> {
    loop {
        match tokio::time::timeout(progress, body.frame()).await {
            Err(_) => return Err(too_slow(progress)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn model_header(headers: &HeaderMap) -> Result<String, Refused> {
    let Some(value) = headers.get(X_MODEL) else {
        return Ok(String::new());
    };
    match value.to_str() {
        Ok(model) if model.len() <= LONGEST_MODEL => Ok(model.to_owned()),
        _ => {
            let message = "The header 'x-headworks-model' must be ASCII text of at most 256 characters.";
            Err(ApiError::new(400, "invalid_request_error", "invalid_model", message)
                .with_param("x-headworks-model")
                .into())
        }
    }
}

pub fn too_large(limit: u64) -> Refused {
    let message = format!("The request body is larger than {limit} bytes, the limit of this gateway.");
    Refused::and_close(ApiError::new(
        413,
        "invalid_request_error",
        "request_too_large",
        &message,
    ))
}

fn too_slow(progress: Duration) -> Refused {
    let message = format!("The request body made no progress for {} seconds.", progress.as_secs());
    Refused::and_close(ApiError::new(408, "invalid_request_error", "request_timeout", &message))
}

fn broken(error: &hyper::Error) -> Refused {
    tracing::debug!(%error, "a request body broke off");
    let message = "The request body is malformed: it ended early, or its chunks are not valid HTTP/1.1.";
    Refused::and_close(ApiError::new(
        400,
        "invalid_request_error",
        "malformed_request",
        message,
    ))
}

fn overloaded() -> Refused {
    Refused::unavailable(
        "overloaded",
        "Too many request bodies are being held at once; try again in a moment.",
    )
}

fn wrong_type(message: &str) -> Refused {
    Refused::and_close(ApiError::new(
        415,
        "invalid_request_error",
        "unsupported_media_type",
        message,
    ))
}
