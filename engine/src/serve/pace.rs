//! How a client takes its answer: one that leaves a piece lying for too long gets no more of it.
//!
//! hyper asks an answer's body for its next piece when the last one has found room, in the socket or in the HTTP/2 stream's
//! window. While a client takes nothing, nobody polls the body, which holds the upstream's connection: without a limit
//! from outside it would be held for as long as the client likes. Counted rather than timed, so that a piece costs no
//! look at the clock.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Odd while a piece lies there, handed over and not taken. One task writes it, and the same task reads it.
#[derive(Default)]
pub struct Pace(AtomicU64);

impl Pace {
    /// The body was asked for a piece, or ended: the one before was taken.
    pub fn taken(&self) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now + now % 2, Ordering::Relaxed);
    }

    /// A piece is with hyper.
    pub fn handed_over(&self) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now | 1, Ordering::Relaxed);
    }

    /// Which piece lies there.
    fn lying(&self) -> Option<u64> {
        let now = self.0.load(Ordering::Relaxed);
        (now % 2 == 1).then_some(now)
    }
}

/// How long a piece may lie.
pub struct Patience {
    limit: Duration,
    /// The piece that was seen lying last, and when it has lain too long.
    seen: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Patience {
    pub fn new(limit: Duration) -> Self {
        Self { limit, seen: None }
    }

    /// To be called when all else waits; ready when the same piece has lain for the whole limit.
    pub fn poll_end(&mut self, pace: &Pace, cx: &mut Context<'_>) -> Poll<()> {
        let Some(lying) = pace.lying() else {
            return Poll::Pending;
        };
        let limit = self.limit;
        let (piece, end) = self
            .seen
            .get_or_insert_with(|| (lying, Box::pin(tokio::time::sleep(limit))));
        if *piece != lying {
            *piece = lying;
            end.as_mut().reset(Instant::now() + limit);
        }
        end.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether patience ends, asked once.
    fn ends(patience: &mut Patience, pace: &Pace) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        patience.poll_end(pace, &mut cx).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_that_lies_too_long_ends_it() {
        let (pace, limit) = (Pace::default(), Duration::from_secs(60));
        let mut patience = Patience::new(limit);
        pace.handed_over();
        assert!(!ends(&mut patience, &pace));
        tokio::time::advance(limit).await;
        assert!(ends(&mut patience, &pace));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_piece_now_and_then_may_go_on() {
        let (pace, limit) = (Pace::default(), Duration::from_secs(60));
        let mut patience = Patience::new(limit);
        for _ in 0..10 {
            pace.taken();
            pace.handed_over();
            assert!(!ends(&mut patience, &pace));
            tokio::time::advance(limit / 2).await;
            assert!(!ends(&mut patience, &pace));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_the_upstream_is_not_the_clients_fault() {
        let (pace, limit) = (Pace::default(), Duration::from_secs(60));
        let mut patience = Patience::new(limit);
        pace.handed_over();
        assert!(!ends(&mut patience, &pace));
        pace.taken();
        tokio::time::advance(limit * 10).await;
        pace.taken();
        assert!(!ends(&mut patience, &pace));
        pace.handed_over();
        assert!(!ends(&mut patience, &pace), "the next piece has its own time");
    }
}
