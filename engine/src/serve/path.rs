//! One reading of a request's path, for routing and for what is sent upstream alike.

use super::refusal::Refused;
use crate::dialect::openai::errors::ApiError;

const LONGEST: usize = 2_048;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// What follows `/v1/`.
    Inference(&'a str),
    /// Answered here, without a look at anything else: the process is alive.
    Alive,
    Control,
}

/// Refuses spellings that another parser might read differently: dots, doubled slashes, escapes, parameters.
pub fn route(path: &str) -> Result<Route<'_>, Refused> {
    if matches!(path, "/healthz" | "/health/live") {
        return Ok(Route::Alive);
    }
    let rest = path.strip_prefix("/v1/");
    // An escaped slash in a model's name is the one escape that SDKs send; it never goes upstream.
    let checked = match rest.and_then(|rest| rest.strip_prefix("models/")) {
        Some(_) => "",
        None => path,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~:@,+".contains(&byte);
    let dots = checked.split('/').any(|segment| segment == "." || segment == "..");
    if path.len() > LONGEST || !checked.bytes().all(is_plain) || checked.contains("//") || dots {
        return Err(unusable());
    }
    match rest {
        Some("") => Err(unusable()),
        Some(rest) => Ok(Route::Inference(rest)),
        None if path == "/v1" => Err(unusable()),
        None => Ok(Route::Control),
    }
}

/// The model in `models/{id}`.
pub fn model_of(rest: &str) -> Result<String, Refused> {
    let name = rest.strip_prefix("models/").unwrap_or_default();
    percent_decode(name)
        .filter(|name| !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control))
        .ok_or_else(unusable)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn unusable() -> Refused {
    let message =
        "The path is not one that this gateway serves: it may hold letters, digits and '-_.~:' between single slashes.";
    ApiError::new(404, "invalid_request_error", "unknown_url", message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_routed() {
        assert_eq!(
            route("/v1/chat/completions").unwrap(),
            Route::Inference("chat/completions")
        );
        assert_eq!(route("/api/v1/keys").unwrap(), Route::Control);
        for path in [
            "/scim/v2/Users/dpr_01",
            "/scim/v2/.search",
            "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        ] {
            assert_eq!(route(path).unwrap(), Route::Control);
        }
        assert_eq!(route("/").unwrap(), Route::Control);
        assert_eq!(route("/healthz").unwrap(), Route::Alive);
    }

    #[test]
    fn tricks_are_not() {
        for path in [
            "/v1/../api/v1/keys",
            "/v1//chat",
            "/v1/chat%2fcompletions",
            "/v1/chat;a=b",
            "/api/./v1",
            "/v1",
            "/v1/",
            "/api/%00",
            "/scim/v2/../../api/v1/keys",
            "/scim/v2/Users%2fdpr_01",
            "/v1/é",
        ] {
            assert!(route(path).is_err(), "{path}");
        }
        assert!(route(&format!("/{}", "a".repeat(3_000))).is_err());
    }

    #[test]
    fn a_models_name_may_hold_slashes() {
        assert_eq!(model_of("models/headworks%2Fecho").unwrap(), "headworks/echo");
        assert_eq!(model_of("models/headworks/echo").unwrap(), "headworks/echo");
        for bad in ["models/", "models/%0a", "models/%zz", "models/%e", "models/%ff"] {
            assert!(model_of(bad).is_err(), "{bad}");
        }
    }
}
