//! The bytes of a client's HTTP/1 connection, on their way into hyper and out of it.
//!
//! hyper reads requests well, but it answers a malformed one with a bare status, and it mends a request that has both
//! a length and a transfer encoding where we want to refuse it. Both are set right here, at the socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;
use super::refusal;
use crate::dialect::openai::errors::ApiError;

/// More of a head than hyper would take: beyond it, it refuses the request itself.
const LONGEST_HEAD: usize = 256 * 1024;

/// What the connection's driver, its bytes and its requests tell each other.
pub struct Visit {
    since: Instant,
    /// Requests whose answers are not written yet.
    open: AtomicU32,
    /// Milliseconds after `since` at which the present request's first byte came; 0 while none is being read.
    head_began: AtomicU64,
    idle_began: AtomicU64,
    ambiguous: AtomicBool,
    /// Whether an answer has said that it is the last.
    said_last: AtomicBool,
    requests: AtomicU32,
    /// Requests that ended before there was an answer to begin: an HTTP/2 client reset them.
    abandoned: AtomicU32,
    /// What was no HTTP request, with which the connection ends.
    refused: OnceLock<ApiError>,
}

/// Which of the client's time-outs has passed.
#[derive(Debug, PartialEq, Eq)]
pub enum Overdue {
    Head,
    Idle,
}

impl Visit {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            open: AtomicU32::new(0),
            head_began: AtomicU64::new(0),
            idle_began: AtomicU64::new(1),
            ambiguous: AtomicBool::new(false),
            said_last: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            abandoned: AtomicU32::new(0),
            refused: OnceLock::new(),
        })
    }

    fn now(&self) -> u64 {
        // Never 0, which means none.
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }

    /// A request was read; the guard is held until its answer is done with.
    pub fn enter(self: &Arc<Self>) -> Serving {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_began.store(0, Ordering::Relaxed);
        Serving {
            visit: Arc::clone(self),
            pace: None,
        }
    }

    /// Whether the client has abandoned this many requests, and more than it let be answered: it makes us begin work for
    /// nothing (the rule by which Envoy meets "rapid reset", CVE-2023-44487).
    pub fn is_restless(&self, abandoned: u32) -> bool {
        let count = self.abandoned.load(Ordering::Relaxed);
        count >= abandoned && count > self.requests.load(Ordering::Relaxed) / 2
    }

    /// Whether the request that is being read frames its body in two ways (RFC 9112 §6.1: an attack, or a broken proxy).
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Relaxed)
    }

    pub fn overdue(&self, head: Duration, idle: Duration) -> Option<Overdue> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let passed = |began: u64, limit: Duration| Duration::from_millis(self.now().saturating_sub(began)) >= limit;
        match self.head_began.load(Ordering::Relaxed) {
            0 => passed(self.idle_began.load(Ordering::Relaxed), idle).then_some(Overdue::Idle),
            began => passed(began, head).then_some(Overdue::Head),
        }
    }

    /// Where it is idle, it counts as such from now on.
    pub fn idles_anew(&self) {
        self.idle_began.store(self.now(), Ordering::Relaxed);
    }

    /// How long the connection is to stay yet, so that it has been idle for `last_call` when it ends; None while it answers.
    /// An answer that began before anybody was leaving did not say that it is the last: the next request may be on its way.
    pub fn stays(&self, last_call: Duration) -> Option<Duration> {
        if self.said_last.load(Ordering::Relaxed) {
            return Some(Duration::ZERO);
        }
        self.is_between_requests().then(|| {
            let idle = self.now().saturating_sub(self.idle_began.load(Ordering::Relaxed));
            last_call.saturating_sub(Duration::from_millis(idle))
        })
    }

    pub fn refused(&self, error: ApiError) {
        // There is one: hyper reads no further.
        let _ = self.refused.set(error);
    }

    pub fn refusal(&self) -> Option<&ApiError> {
        self.refused.get()
    }

    fn is_between_requests(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }
}

pub struct Serving {
    visit: Arc<Visit>,
    /// Once there is an answer: how the client takes it.
    pace: Option<Arc<Pace>>,
}

impl Serving {
    /// There is an answer, taken at this pace.
    #[must_use]
    pub fn answering(mut self, pace: Arc<Pace>) -> Self {
        self.pace = Some(pace);
        self
    }

    /// The answer's head says that it is the last.
    pub fn said_last(&self) {
        self.visit.said_last.store(true, Ordering::Relaxed);
    }

    pub fn pace(&self) -> Option<&Pace> {
        self.pace.as_deref()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        match &self.pace {
            Some(pace) => pace.taken(),
            None => {
                self.visit.abandoned.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.visit.idles_anew();
        self.visit.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pub struct Door<S> {
    stream: S,
    visit: Arc<Visit>,
    /// A head that came in more than one read.
    partial: Vec<u8>,
    /// Our words in place of hyper's bare refusal.
    instead: Option<Bytes>,
}

impl<S> Door<S> {
    pub fn new(stream: S, visit: Arc<Visit>) -> Self {
        Self {
            stream,
            visit,
            partial: Vec::new(),
            instead: None,
        }
    }

    pub fn into_stream(self) -> S {
        self.stream
    }

    /// `bytes` came while no request was being served, so they belong to a head.
    fn look_at_head(&mut self, bytes: &[u8]) {
        if self.visit.head_began.load(Ordering::Relaxed) == 0 {
            self.visit.head_began.store(self.visit.now(), Ordering::Relaxed);
            self.visit.ambiguous.store(false, Ordering::Relaxed);
        }
        let whole = if self.partial.is_empty() {
            bytes
        } else {
            self.partial.extend_from_slice(bytes);
            &self.partial
        };
        match memmem::find(whole, b"\r\n\r\n") {
            Some(end) => {
                let ambiguous = frames_twice(&whole[..end]);
                self.visit.ambiguous.store(ambiguous, Ordering::Relaxed);
                self.partial = Vec::new();
            }
            None if self.partial.is_empty() => self.partial.extend_from_slice(bytes),
            None if self.partial.len() > LONGEST_HEAD => self.partial = Vec::new(),
            None => {}
        }
    }

    /// Whether hyper is writing a refusal of its own: every answer of ours carries a request id.
    fn is_bare_refusal(&self, first: &[u8]) -> bool {
        first.starts_with(b"HTTP/1.1 4")
            && self.visit.is_between_requests()
            && memmem::find(first, b"x-request-id").is_none()
    }
}

/// More than one header that says where the body ends.
fn frames_twice(head: &[u8]) -> bool {
    let mut framings = 0;
    for at in memchr::memchr_iter(b'\n', head) {
        let line = &head[at + 1..];
        framings += usize::from(is_header(line, b"content-length") || is_header(line, b"transfer-encoding"));
    }
    framings > 1
}

fn is_header(line: &[u8], name: &[u8]) -> bool {
    line.split_at_checked(name.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(name) && matches!(rest.first(), Some(b':' | b' ' | b'\t'))
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for Door<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let door = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut door.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if !read.is_empty() && door.visit.is_between_requests() {
            door.look_at_head(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Door<S> {
    /// Writes our refusal; then all of hyper's is taken as written.
    fn poll_instead(&mut self, cx: &mut Context<'_>, replaced: usize) -> Poll<io::Result<usize>> {
        if let Some(words) = &mut self.instead {
            while words.has_remaining() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, words))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                words.advance(written);
            }
            self.instead = None;
        }
        Poll::Ready(Ok(replaced))
    }

    fn is_replacing(&mut self, first: &[u8]) -> bool {
        if self.instead.is_none() && self.is_bare_refusal(first) {
            let error = refusal::malformed(first);
            self.instead = Some(refusal::raw(&error));
            self.visit.refused(error);
        }
        self.instead.is_some()
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Door<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let door = self.get_mut();
        if door.is_replacing(bytes) {
            return door.poll_instead(cx, bytes.len());
        }
        Pin::new(&mut door.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let door = self.get_mut();
        if door.is_replacing(slices.first().map_or(&[], |slice| slice)) {
            return door.poll_instead(cx, slices.iter().map(|slice| slice.len()).sum());
        }
        Pin::new(&mut door.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_framings_are_seen_whatever_their_spelling() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nTRANSFER-ENCODING: identity",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\nhost: a\r\ncontent-length: 3",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding : chunked",
        ] {
            assert!(frames_twice(head.as_bytes()), "{head}");
        }
        assert!(!frames_twice(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nx: transfer-encoding: chunked"
        ));
    }

    #[test]
    fn a_head_in_pieces_is_looked_at_as_a_whole() {
        let visit = Visit::new();
        let mut door = Door::new((), Arc::clone(&visit));
        for piece in [
            "POST / HTTP/1.1\r\ncontent-len",
            "gth: 1\r\ntransfer-enc",
            "oding: chunked\r\n\r",
            "\n",
        ] {
            assert!(!visit.is_ambiguous());
            door.look_at_head(piece.as_bytes());
        }
        assert!(visit.is_ambiguous());
    }

    #[test]
    fn time_outs_rest_while_a_request_is_served() {
        let visit = Visit::new();
        let now = Duration::ZERO;
        assert_eq!(visit.overdue(now, now), Some(Overdue::Idle));
        let serving = visit.enter();
        assert_eq!(visit.overdue(now, now), None);
        drop(serving);
        Door::new((), Arc::clone(&visit)).look_at_head(b"GET");
        assert_eq!(visit.overdue(now, Duration::MAX), Some(Overdue::Head));
    }

    #[test]
    fn restless_is_who_abandons_more_than_they_let_be_answered() {
        let visit = Visit::new();
        for _ in 0..9 {
            drop(visit.enter());
        }
        assert!(!visit.is_restless(10), "a few are nobody's business");
        drop(visit.enter());
        assert!(visit.is_restless(10));
        for _ in 0..10 {
            drop(visit.enter().answering(Arc::default()));
        }
        assert!(!visit.is_restless(10), "half of them were answered");
        drop(visit.enter());
        assert!(visit.is_restless(10));
    }
}
