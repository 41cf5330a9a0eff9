//! Calls to upstreams: where they are, whether we may go there, and connections that are used again.

mod body;
mod connect;
mod guard;
mod h1;
mod h2;
mod io;
mod origin;
mod pool;

pub use body::{BodyError, RequestBody, ResponseBody};
pub use connect::tune;
pub use origin::Origin;
pub use pool::{Pool, Pools, Replay};

use std::time::Duration;

/// Why no response head came. The text is for the log and never holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("its name could not be resolved: {0}")]
    Dns(std::io::Error),
    #[error("its address {0} may not be called: {1}")]
    Forbidden(std::net::IpAddr, &'static str),
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    FirstByteTimeout(Duration),
    #[error("the connection broke before an answer: {0}")]
    Broken(hyper::Error),
    #[error("the caller's body ended early")]
    Unrepeatable,
}

impl CallError {
    /// Whether the upstream may have begun to work on the request.
    pub fn may_have_been_served(&self) -> bool {
        matches!(self, Self::FirstByteTimeout(_) | Self::Broken(_) | Self::Unrepeatable)
    }

    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout(_) | Self::FirstByteTimeout(_))
    }
}
