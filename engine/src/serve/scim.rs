//! Refusals as SCIM errors (RFC 7644 §3.12), for directories: as the control plane gives its own.

use serde_json::json;

use crate::dialect::openai::errors::ApiError;

pub const MEDIA_TYPE: &str = "application/scim+json";
const SCIM: &str = "/scim/";

/// Whether what lies at `path` speaks SCIM.
pub fn is_spoken_at(path: &str) -> bool {
    path.starts_with(SCIM)
}

/// The error; its status is text, as the RFC has it.
pub fn of(error: &ApiError) -> Vec<u8> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": error.status.to_string(),
        "detail": error.message,
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_error_has_the_shape_that_directories_read() {
        let error = ApiError::new(404, "invalid_request_error", "unknown_url", "No \"such\" path.");
        let found: Value = serde_json::from_slice(&of(&error)).unwrap();
        assert_eq!(found["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(found["status"], "404");
        assert_eq!(found["detail"], "No \"such\" path.");
    }

    #[test]
    fn nobody_else_speaks_it() {
        assert!(is_spoken_at("/scim/v2/Users"));
        assert!(!is_spoken_at("/v1/scim/v2/Users"));
        assert!(!is_spoken_at("/api/v1/keys"));
    }
}
