//! Refusals in the caller's dialect.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::answer::AnswerBody;
use super::{problem, scim};
use crate::dialect::openai::errors::ApiError;
use crate::meter::RequestId;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Tells our errors from the upstream's: `gateway` or `upstream`.
pub const X_ERROR_SOURCE: HeaderName = HeaderName::from_static("x-headworks-error-source");

/// Why a request goes no further.
#[derive(Debug)]
pub struct Refused {
    pub error: ApiError,
    pub retry_after_s: Option<u32>,
    /// Most say nothing more.
    pub more: Option<Box<More>>,
    /// The rest of the request will not be read.
    pub close: bool,
    /// It failed after it was let in, so that its record and its metrics are written already.
    pub was_let_in: bool,
}

/// What else the caller's program may read.
#[derive(Debug, Default)]
pub struct More {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The limit or budget that is behind the error: a JSON object.
    pub rule: Option<String>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            retry_after_s: None,
            more: None,
            close: false,
            was_let_in: false,
        }
    }
}

impl Refused {
    /// Our own trouble, which passes: the caller may try again.
    pub fn unavailable(code: &'static str, message: &str) -> Self {
        let error = ApiError::new(503, "api_error", code, message);
        Self {
            retry_after_s: Some(1),
            ..error.into()
        }
    }

    pub fn and_close(error: ApiError) -> Self {
        Self {
            close: true,
            ..error.into()
        }
    }

    #[must_use]
    pub fn after_admission(self) -> Self {
        Self {
            was_let_in: true,
            ..self
        }
    }

    /// `managed` is the path of a request to the management API, which speaks problem details, or of a directory, which speaks SCIM.
    pub fn respond(&self, id: RequestId, managed: Option<&str>) -> Response<AnswerBody> {
        let more = self.more.as_deref();
        let (body, media_type) = match managed {
            Some(path) if scim::is_spoken_at(path) => (scim::of(&self.error), scim::MEDIA_TYPE),
            Some(path) => (problem::of(&self.error, path, id.text().as_str()), problem::MEDIA_TYPE),
            None => (
                self.error.to_json_with(more.and_then(|more| more.rule.as_deref())),
                "application/json",
            ),
        };
        let mut response = Response::new(AnswerBody::whole(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(X_REQUEST_ID, id.text().header());
        headers.insert(X_ERROR_SOURCE, HeaderValue::from_static("gateway"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in more.map_or(&[][..], |more| &more.headers) {
            headers.insert(name, value.clone());
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What HTTP itself forbids, or what two readers of the same request may understand differently.
pub fn unless_well_formed(parts: &Parts, is_ambiguous: bool) -> Result<(), Refused> {
    let message = if is_ambiguous {
        "The request says twice where its body ends (content-length, transfer-encoding); send one of them, once."
    } else if parts.headers.get_all(HOST).iter().nth(1).is_some() {
        "The request has more than one Host header."
    } else {
        return Ok(());
    };
    Err(Refused::and_close(ApiError::new(
        400,
        "invalid_request_error",
        "malformed_request",
        message,
    )))
}

/// What is to be said in place of hyper's bare `refusal` of bytes that are no HTTP request.
pub fn malformed(refusal: &[u8]) -> ApiError {
    let status = refusal
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|code| code.parse().ok());
    let (status, code, message) = match status {
        Some(431) => (
            431,
            "headers_too_large",
            "The request's headers are too large or too many; 100 headers and 64 KiB are allowed.",
        ),
        Some(414) => (414, "uri_too_long", "The request's address is too long."),
        _ => (
            400,
            "malformed_request",
            "The request is not valid HTTP/1.1: its request line, a header or its framing is malformed.",
        ),
    };
    ApiError::new(status, "invalid_request_error", code, message)
}

/// A head that did not arrive in time.
pub fn too_slow() -> ApiError {
    ApiError::new(
        408,
        "invalid_request_error",
        "request_timeout",
        "The request's headers did not arrive in time.",
    )
}

/// An HTTP/1.1 response as bytes, for connections that hyper has given up.
pub fn raw(error: &ApiError) -> Bytes {
    let reason = StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let (status, id, body) = (error.status, RequestId::generate(), error.to_json());
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n\
         x-headworks-error-source: gateway\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Bytes::from([head.into_bytes(), body].concat())
}
