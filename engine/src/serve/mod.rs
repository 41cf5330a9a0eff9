//! The front door: listens, reads requests, and sends each where it belongs.

mod allowance;
mod answer;
mod client;
mod connection;
mod control;
mod door;
mod drain;
mod form;
mod forward;
mod headers;
mod inference;
mod intake;
mod listener;
mod pace;
mod path;
mod problem;
mod refusal;
mod scim;
mod signed;
mod stranger;
mod streamed;
mod streams;
mod tags;

pub use drain::Drain;
pub use listener::{Server, StartError};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;

use crate::flow::{Dialect, Resolver, Target};
use crate::limit::{BodyBudget, Limiter, Strangers};
use crate::meter::{Book, RequestId};
use crate::settings::Settings;
use crate::upstream::{Pool, Pools};
use answer::AnswerBody;
use control::Control;
use path::Route;
use refusal::{Refused, X_REQUEST_ID};
use signed::Signatures;

/// Everything that requests share.
pub struct Gateway {
    pub settings: Settings,
    pub resolver: Arc<Resolver>,
    pub book: Arc<Book>,
    pub bodies: Arc<BodyBudget>,
    pub strangers: Strangers,
    pub signatures: Signatures,
    pub limiter: Arc<Limiter>,
    pub pools: Pools,
    pub drain: Arc<Drain>,
    control: Option<Control>,
}

/// What is known of a client before it speaks.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: IpAddr,
    pub is_tls: bool,
}

impl Gateway {
    pub fn new(settings: Settings, resolver: Arc<Resolver>, book: Arc<Book>) -> Self {
        let control = settings.control_socket.clone().map(Control::new);
        let bodies = BodyBudget::new(settings.bodies_in_flight_bytes);
        let strangers = Strangers::new(
            settings.unknown_key_rate,
            settings.unknown_key_burst,
            settings.unknown_key_loopback,
        );
        let signatures = Signatures::new(settings.signature_window_seconds, settings.signature_nonces);
        let limiter = Limiter::new(
            Arc::clone(&resolver),
            book.spool.life().to_owned(),
            settings.question_timeout(),
            settings.least_output_tokens,
        );
        let limiter = Arc::new(if settings.shares_limits {
            limiter.sharing()
        } else {
            limiter
        });
        Self {
            settings,
            resolver,
            book,
            bodies,
            strangers,
            signatures,
            limiter,
            pools: Pools::default(),
            drain: Arc::default(),
            control,
        }
    }

    /// Answers every request, whatever it is.
    pub async fn serve(&self, peer: Peer, is_ambiguous: bool, request: Request<Incoming>) -> Response<AnswerBody> {
        let (id, came) = (RequestId::generate(), Instant::now());
        let path = request.uri().path();
        let managed = (problem::is_spoken_at(path) || scim::is_spoken_at(path)).then(|| path.to_owned());
        let mut response = self.walk(id, peer, is_ambiguous, request).await.unwrap_or_else(|refused| {
            tracing::debug!(request_id = %id, status = refused.error.status, code = &*refused.error.code, "refused");
            if !refused.was_let_in {
                self.book.metrics.refused(&refused.error);
            }
            refused.respond(id, managed.as_deref())
        });
        // Where an upstream had no part in it, all of the time was ours.
        let ours = || HeaderValue::from(u64::try_from(came.elapsed().as_micros()).unwrap_or(u64::MAX));
        response.headers_mut().entry(forward::X_OVERHEAD).or_insert_with(ours);
        response
    }

    async fn walk(
        &self,
        id: RequestId,
        peer: Peer,
        is_ambiguous: bool,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Refused> {
        let (parts, body) = request.into_parts();
        refusal::unless_well_formed(&parts, is_ambiguous)?;
        let client = client::address(peer, &parts.headers, &self.settings.trusted_proxies);
        match path::route(parts.uri.path())? {
            Route::Alive if matches!(parts.method, Method::GET | Method::HEAD) => Ok(alive(id)),
            Route::Inference(_) if !self.settings.serves_inference => Err(control::not_here()),
            Route::Inference(rest) => inference::serve(self, id, peer, client, rest, &parts, body).await,
            Route::Alive | Route::Control => match &self.control {
                Some(control) => control.serve(self, id, peer, client, parts, body).await,
                None => Err(control::not_found(parts.uri.path())),
            },
        }
    }

    /// The target's pool, found once for each flow.
    pub fn pool(&self, target: &Target) -> Arc<Pool> {
        Arc::clone(target.pool.get_or_init(|| match target.dialect {
            Dialect::Openai => self.pools.of(&target.origin, target.private_network),
            Dialect::Echo => Pool::demo(),
        }))
    }
}

fn alive(id: RequestId) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(r#"{"status":"ok"}"#.into()));
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(X_REQUEST_ID, id.text().header());
    response
}
