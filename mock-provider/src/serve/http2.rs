//! HTTP/2 by hyper: the same answers, and those faults that HTTP/2 can have; lengths cannot lie there.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use crate::answer::{Answer, Ready, Refusal};
use crate::hash::hash;
use crate::mock::Mock;
use crate::play::{BEFORE_RESET, Ending, Reply, Script, Step};
use crate::received::Received;
use crate::records::{Outcome, Served};

const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
const MOST_STREAMS: u32 = 10_000;

/// Serves one connection until it ends.
pub async fn serve<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: IO, mock: &Arc<Mock>) {
    let mock = Arc::clone(mock);
    let service = hyper::service::service_fn(move |request| {
        let mock = Arc::clone(&mock);
        async move { Ok::<_, Infallible>(answer(&mock, request).await) }
    });
    let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    server.timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS);
    // A connection that breaks has left its records when its streams were dropped.
    let _ = server.serve_connection(TokioIo::new(io), service).await;
}

async fn answer(mock: &Arc<Mock>, request: Request<Incoming>) -> Response<Playback> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, mock.options().body_limit).collect().await else {
        return from_ready(&Refusal::too_large(mock.options().body_limit).into_ready(hash(b"")));
    };
    let headers: Vec<httparse::Header<'_>> = parts
        .headers
        .iter()
        .map(|(name, value)| httparse::Header {
            name: name.as_str(),
            value: value.as_bytes(),
        })
        .collect();
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let body = body.to_bytes();
    let received = Received {
        method: parts.method.as_str(),
        target,
        headers: &headers,
        body: &body,
    };
    let request_id = received.header("x-request-id");
    match mock.answer(&received) {
        Answer::Ready(ready) => {
            let mut served = Served::begin(mock, &ready.draft, request_id);
            served.produced(ready.draft.tokens.output);
            served.delivered(ready.wire.len() - ready.body_at, ready.draft.tokens.output);
            served.end(Outcome::Complete);
            from_ready(&ready)
        }
        Answer::Play(reply) => play(Served::begin(mock, &reply.draft, request_id), *reply).await,
    }
}

fn from_ready(ready: &Ready) -> Response<Playback> {
    response(ready.status, &ready.headers, Playback::Whole(Some(ready.body())))
}

async fn play(mut served: Served, reply: Reply) -> Response<Playback> {
    if reply.wait != Some(Duration::ZERO) {
        served.unanswered();
        // Where the caller leaves, hyper drops this future, and with it goes the record.
        tokio::time::sleep(reply.wait.unwrap_or(FOREVER)).await;
    }
    served.answered(reply.status);
    if reply.script.made_at_once {
        served.produced(reply.draft.tokens.output);
    }
    let playing = Playing {
        script: reply.script,
        served,
        timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        is_flushed: false,
    };
    response(reply.status, &reply.headers, Playback::Script(Some(Box::new(playing))))
}

fn response(status: u16, headers: &[(&'static str, String)], body: Playback) -> Response<Playback> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            response.headers_mut().append(*name, value);
        }
    }
    response
}

/// A body on its way.
enum Playback {
    Whole(Option<Bytes>),
    Script(Option<Box<Playing>>),
}

struct Playing {
    script: Script,
    served: Served,
    timer: Pin<Box<Sleep>>,
    /// Whether what goes before a reset has had time to leave.
    is_flushed: bool,
}

impl http_body::Body for Playback {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Script(playing) => poll_script(playing, context),
        }
    }
}

fn poll_script(
    slot: &mut Option<Box<Playing>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
    loop {
        let Some(playing) = slot else { return Poll::Ready(None) };
        let due = match playing.script.next(Instant::now()) {
            Step::Send(piece) => {
                if !playing.script.made_at_once {
                    playing.served.produced(piece.tokens);
                }
                // Handed to hyper, which sends it as flow control allows.
                playing.served.delivered(piece.bytes.len(), piece.tokens);
                return Poll::Ready(Some(Ok(Frame::data(piece.bytes.into()))));
            }
            Step::End(ending @ (Ending::Complete | Ending::Short)) => {
                end(slot.take(), ending);
                return Poll::Ready(None);
            }
            Step::End(Ending::Close | Ending::Reset) if !playing.is_flushed => {
                playing.is_flushed = true;
                Instant::now() + BEFORE_RESET
            }
            Step::End(ending @ (Ending::Close | Ending::Reset)) => {
                end(slot.take(), ending);
                return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
            }
            Step::End(Ending::Hang) => Instant::now() + FOREVER,
            Step::Wait(due) => due,
        };
        playing.timer.as_mut().reset(due);
        if playing.timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    }
}

fn end(playing: Option<Box<Playing>>, ending: Ending) {
    if let Some(playing) = playing {
        playing.served.end(if ending == Ending::Complete {
            Outcome::Complete
        } else {
            Outcome::Cut
        });
    }
}
