//! HTTP/1.1 (RFC 9112), one request after the other on one connection.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Buf as _, BytesMut};
use httparse::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::body::{Chunks, Length, Progress};
use super::player::{self, Afterwards};
use super::transport::Transport;
use crate::answer::{Answer, Ready, Refusal};
use crate::clock::unix_micros;
use crate::hash::hash;
use crate::mock::Mock;
use crate::play::BEFORE_RESET;
use crate::received::{Received, find};
use crate::records::Outcome;

const MOST_HEADERS: usize = 128;
const HEAD_LIMIT: usize = 128 * 1024;
/// How much is asked of the socket at once.
const READ_STEP: usize = 16 * 1024;
const READ_STEP_OF_LARGE_BODIES: usize = 256 * 1024;

/// What the first look at a request's head tells.
struct Head {
    bytes: usize,
    length: Length,
    expects_continue: bool,
    keeps_alive: bool,
    knows_chunks: bool,
}

/// Why no further request is read.
enum Over {
    /// The connection has ended, or broke.
    Gone,
    /// What arrived is not HTTP, or is ambiguous.
    Wrong,
    TooLarge,
}

/// Serves requests until the connection ends.
pub async fn serve<T: Transport>(mut io: T, mut buffer: BytesMut, mock: &Arc<Mock>) {
    loop {
        match serve_one(&mut io, &mut buffer, mock).await {
            Ok(Afterwards::Next) => {}
            Ok(Afterwards::Close) | Err(Over::Gone) => break,
            Ok(Afterwards::Reset) => {
                tokio::time::sleep(BEFORE_RESET).await;
                io.reset_on_close();
                return;
            }
            Err(Over::Wrong) => {
                mock.records().counters.protocol_errors.fetch_add(1, Relaxed);
                refuse(
                    &mut io,
                    Refusal::invalid(None, "The request is not well-formed HTTP/1.1."),
                )
                .await;
                break;
            }
            Err(Over::TooLarge) => {
                refuse(&mut io, Refusal::too_large(mock.options().body_limit)).await;
                break;
            }
        }
    }
    let _ = io.shutdown().await;
}

async fn serve_one<T: Transport>(io: &mut T, buffer: &mut BytesMut, mock: &Arc<Mock>) -> Result<Afterwards, Over> {
    let head = read_head(io, buffer).await?;
    if head.expects_continue {
        write(io, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let (answer, request_id) = match head.length {
        Length::Known(length) => {
            let whole = head.bytes + read_known(io, buffer, head.bytes, length, mock).await?;
            let answer = answer(mock, &buffer[..head.bytes], &buffer[head.bytes..whole])?;
            buffer.advance(whole);
            answer
        }
        Length::Chunked => {
            let first = buffer.split_to(head.bytes);
            let body = read_chunked(io, buffer, mock).await?;
            answer(mock, &first, &body)?
        }
    };
    let afterwards = match answer {
        Answer::Ready(ready) => send_ready(io, mock, &ready, request_id).await?,
        Answer::Play(reply) => player::play(io, buffer, mock, *reply, request_id, head.knows_chunks).await,
    };
    Ok(if head.keeps_alive || afterwards == Afterwards::Reset {
        afterwards
    } else {
        Afterwards::Close
    })
}

async fn read_head<T: Transport>(io: &mut T, buffer: &mut BytesMut) -> Result<Head, Over> {
    loop {
        if !buffer.is_empty()
            && let Some(head) = parse_head(buffer)?
        {
            return Ok(head);
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(Over::Wrong);
        }
        read(io, buffer, READ_STEP).await?;
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Over> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let Status::Complete(bytes) = request.parse(bytes).map_err(|_| Over::Wrong)? else {
        return Ok(None);
    };
    let is_old = request.version == Some(0);
    let connection = find(request.headers, "connection").unwrap_or_default();
    let says = |word: &str| connection.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
    Ok(Some(Head {
        bytes,
        length: Length::of(request.headers).ok_or(Over::Wrong)?,
        expects_continue: find(request.headers, "expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue")),
        keeps_alive: if is_old { says("keep-alive") } else { !says("close") },
        knows_chunks: !is_old,
    }))
}

/// Reads until `length` bytes are there after the head; returns that length.
async fn read_known<T: Transport>(
    io: &mut T,
    buffer: &mut BytesMut,
    head: usize,
    length: usize,
    mock: &Mock,
) -> Result<usize, Over> {
    if length > mock.options().body_limit {
        return Err(Over::TooLarge);
    }
    let whole = head + length;
    while buffer.len() < whole {
        let missing = whole - buffer.len();
        read(io, buffer, missing.clamp(READ_STEP, READ_STEP_OF_LARGE_BODIES)).await?;
    }
    Ok(length)
}

async fn read_chunked<T: Transport>(io: &mut T, buffer: &mut BytesMut, mock: &Mock) -> Result<Vec<u8>, Over> {
    let mut chunks = Chunks::default();
    loop {
        let (taken, progress) = chunks.take(buffer, mock.options().body_limit);
        buffer.advance(taken);
        match progress {
            Progress::Done => return Ok(chunks.into_body()),
            Progress::Wrong => return Err(Over::Wrong),
            Progress::TooLarge => return Err(Over::TooLarge),
            Progress::More => read(io, buffer, READ_STEP_OF_LARGE_BODIES).await?,
        }
    }
}

/// The answer, and the request's own id.
fn answer(mock: &Mock, head: &[u8], body: &[u8]) -> Result<(Answer, Option<String>), Over> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).map_err(|_| Over::Wrong)?;
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(Over::Wrong);
    };
    let received = Received {
        method,
        target,
        headers: request.headers,
        body,
    };
    Ok((
        mock.answer(&received),
        received.header("x-request-id").map(str::to_owned),
    ))
}

/// The quick way: one write, one record.
async fn send_ready<T: Transport>(
    io: &mut T,
    mock: &Mock,
    ready: &Ready,
    request_id: Option<String>,
) -> Result<Afterwards, Over> {
    let mut record = ready.draft.begin(request_id.as_deref());
    record.produced = record.tokens.output;
    let sent = write(io, &ready.wire).await;
    record.ended_us = unix_micros();
    if sent.is_ok() {
        record.outcome = Outcome::Complete;
        record.delivered = record.produced;
        record.bytes = (ready.wire.len() - ready.body_at) as u64;
        record.last_write_us = record.ended_us;
    }
    mock.records().push(record);
    sent.map(|()| Afterwards::Next)
}

async fn refuse<T: Transport>(io: &mut T, refusal: Refusal) {
    let _ = write(io, &refusal.into_ready(hash(b"")).wire).await;
}

async fn read<T: Transport>(io: &mut T, buffer: &mut BytesMut, step: usize) -> Result<(), Over> {
    buffer.reserve(step);
    match io.read_buf(buffer).await {
        Ok(0) | Err(_) => Err(Over::Gone),
        Ok(_) => Ok(()),
    }
}

async fn write<T: Transport>(io: &mut T, bytes: &[u8]) -> Result<(), Over> {
    io.write_all(bytes).await.map_err(|_| Over::Gone)
}
