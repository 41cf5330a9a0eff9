//! A client's body that goes to the upstream as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::upstream::{BodyError, RequestBody};

/// Sees every byte on its way; an error ends the upstream request.
pub trait Watch: Send + 'static {
    fn saw(&mut self, bytes: &[u8]) -> Result<(), BodyError>;
}

impl Watch for () {
    fn saw(&mut self, _: &[u8]) -> Result<(), BodyError> {
        Ok(())
    }
}

/// The rest of a client's body, with a limit and a watcher.
pub struct Passage<W> {
    body: Incoming,
    left: u64,
    watch: W,
}

impl<W: Watch> Passage<W> {
    pub fn new(body: Incoming, limit: u64, watch: W) -> Self {
        Self {
            body,
            left: limit,
            watch,
        }
    }
}

pub fn passage(body: Incoming, limit: u64) -> RequestBody {
    RequestBody::Stream(Box::pin(Passage::new(body, limit, ())))
}

impl<W: Watch + Unpin> Body for Passage<W> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let passage = self.get_mut();
        let polled = Pin::new(&mut passage.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            let Some(left) = passage.left.checked_sub(bytes.len() as u64) else {
                return Poll::Ready(Some(Err("the request body is larger than allowed".into())));
            };
            passage.left = left;
            if let Err(error) = passage.watch.saw(bytes) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
