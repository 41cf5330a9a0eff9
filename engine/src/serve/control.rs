//! What is not inference goes to the control plane, over its Unix socket, as it came.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::answer::AnswerBody;
use super::client::{FORWARDED_FOR, FORWARDED_PROTO};
use super::headers::is_hop_by_hop;
use super::refusal::{Refused, X_REQUEST_ID};
use super::{Gateway, Peer, intake, signed, streamed};
use crate::auth::KeyHash;
use crate::dialect::openai::errors::ApiError;
use crate::flow::hex;
use crate::limit::Held;
use crate::meter::RequestId;
use crate::upstream::{Pool, Replay, RequestBody};

/// The client as we see it, past proxies that are believed. Whatever a caller says in it is dropped.
const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("x-headworks-client-address");
/// The signer whose signature we have verified, as identity knows it. Whatever a caller says in it is dropped.
const SIGNER: HeaderName = HeaderName::from_static("x-headworks-signer");
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
/// No request of the management API is near this size.
const BODY_LIMIT: u64 = 8 * 1024 * 1024;

pub struct Control {
    pool: Arc<Pool>,
}

impl Control {
    pub fn new(socket: std::path::PathBuf) -> Self {
        Self {
            pool: Pool::unix(socket),
        }
    }

    pub async fn serve(
        &self,
        gateway: &Gateway,
        id: RequestId,
        peer: Peer,
        client: IpAddr,
        parts: Parts,
        body: Incoming,
    ) -> Result<Response<AnswerBody>, Refused> {
        let brought = Brought::read(gateway, id, peer, client, &parts, body).await?;
        let mut handed = HandedOver::new(id, peer, client, parts, brought);
        let response = self.pool.send(&mut handed, CONNECT, ANSWER).await.map_err(|error| {
            tracing::error!(request_id = %id, %error, "the control plane did not answer");
            Refused::unavailable(
                "control_plane_unavailable",
                "The control plane does not answer; inference goes on. Try again in a moment.",
            )
        })?;
        let mut response = response.map(AnswerBody::control);
        response.headers_mut().remove(CONNECTION);
        response.headers_mut().insert(X_REQUEST_ID, id.text().header());
        Ok(response)
    }
}

/// A body and who signed for it.
struct Brought {
    body: RequestBody,
    signer: Option<KeyHash>,
    held: Option<Held>,
}

impl Brought {
    /// A signed body is read whole: nothing of it goes on before all of it is known to be what was signed.
    async fn read(
        gateway: &Gateway,
        id: RequestId,
        peer: Peer,
        client: IpAddr,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Self, Refused> {
        let signed = signed::signer(gateway, id, peer, client, parts, &body).await?;
        let is_empty = http_body::Body::is_end_stream(&body);
        let Some(signed) = signed else {
            let body = if is_empty {
                RequestBody::empty()
            } else {
                streamed::passage(body, BODY_LIMIT)
            };
            return Ok(Self {
                body,
                signer: None,
                held: None,
            });
        };
        let declared = intake::declared_length(&parts.headers);
        if declared.is_some_and(|length| length > BODY_LIMIT) {
            return Err(intake::too_large(BODY_LIMIT));
        }
        let (body, held) = intake::whole(gateway, BODY_LIMIT, declared, body, Some(&signed)).await?;
        Ok(Self {
            body: RequestBody::pieces([body]),
            signer: Some(signed.key),
            held: Some(held),
        })
    }
}

struct HandedOver {
    request: Option<Request<RequestBody>>,
    _held: Option<Held>,
}

impl HandedOver {
    fn new(id: RequestId, peer: Peer, client: IpAddr, parts: Parts, brought: Brought) -> Self {
        let mut request = Request::new(brought.body);
        *request.method_mut() = parts.method;
        // The path as it was routed by, and nothing else of the address.
        if let Some(path) = parts.uri.path_and_query() {
            *request.uri_mut() = path.clone().into();
        }
        let headers = request.headers_mut();
        for (name, value) in &parts.headers {
            let is_ours = [FORWARDED_PROTO, X_REQUEST_ID, CLIENT_ADDRESS, SIGNER].contains(name);
            if !is_hop_by_hop(name) && !is_ours {
                headers.append(name.clone(), value.clone());
            }
        }
        if let (None, Some(authority)) = (parts.headers.get(HOST), parts.uri.authority())
            && let Ok(host) = HeaderValue::try_from(authority.as_str())
        {
            headers.insert(HOST, host);
        }
        headers.insert(X_REQUEST_ID, id.text().header());
        headers.insert(
            FORWARDED_PROTO,
            HeaderValue::from_static(if peer.is_tls { "https" } else { "http" }),
        );
        if let Ok(client) = HeaderValue::try_from(client.to_string()) {
            headers.insert(CLIENT_ADDRESS, client);
        }
        // Appended, as a proxy does: who believes the hops before ours must know them all.
        if let Ok(peer) = HeaderValue::try_from(peer.address.to_string()) {
            headers.append(FORWARDED_FOR, peer);
        }
        if let Some(signer) = brought.signer
            && let Ok(signer) = HeaderValue::try_from(hex(&signer))
        {
            headers.insert(SIGNER, signer);
        }
        Self {
            request: Some(request),
            _held: brought.held,
        }
    }
}

impl Replay for HandedOver {
    fn request(&mut self) -> Option<Request<RequestBody>> {
        self.request.take()
    }
}

/// This is a control plane's front door.
pub fn not_here() -> Refused {
    let message = "Inference is not served here: this is the management API. Set the base URL to a gateway's.";
    ApiError::new(404, "invalid_request_error", "not_a_gateway", message).into()
}

/// There is no control plane behind this gateway.
pub fn not_found(path: &str) -> Refused {
    let shown: String = path.chars().take(200).collect();
    let message = format!("Unknown path '{shown}'; inference is below /v1/.");
    ApiError::new(404, "invalid_request_error", "unknown_url", &message).into()
}
