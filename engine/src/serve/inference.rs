//! An inference request, from its headers to its verdict: authenticate, read, resolve; then `forward` takes it on.

use std::net::IpAddr;
use std::time::Instant;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;

use super::answer::AnswerBody;
use super::forward::{self, Admission};
use super::intake::Intake;
use super::refusal::{Refused, X_REQUEST_ID};
use super::{Gateway, Peer, path, signed, stranger};
use crate::auth::{self, KeyHash, Network};
use crate::dialect::openai::errors::ApiError;
use crate::fail_point::{FailPoint, reach};
use crate::flow::{Document, Endpoint, Refusal, Verdict};
use crate::meter::{RequestId, now_us};
use crate::telemetry::RequestLabels;

/// `rest` is the path after `/v1/`.
pub async fn serve(
    gateway: &Gateway,
    id: RequestId,
    peer: Peer,
    client: IpAddr,
    rest: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<AnswerBody>, Refused> {
    let (started, started_us) = (Instant::now(), now_us());
    let signed = signed::signer(gateway, id, peer, client, parts, &body).await?;
    let key = match &signed {
        Some(signed) => signed.key,
        None => bearer(gateway, client, parts)?,
    };
    reach(FailPoint::K0);
    let endpoint = Endpoint::of(rest);
    allow_method(endpoint, &parts.method)?;
    let path_model = if endpoint == Endpoint::Model {
        Some(path::model_of(rest)?)
    } else {
        None
    };
    let intake = Intake::read(gateway, endpoint, path_model, &parts.headers, body, signed.as_ref()).await?;
    let read = Instant::now();
    let verdict = match gateway
        .resolver
        .known(&key, endpoint, &intake.model, id.text().as_str())
    {
        Some(Verdict::Refused(refusal)) if refusal.is_of_the_key() => {
            return Err(stranger::counted(gateway, client, refused(&refusal)));
        }
        Some(verdict) => verdict,
        None => stranger::ask(gateway, client, &key, endpoint, &intake.model, id).await?,
    };
    if let Some(networks) = verdict.addresses() {
        allow_address(client, networks)?;
    }
    match verdict {
        Verdict::Refused(refusal) => Err(refused(&refusal)),
        Verdict::Allowed(flow) => {
            if let Some(document) = &flow.document {
                let labels = RequestLabels {
                    endpoint: endpoint.name(),
                    model: String::new(),
                    status: document.status,
                };
                gateway.book.metrics.answered(&labels, started.elapsed());
                return Ok(show(document, id));
            }
            let admission = Admission {
                id,
                flow,
                endpoint,
                started,
                started_us,
                read,
            };
            forward::serve(gateway, admission, rest, parts, intake).await
        }
    }
}

fn bearer(gateway: &Gateway, client: IpAddr, parts: &Parts) -> Result<KeyHash, Refused> {
    let key = auth::authenticate(&parts.headers).map_err(|error| stranger::counted(gateway, client, error.into()))?;
    stranger::unless_exhausted(gateway, client, &key)?;
    Ok(key)
}

fn allow_address(client: IpAddr, networks: &[Network]) -> Result<(), Refused> {
    if networks.iter().any(|network| network.contains(client)) {
        return Ok(());
    }
    let message = format!("This API key may not be used from {client}. Use it where it is allowed, or another key.");
    Err(ApiError::new(403, "invalid_request_error", "address_not_allowed", &message).into())
}

fn allow_method(endpoint: Endpoint, method: &Method) -> Result<(), Refused> {
    let allowed = match endpoint {
        Endpoint::Models | Endpoint::Model => method == Method::GET || method == Method::HEAD,
        Endpoint::Other => ![Method::TRACE, Method::CONNECT, Method::OPTIONS].contains(method),
        _ => method == Method::POST,
    };
    if allowed {
        return Ok(());
    }
    let message = format!(
        "{method} is not allowed at /v1/{}; {} is.",
        endpoint.name(),
        match endpoint {
            Endpoint::Models | Endpoint::Model => "GET",
            Endpoint::Other => "GET, POST or DELETE",
            _ => "POST",
        }
    );
    Err(Refused::and_close(ApiError::new(
        405,
        "invalid_request_error",
        "method_not_allowed",
        &message,
    )))
}

pub fn refused(refusal: &Refusal) -> Refused {
    let error = ApiError::new(refusal.status, &refusal.r#type, &refusal.code, &refusal.message);
    let error = match &refusal.param {
        Some(param) => error.with_param(param),
        None => error,
    };
    Refused {
        retry_after_s: (refusal.status == 503).then_some(1),
        ..error.into()
    }
}

fn show(document: &Document, id: RequestId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(document.body.clone().into()));
    *response.status_mut() = StatusCode::from_u16(document.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    let media_type = HeaderValue::try_from(&document.content_type);
    headers.insert(
        CONTENT_TYPE,
        media_type.unwrap_or(HeaderValue::from_static("application/json")),
    );
    headers.insert(X_REQUEST_ID, id.text().header());
    response
}
