//! One client connection: which HTTP it speaks, its time-outs, its end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::answer::AnswerBody;
use super::door::{Door, Overdue, Visit};
use super::pace::{Pace, Patience};
use super::streams::{self, Streams};
use super::{Gateway, Peer, refusal};

const HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
/// Bounds on what a hostile HTTP/2 client can make us hold: streams, header lists, windows.
const STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 1024 * 1024;
/// Requests that a client may abandon on one connection before it is told to take another; at twice as many it is cut.
const ABANDONED: u32 = 200;
const HANDSHAKE: Duration = Duration::from_secs(5);

trait Bytestream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Bytestream for S {}

/// Serves the connection, which [`super::Drain`] has counted, to its end.
pub async fn serve(gateway: Arc<Gateway>, stream: TcpStream, peer: Peer, tls: Option<TlsAcceptor>) {
    gateway.book.metrics.open_connections.inc();
    match tls {
        None => match speaks_http2(&stream, gateway.settings.header_timeout()).await {
            // Boxed, so that a connection pays for the protocol that it speaks and not for the largest.
            Some(true) => Box::pin(serve_http2(&gateway, stream, peer)).await,
            Some(false) => Box::pin(serve_http1(&gateway, stream, peer)).await,
            None => {}
        },
        Some(acceptor) => match Box::pin(tokio::time::timeout(HANDSHAKE, acceptor.accept(stream))).await {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Box::pin(serve_http2(&gateway, stream, peer)).await;
            }
            Ok(Ok(stream)) => Box::pin(serve_http1(&gateway, stream, peer)).await,
            Ok(Err(error)) => tracing::debug!(peer = %peer.address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %peer.address, "TLS handshake took too long"),
        },
    }
    gateway.book.metrics.open_connections.dec();
    gateway.drain.gone();
}

/// HTTP/2 with prior knowledge begins with a preface that no HTTP/1 request begins with. None: nothing came.
async fn speaks_http2(stream: &TcpStream, limit: Duration) -> Option<bool> {
    let mut start = [0; 3];
    let read = tokio::time::timeout(limit, stream.peek(&mut start)).await.ok()?.ok()?;
    (read > 0).then(|| &start[..read] == b"PRI")
}

struct Requests {
    gateway: Arc<Gateway>,
    visit: Arc<Visit>,
    /// Of HTTP/1, where one answer goes out at a time. Each stream of HTTP/2 has its own.
    pace: Option<Arc<Pace>>,
    peer: Peer,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<AnswerBody>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let gateway = Arc::clone(&self.gateway);
        let (peer, is_ambiguous) = (self.peer, self.visit.is_ambiguous());
        let (serving, pace) = (self.visit.enter(), self.pace.clone());
        Box::pin(async move {
            let mut response = gateway.serve(peer, is_ambiguous, request).await;
            if pace.is_some() && gateway.drain.is_leaving() {
                // Of HTTP/2, whose clients were told by the connection itself, no answer may say this.
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
                serving.said_last();
            }
            let serving = serving.answering(pace.unwrap_or_else(streams::pace));
            Ok(response.map(|body| body.serving(serving)))
        })
    }
}

async fn serve_http1(gateway: &Arc<Gateway>, stream: impl Bytestream, peer: Peer) {
    let (visit, pace) = (Visit::new(), Arc::<Pace>::default());
    let requests = Requests {
        gateway: Arc::clone(gateway),
        visit: Arc::clone(&visit),
        pace: Some(Arc::clone(&pace)),
        peer,
    };
    let mut builder = http1::Builder::new();
    builder
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES);
    let door = TokioIo::new(Door::new(stream, Arc::clone(&visit)));
    let mut connection = builder.serve_connection(door, requests);
    let (head, idle) = (gateway.settings.header_timeout(), gateway.settings.idle_timeout());
    let mut ticks = pin!(Ticks::new(head.min(idle) / 4));
    let mut leave = pin!(gateway.drain.told_to_leave());
    let mut is_leaving = gateway.drain.is_leaving();
    let (mut last_call, mut patience) = (LastCall::default(), Patience::new(idle));
    let overdue = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(peer = %peer.address, %error, "a client connection broke");
                }
                return Poll::Ready(None);
            }
            if !is_leaving && leave.as_mut().poll(cx).is_ready() {
                is_leaving = true;
                visit.idles_anew();
            }
            if is_leaving && last_call.poll_over(&visit, gateway.drain.last_call(), cx) {
                Pin::new(&mut connection).graceful_shutdown();
                continue;
            }
            if patience.poll_end(&pace, cx).is_ready() {
                tracing::debug!(peer = %peer.address, "a client left its answer lying; the connection is cut");
                return Poll::Ready(None);
            }
            if !ticks.as_mut().poll_tick(cx) {
                return Poll::Pending;
            }
            if let Some(overdue) = visit.overdue(head, idle) {
                return Poll::Ready(Some(overdue));
            }
        }
    })
    .await;
    if overdue == Some(Overdue::Head) {
        let error = refusal::too_slow();
        let mut stream = connection.into_parts().io.into_inner().into_stream();
        let _ = stream.write_all(&refusal::raw(&error)).await;
        let _ = stream.shutdown().await;
        visit.refused(error);
    }
    if let Some(error) = visit.refusal() {
        gateway.book.metrics.refused(error);
    }
}

async fn serve_http2(gateway: &Arc<Gateway>, stream: impl Bytestream, peer: Peer) {
    let visit = Visit::new();
    let requests = Requests {
        gateway: Arc::clone(gateway),
        visit: Arc::clone(&visit),
        pace: None,
        peer,
    };
    let (head, idle) = (gateway.settings.header_timeout(), gateway.settings.idle_timeout());
    let mut builder = http2::Builder::new(Streams { patience: idle });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * 4)
        .keep_alive_interval(idle)
        .keep_alive_timeout(head);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), requests));
    let mut ticks = pin!(Ticks::new(head.min(idle) / 4));
    let mut stop = pin!(gateway.drain.told_to_leave());
    let mut was_told_to_go = gateway.drain.is_leaving();
    if was_told_to_go {
        connection.as_mut().graceful_shutdown();
    }
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(peer = %peer.address, %error, "a client connection broke");
                }
                return Poll::Ready(());
            }
            let is_tick = ticks.as_mut().poll_tick(cx);
            let may_stay =
                |idle, abandoned| !(visit.is_restless(abandoned) || is_tick && visit.overdue(head, idle).is_some());
            if !was_told_to_go {
                was_told_to_go = !may_stay(idle, ABANDONED) || stop.as_mut().poll(cx).is_ready();
                if was_told_to_go {
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
            } else if !may_stay(idle + head, ABANDONED * 2) {
                tracing::debug!(peer = %peer.address, "a client was told to go and did not; the connection is cut");
                return Poll::Ready(());
            }
            if !is_tick {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// The end of a connection of a process that leaves.
#[derive(Default)]
struct LastCall {
    is_over: bool,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl LastCall {
    /// True once.
    fn poll_over(&mut self, visit: &Visit, length: Duration, cx: &mut Context<'_>) -> bool {
        while !self.is_over
            && let Some(left) = visit.stays(length)
        {
            self.is_over = left.is_zero();
            if self.is_over {
                return true;
            }
            let sleep = self.sleep.insert(Box::pin(tokio::time::sleep(left)));
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
        false
    }
}

/// A coarse clock: what waits for it is late by a tick at most, and no request sets a timer.
struct Ticks {
    every: Duration,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Ticks {
    fn new(every: Duration) -> Self {
        Self {
            every,
            sleep: Box::pin(tokio::time::sleep(every)),
        }
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> bool {
        let is_due = self.sleep.as_mut().poll(cx).is_ready();
        if is_due {
            self.sleep.as_mut().reset(tokio::time::Instant::now() + self.every);
        }
        is_due
    }
}
