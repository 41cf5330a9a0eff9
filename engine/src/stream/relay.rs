//! An upstream's body, relayed to the client by the one task that serves the client's connection.
//!
//! Bytes go through as they came. What is read on the way: usage, and whether the body came to its proper end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::Sleep;

use crate::dialect::openai::response::UsageFinder;
use crate::dialect::openai::stream::{End, Out, StreamKind, StreamScanner};
use crate::fail_point::{FailPoint, reach};
use crate::flow::Endpoint;
use crate::meter::{Book, Meter, Outcome, Settlement};
use crate::serve::Drain;
use crate::upstream::ResponseBody;

/// All that waits for time does so on this tick: no timer is set or reset for a chunk.
const TICK: Duration = Duration::from_secs(1);

/// What the body is, and so what is read on the way.
pub enum Content {
    Events(Box<StreamScanner>),
    Json(Box<UsageFinder>),
    /// Audio, images, files: nothing to read.
    Opaque,
}

pub struct RelayLimits {
    pub idle: Duration,
    pub total: Duration,
}

/// The client's connection is cut: a body of a declared length can't be ended in any other honest way.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's body broke off")]
pub struct Broken;

pub struct Relay {
    upstream: Option<ResponseBody>,
    content: Content,
    out: Out,
    /// None when the request has ended.
    meter: Option<Meter>,
    book: Arc<Book>,
    drain: Arc<Drain>,
    limits: RelayLimits,
    status: u16,
    opened: Instant,
    last_bytes: Instant,
    tick: Pin<Box<Sleep>>,
    complete_since: Option<Instant>,
    /// Whether the client asked for the usage of its stream.
    tells_usage: bool,
}

impl Relay {
    pub fn new(
        upstream: ResponseBody,
        content: Content,
        meter: Meter,
        book: &Arc<Book>,
        drain: &Arc<Drain>,
        limits: RelayLimits,
        status: u16,
    ) -> Self {
        book.metrics.open_streams.inc();
        let now = Instant::now();
        Self {
            upstream: Some(upstream),
            content,
            out: Out::default(),
            meter: Some(meter),
            book: Arc::clone(book),
            drain: Arc::clone(drain),
            limits,
            status,
            opened: now,
            last_bytes: now,
            tick: Box::pin(tokio::time::sleep(TICK)),
            complete_since: None,
            tells_usage: false,
        }
    }

    #[must_use]
    pub fn telling_usage(mut self, tells_usage: bool) -> Self {
        self.tells_usage = tells_usage;
        self
    }

    /// The same, where the beginning of the body was read before.
    #[must_use]
    pub fn after(mut self, read: Bytes) -> Self {
        if !read.is_empty() {
            self.out.push(read);
        }
        self
    }

    fn received(&mut self, bytes: Bytes) {
        self.last_bytes = Instant::now();
        // An upstream that always has more, and a client that takes it slowly, leave no time for a tick.
        if let Some((code, why)) = self.reason_to_end(self.last_bytes) {
            return self.break_off(code, why);
        }
        if let Some(meter) = &mut self.meter {
            meter.first_byte();
        }
        match &mut self.content {
            Content::Opaque => self.out.push(bytes),
            Content::Json(finder) => {
                finder.feed(&bytes);
                self.out.push(bytes);
            }
            Content::Events(scanner) => {
                let fed = scanner.feed(bytes, &mut self.out);
                let (complete, delivered, events) = (scanner.is_complete(), scanner.content_bytes(), scanner.events());
                reach(FailPoint::K3);
                let is_outrun = self.meter.as_mut().is_some_and(|meter| {
                    meter.delivered(delivered);
                    !complete && meter.is_outrun(events)
                });
                if let Err(error) = fed {
                    let why = format!("The upstream's stream was ended here: {error}.");
                    self.break_off("upstream_malformed", &why);
                } else if complete && self.complete_since.is_none() {
                    self.finish();
                } else if is_outrun {
                    self.cut_short();
                }
            }
        }
    }

    /// The upstream's body is at its end, or its terminal event was seen.
    fn finish(&mut self) {
        let error = match &mut self.content {
            Content::Events(scanner) => match scanner.finish() {
                End::Complete => scanner.upstream_error().is_some().then_some("upstream_error_event"),
                End::Truncated => {
                    let why = "The upstream closed the stream before its end; the answer is incomplete.";
                    return self.break_off("upstream_truncated", why);
                }
            },
            Content::Json(finder) if !finder.is_complete() => {
                return self.break_off("upstream_malformed", "The upstream's answer is not complete JSON.");
            }
            Content::Json(_) | Content::Opaque => None,
        };
        self.complete_since = Some(Instant::now());
        let outcome = if error.is_some() || self.status >= 400 {
            Outcome::UpstreamError
        } else {
            Outcome::Success
        };
        self.settle(outcome, error.unwrap_or_default());
    }

    /// Tell the client that no more comes, and why; cancel the upstream; record the request as incomplete.
    fn break_off(&mut self, code: &'static str, why: &str) {
        self.upstream = None;
        if let Content::Events(scanner) = &self.content {
            self.out.push(scanner.error_event(why, code));
        }
        let outcome = if code == "gateway_shutdown" {
            Outcome::GatewayError
        } else {
            Outcome::Truncated
        };
        self.settle(outcome, code);
    }

    /// Nothing is left to pay for more: the answer ends as by its length, which clients understand, and the upstream is
    /// cancelled.
    fn cut_short(&mut self) {
        const CODE: &str = "budget_exceeded";
        self.upstream = None;
        if let (Content::Events(scanner), Some(meter)) = (&mut self.content, &self.meter) {
            let (usage, _) = meter.estimate();
            if self.tells_usage {
                // What the client is told is what is charged.
                drop(scanner.take_kept());
            }
            let why = "The budget that pays for this answer is spent; the answer is incomplete.";
            let end = scanner.length_end(CODE, self.tells_usage.then_some(&usage));
            self.out.push(end.unwrap_or_else(|| scanner.error_event(why, CODE)));
        }
        if let Some(meter) = &self.meter {
            meter.was_cut_short();
        }
        self.settle(Outcome::GatewayError, CODE);
    }

    /// After the first time this does nothing.
    fn settle(&mut self, outcome: Outcome, error_code: &'static str) {
        let Some(mut meter) = self.meter.take() else { return };
        let (usage, refused_usage, kept) = match &mut self.content {
            Content::Events(scanner) => {
                if scanner.is_plain() {
                    meter.delivered_text(scanner.events());
                }
                (scanner.usage().cloned(), scanner.refused_usage(), scanner.take_kept())
            }
            Content::Json(finder) => (finder.finish(), finder.refused_usage(), None),
            Content::Opaque => (None, None, None),
        };
        let settlement = Settlement {
            status: self.status,
            outcome,
            usage,
            refused_usage,
            was_served: true,
            error_code,
        };
        meter.end(settlement, kept, || self.drain.pending());
    }

    /// As an error code, and for people.
    fn reason_to_end(&self, now: Instant) -> Option<(&'static str, &'static str)> {
        if self.drain.is_cutting() {
            Some((
                "gateway_shutdown",
                "The gateway is shutting down; the answer is incomplete.",
            ))
        } else if now.duration_since(self.last_bytes) >= self.limits.idle {
            Some((
                "upstream_idle",
                "The upstream sent nothing for too long; the answer is incomplete.",
            ))
        } else if now.duration_since(self.opened) >= self.limits.total {
            Some((
                "upstream_too_long",
                "The answer took longer than allowed; it is incomplete.",
            ))
        } else {
            None
        }
    }

    /// Once a second: deadlines, progress, and whether this process wants to end.
    fn tick(&mut self, cx: &mut Context<'_>) {
        while self.tick.as_mut().poll(cx).is_ready() {
            self.tick.as_mut().reset(tokio::time::Instant::now() + TICK);
            if let Some(meter) = &mut self.meter {
                meter.tick();
            }
            if self.complete_since.is_some() {
                // Only the connection's own end is awaited, so that it can be used again: not for longer than this.
                self.upstream = None;
            } else if let Some((code, why)) = self.reason_to_end(Instant::now()) {
                self.break_off(code, why);
            }
            if self.upstream.is_none() {
                return;
            }
        }
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else {
            return Poll::Ready(());
        };
        match Pin::new(upstream).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers say nothing that a client of this API reads.
                if let Ok(bytes) = frame.into_data()
                    && self.complete_since.is_none()
                {
                    self.received(bytes);
                }
            }
            Poll::Ready(Some(Err(_))) if self.complete_since.is_none() => {
                let why = "The connection to the upstream broke; the answer is incomplete.";
                self.break_off("upstream_broken", why);
            }
            Poll::Ready(None) if self.complete_since.is_none() => {
                self.upstream = None;
                self.finish();
            }
            Poll::Ready(_) => self.upstream = None,
            Poll::Pending => {
                self.tick(cx);
                if self.upstream.is_some() {
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    fn is_broken(&self) -> bool {
        self.complete_since.is_none() && !matches!(self.content, Content::Events(_))
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let relay = self.get_mut();
        loop {
            if let Some(bytes) = relay.out.pop() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if relay.upstream.is_none() {
                return Poll::Ready(relay.is_broken().then_some(Err(Broken)));
            }
            if relay.poll_upstream(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.book.metrics.open_streams.dec();
        if let Content::Events(scanner) = &self.content {
            self.book.metrics.stream_events.inc_by(scanner.events());
        }
        // After a proper end this does nothing.
        self.settle(Outcome::Cancelled, "client_left");
    }
}

/// For `Content::Events`: which terminal event ends the stream.
pub fn stream_kind(endpoint: Endpoint) -> StreamKind {
    match endpoint {
        Endpoint::ChatCompletions => StreamKind::Chat,
        Endpoint::Completions => StreamKind::Completions,
        Endpoint::Responses => StreamKind::Responses,
        _ => StreamKind::Other,
    }
}
