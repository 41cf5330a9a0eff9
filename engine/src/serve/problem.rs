//! Refusals as problem details (RFC 9457), for callers of the management API: as the control plane gives its own.

use http::StatusCode;
use serde_json::json;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::dialect::openai::errors::ApiError;

pub const MEDIA_TYPE: &str = "application/problem+json";
const API: &str = "/api/";

/// Whether what lies at `path` speaks problem details.
pub fn is_spoken_at(path: &str) -> bool {
    path.starts_with(API)
}

/// The problem of a request to `path`, which has the id `request_id`.
pub fn of(error: &ApiError, path: &str, request_id: &str) -> Vec<u8> {
    let title = StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut timestamp = String::new();
    // Writing to a string does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let problem = json!({
        "type": "about:blank",
        "title": title.unwrap_or("Refused"),
        "status": error.status,
        "detail": error.message,
        "instance": path,
        "error": {"code": error.code, "details": []},
        "meta": {"request_id": request_id, "timestamp": timestamp},
    });
    problem.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_problem_holds_what_the_control_planes_do() {
        let error = ApiError::new(404, "invalid_request_error", "unknown_url", "No \"such\" path.");
        let problem: Value = serde_json::from_slice(&of(&error, "/api/%00", "req_1")).unwrap();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], "Not Found");
        assert_eq!(problem["status"], 404);
        assert_eq!(problem["detail"], "No \"such\" path.");
        assert_eq!(problem["instance"], "/api/%00");
        assert_eq!(problem["error"], json!({"code": "unknown_url", "details": []}));
        assert_eq!(problem["meta"]["request_id"], "req_1");
        let timestamp = problem["meta"]["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.contains('T'), "{timestamp}");
    }

    #[test]
    fn inference_speaks_another_way() {
        assert!(is_spoken_at("/api/v1/keys"));
        assert!(!is_spoken_at("/v1/chat/completions"));
        assert!(!is_spoken_at("/"));
    }
}
