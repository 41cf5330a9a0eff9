//! HTTP/2 to an upstream: several connections, each with many streams, and a task of its own to drive it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::body::RequestBody;
use super::io::UpstreamIo;

/// Beyond this share of the peer's stream limit the next connection is opened: at the limit itself streams queue.
const FULL_AT_PERCENT: usize = 70;
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

#[derive(Clone)]
pub struct H2Connection {
    sender: http2::SendRequest<RequestBody>,
    streams: Arc<AtomicUsize>,
    /// The peer's limit on `streams`, as it last declared it.
    limit: Arc<AtomicUsize>,
}

impl H2Connection {
    pub async fn handshake(io: UpstreamIo) -> Result<Self, hyper::Error> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(std::time::Duration::from_secs(30))
            .keep_alive_timeout(std::time::Duration::from_secs(10));
        let (sender, mut connection) = builder.handshake(TokioIo::new(io)).await?;
        let limit = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let known_limit = Arc::clone(&limit);
        tokio::spawn(async move {
            let ended = poll_fn(|cx| {
                let polled = Pin::new(&mut connection).poll(cx);
                known_limit.store(connection.current_max_send_streams(), Ordering::Relaxed);
                polled
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "upstream HTTP/2 connection ended");
            }
        });
        Ok(Self {
            sender,
            streams: Arc::default(),
            limit,
        })
    }

    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub fn has_room(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed).clamp(1, 10_000);
        self.streams.load(Ordering::Relaxed) * 100 < limit * FULL_AT_PERCENT
    }

    pub async fn send(mut self, request: Request<RequestBody>) -> Result<Response<H2Body>, hyper::Error> {
        let stream = Stream::open(&self.streams);
        let response = self.sender.send_request(request).await?;
        Ok(response.map(|incoming| H2Body {
            incoming,
            _stream: stream,
        }))
    }
}

/// Counts itself out however the request ends.
struct Stream(Arc<AtomicUsize>);

impl Stream {
    fn open(streams: &Arc<AtomicUsize>) -> Self {
        streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(streams))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Dropping it resets the stream, which cancels the request at the upstream.
pub struct H2Body {
    incoming: Incoming,
    _stream: Stream,
}

impl Body for H2Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.get_mut().incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
