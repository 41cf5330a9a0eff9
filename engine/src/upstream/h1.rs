//! HTTP/1.1 to an upstream, driven by the task that wants the answer.
//!
//! hyper hands out a connection as a future that somebody must poll. The usual somebody is a task of its own, which
//! costs a wake-up across tasks for every streamed chunk; here it is the caller, so that one task reads from the
//! upstream and writes to the client.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::body::RequestBody;
use super::io::UpstreamIo;
use super::pool::Pool;

type Connection = http1::Connection<TokioIo<UpstreamIo>, RequestBody>;

/// A connection between requests.
pub struct H1Connection {
    sender: http1::SendRequest<RequestBody>,
    connection: Pin<Box<Connection>>,
    pub idle_since: Instant,
}

/// The request did not get its answer; `unsent` is the request where it never left.
pub struct H1Failure {
    pub error: hyper::Error,
    pub unsent: Option<Request<RequestBody>>,
}

impl H1Connection {
    pub async fn handshake(io: UpstreamIo) -> Result<Self, hyper::Error> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(256 * 1024);
        let (sender, connection) = builder.handshake(TokioIo::new(io)).await?;
        Ok(Self {
            sender,
            connection: Box::pin(connection),
            idle_since: Instant::now(),
        })
    }

    /// Whether the upstream has closed it meanwhile, as far as the kernel has told us.
    pub fn is_stale(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.connection.as_mut().poll(&mut cx).is_ready() || !self.sender.is_ready()
    }

    pub async fn send(
        mut self,
        request: Request<RequestBody>,
        pool: Arc<Pool>,
    ) -> Result<Response<H1Body>, Box<H1Failure>> {
        let response = {
            let mut answered = pin!(self.sender.try_send_request(request));
            poll_fn(|cx| {
                // The end of the connection shows in `answered`, with its reason.
                let _ = self.connection.as_mut().poll(cx);
                answered.as_mut().poll(cx)
            })
            .await
        };
        match response {
            Ok(response) => {
                let inside = Arc::default();
                Ok(response.map(|incoming| H1Body {
                    incoming,
                    connection: Some(self),
                    pool,
                    inside,
                }))
            }
            Err(mut failure) => {
                let unsent = failure.take_message();
                Err(Box::new(H1Failure {
                    error: failure.into_error(),
                    unsent,
                }))
            }
        }
    }
}

/// A response body that drives its own connection and gives it back to the pool at its end.
pub struct H1Body {
    incoming: Incoming,
    connection: Option<H1Connection>,
    pool: Arc<Pool>,
    inside: Arc<Inside>,
}

/// The waker that the connection sees. hyper's two halves wake each other through it for every chunk; both are
/// polled here, one after the other, so those wakes would only make the task run once more for nothing.
#[derive(Default)]
struct Inside {
    task: AtomicWaker,
    /// Both halves are being polled: what would wake now is seen by the next look at the connection.
    is_muted: AtomicBool,
}

impl Wake for Inside {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_muted.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl H1Body {
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.connection.as_mut().poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// The connection is looked at before the incoming half and, where nothing came, once more after it has said that
    /// it wants more: unmuted, so that whatever happens from then on wakes the task.
    fn poll_both(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.inside.task.register(cx.waker());
        let waker = Waker::from(Arc::clone(&self.inside));
        let mut inner = Context::from_waker(&waker);
        self.inside.is_muted.store(true, Ordering::SeqCst);
        self.drive(&mut inner);
        let polled = Pin::new(&mut self.incoming).poll_frame(&mut inner);
        self.inside.is_muted.store(false, Ordering::SeqCst);
        if polled.is_pending() {
            self.drive(&mut inner);
        }
        polled
    }

    /// At the end of the body: hyper needs one more turn to see that the connection is free.
    fn release(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
        if let Some(connection) = self.connection.take_if(|connection| connection.sender.is_ready()) {
            self.pool.put(connection);
        }
    }
}

impl Body for H1Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = self.get_mut();
        let polled = body.poll_both(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) if body.incoming.is_end_stream() => body.release(cx),
            Poll::Ready(None) => body.release(cx),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
