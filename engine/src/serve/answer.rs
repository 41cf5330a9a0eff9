//! The body of a response, whatever it is made of.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::door::Serving;
use crate::stream::Relay;
use crate::upstream::ResponseBody;

pub struct AnswerBody {
    content: Content,
    /// Held until hyper is done with the body.
    serving: Option<Serving>,
}

enum Content {
    Whole(Bytes),
    Relay(Box<Relay>),
    /// From the control plane.
    Control(Box<ResponseBody>),
}

impl AnswerBody {
    pub fn whole(bytes: Bytes) -> Self {
        Content::Whole(bytes).into()
    }

    pub fn relay(relay: Relay) -> Self {
        Content::Relay(Box::new(relay)).into()
    }

    pub fn control(body: ResponseBody) -> Self {
        Content::Control(Box::new(body)).into()
    }

    pub fn serving(mut self, serving: Serving) -> Self {
        self.serving = Some(serving);
        self
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>>>;

impl Content {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Relay(relay) => Pin::new(relay.as_mut()).poll_frame(cx).map_err(Into::into),
            Self::Control(body) => Pin::new(body.as_mut()).poll_frame(cx).map_err(Into::into),
        }
    }
}

impl From<Content> for AnswerBody {
    fn from(content: Content) -> Self {
        Self { content, serving: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let body = self.get_mut();
        let pace = body.serving.as_ref().and_then(Serving::pace);
        if let Some(pace) = pace {
            pace.taken();
        }
        let polled = body.content.poll_frame(cx);
        if let (Some(pace), Poll::Ready(Some(Ok(_)))) = (pace, &polled) {
            pace.handed_over();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Relay(relay) => relay.is_end_stream(),
            Content::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Relay(relay) => relay.size_hint(),
            Content::Control(body) => body.size_hint(),
        }
    }
}
