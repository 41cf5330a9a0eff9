//! The tasks that serve the streams of HTTP/2 connections, each ended alone when its client takes nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;

use super::pace::{Pace, Patience};

tokio::task_local! {
    /// hyper makes a stream's task of its own parts and of our service's future; this is how the two sides meet.
    static PACE: Arc<Pace>;
}

/// The pace of the stream that this task serves.
pub fn pace() -> Arc<Pace> {
    PACE.try_with(Arc::clone).unwrap_or_default()
}

/// Runs streams.
#[derive(Debug, Clone)]
pub struct Streams {
    /// How long a client may leave a piece of an answer lying.
    pub patience: Duration,
}

impl<S> Executor<S> for Streams
where
    S: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: S) {
        let pace = Arc::<Pace>::default();
        tokio::spawn(PACE.scope(Arc::clone(&pace), serve(stream, pace, Patience::new(self.patience))));
    }
}

/// To the stream's end, or to that of our patience: a stream that is dropped is reset.
async fn serve(stream: impl Future<Output = ()>, pace: Arc<Pace>, mut patience: Patience) {
    let mut stream = pin!(stream);
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let ended = patience.poll_end(&pace, cx);
        if ended.is_ready() {
            tracing::debug!("a client left its answer lying; the stream is reset");
        }
        ended
    })
    .await;
}
