//! Connections that wait for their next request, one pool for each origin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use papaya::HashMap;
use parking_lot::Mutex;

use super::CallError;
use super::body::{RequestBody, ResponseBody};
use super::connect::{Connected, Connector};
use super::h1::H1Connection;
use super::h2::H2Connection;
use super::origin::{Origin, Scheme};

/// Servers close idle connections after 5 s (uvicorn) to some minutes; ours go first where that is possible.
const IDLE: Duration = Duration::from_secs(55);
const IDLE_CONNECTIONS: usize = 1_024;

/// Makes the request again for another try; None when its body has streamed away.
pub trait Replay {
    fn request(&mut self) -> Option<Request<RequestBody>>;
}

pub struct Pool {
    connector: Connector,
    idle: Mutex<Vec<H1Connection>>,
    shared: Mutex<Vec<H2Connection>>,
}

impl Pool {
    fn new(connector: Connector) -> Arc<Self> {
        Arc::new(Self {
            connector,
            idle: Mutex::default(),
            shared: Mutex::default(),
        })
    }

    /// To a Unix socket.
    pub fn unix(path: std::path::PathBuf) -> Arc<Self> {
        Self::new(Connector::Unix(path))
    }

    /// To the demo model in this process.
    pub fn demo() -> Arc<Self> {
        Self::new(Connector::Demo)
    }

    /// Send and wait for the response head. A kept connection that turns out to be closed is replaced by a new one.
    pub async fn send(
        self: &Arc<Self>,
        request: &mut impl Replay,
        connect: Duration,
        first_byte: Duration,
    ) -> Result<Response<ResponseBody>, CallError> {
        let mut next = request.request().ok_or(CallError::Unrepeatable)?;
        let until = tokio::time::Instant::now() + first_byte;
        let late = |_| CallError::FirstByteTimeout(first_byte);
        if let Some(connection) = self.shared() {
            let answered = tokio::time::timeout_at(until, connection.send(next))
                .await
                .map_err(late)?;
            match answered {
                Ok(response) => return Ok(response.map(ResponseBody::H2)),
                // A stream that the peer refused, or a connection that was closing: not begun, by RFC 9113 §8.7.
                Err(error) => next = request.request().ok_or(CallError::Broken(error))?,
            }
        }
        if let Some(connection) = self.take() {
            match tokio::time::timeout_at(until, connection.send(next, Arc::clone(self)))
                .await
                .map_err(late)?
            {
                Ok(response) => return Ok(response.map(ResponseBody::H1)),
                Err(failure) => match failure.unsent {
                    Some(again) => next = again,
                    // The upstream closed the kept connection while the request was on its way.
                    None if failure.error.is_incomplete_message() => {
                        next = request.request().ok_or(CallError::Broken(failure.error))?;
                    }
                    None => return Err(CallError::Broken(failure.error)),
                },
            }
        }
        // Boxed: most requests find a connection, and need not carry the room for making one.
        let connected = Box::pin(self.connector.connect(connect)).await?;
        let until = tokio::time::Instant::now() + first_byte;
        tokio::time::timeout_at(until, Box::pin(self.send_on_new(connected, next)))
            .await
            .map_err(late)?
    }

    async fn send_on_new(
        self: &Arc<Self>,
        connected: Connected,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, CallError> {
        if connected.http2 {
            let connection = H2Connection::handshake(connected.io).await.map_err(CallError::Broken)?;
            self.shared.lock().push(connection.clone());
            let response = connection.send(request).await.map_err(CallError::Broken)?;
            return Ok(response.map(ResponseBody::H2));
        }
        let connection = H1Connection::handshake(connected.io).await.map_err(CallError::Broken)?;
        match connection.send(request, Arc::clone(self)).await {
            Ok(response) => Ok(response.map(ResponseBody::H1)),
            Err(failure) => Err(CallError::Broken(failure.error)),
        }
    }

    fn shared(&self) -> Option<H2Connection> {
        let mut shared = self.shared.lock();
        if shared.is_empty() {
            return None;
        }
        shared.retain(|connection| !connection.is_closed());
        shared.iter().find(|connection| connection.has_room()).cloned()
    }

    /// The connection that was used last: the others may grow old and go.
    fn take(&self) -> Option<H1Connection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            if connection.idle_since.elapsed() < IDLE && !connection.is_stale() {
                return Some(connection);
            }
        }
    }

    pub fn put(&self, mut connection: H1Connection) {
        connection.idle_since = Instant::now();
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
    }

    /// Close what has been idle for too long.
    fn sweep(&self) {
        let mut idle = self.idle.lock();
        let old: Vec<H1Connection> = idle
            .extract_if(.., |connection| connection.idle_since.elapsed() >= IDLE)
            .collect();
        drop(idle);
        drop(old);
    }

    fn idle_connections(&self) -> usize {
        self.idle.lock().len()
    }
}

#[derive(PartialEq, Eq, Hash)]
struct PoolKey {
    scheme: Scheme,
    host: String,
    port: u16,
    private_network: bool,
}

/// Every pool, by origin. Credentials are no part of the key: they travel in the requests.
#[derive(Default)]
pub struct Pools {
    pools: HashMap<PoolKey, Arc<Pool>>,
}

impl Pools {
    pub fn of(&self, origin: &Origin, private_network: bool) -> Arc<Pool> {
        let key = PoolKey {
            scheme: origin.scheme,
            host: origin.host.clone(),
            port: origin.port,
            private_network,
        };
        let pinned = self.pools.pin();
        Arc::clone(pinned.get_or_insert_with(key, || Pool::new(Connector::to_origin(origin.clone(), private_network))))
    }

    /// To be called now and then.
    pub fn sweep(&self) {
        for pool in self.pools.pin().values() {
            pool.sweep();
        }
    }

    pub fn idle_connections(&self) -> usize {
        self.pools.pin().values().map(|pool| pool.idle_connections()).sum()
    }
}
