//! Plays a script on an HTTP/1.1 connection, and watches meanwhile whether the caller is still there.

use std::fmt::Write as _;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::transport::Transport;
use crate::answer::head;
use crate::mock::Mock;
use crate::play::{Ending, Framing, Piece, Reply, Step};
use crate::records::{Outcome, Served};

/// What a caller may send ahead of its next turn before it is taken for a flood.
const PIPELINE_LIMIT: usize = 1024 * 1024;
/// So far away that nobody waits for it.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    Next,
    Close,
    Reset,
}

/// The caller has left.
struct Gone;

/// Plays `reply` to its end, whichever that is.
pub async fn play<T: Transport>(
    io: &mut T,
    buffer: &mut BytesMut,
    mock: &Arc<Mock>,
    mut reply: Reply,
    request_id: Option<String>,
    knows_chunks: bool,
) -> Afterwards {
    let mut served = Served::begin(mock, &reply.draft, request_id.as_deref());
    if reply.framing == Framing::Chunked && !knows_chunks {
        reply.framing = Framing::UntilClose;
    }
    let mut stage = Stage {
        io,
        buffer,
        timer: pin!(sleep_until(Instant::now())),
    };
    match stage.play(&mut reply, &mut served).await {
        Ok(ending) => {
            served.end(if ending == Ending::Complete {
                Outcome::Complete
            } else {
                Outcome::Cut
            });
            afterwards(ending, reply.framing)
        }
        // The record says so when it is dropped.
        Err(Gone) => Afterwards::Close,
    }
}

fn afterwards(ending: Ending, framing: Framing) -> Afterwards {
    match ending {
        Ending::Reset => Afterwards::Reset,
        Ending::Close | Ending::Hang => Afterwards::Close,
        Ending::Complete | Ending::Short => match framing {
            Framing::Length(_) | Framing::Chunked => Afterwards::Next,
            Framing::UntilClose | Framing::TooLong(_) | Framing::TwoLengths(_) => Afterwards::Close,
        },
    }
}

/// A connection with an answer on it.
struct Stage<'a, T> {
    io: &'a mut T,
    buffer: &'a mut BytesMut,
    timer: Pin<&'a mut Sleep>,
}

impl<T: Transport> Stage<'_, T> {
    async fn play(&mut self, reply: &mut Reply, served: &mut Served) -> Result<Ending, Gone> {
        if reply.wait != Some(Duration::ZERO) {
            served.unanswered();
            self.watch(Instant::now() + reply.wait.unwrap_or(FOREVER)).await?;
        }
        served.answered(reply.status);
        let mut out = opening(reply);
        if reply.script.made_at_once {
            served.produced(reply.draft.tokens.output);
        }
        loop {
            match reply.script.next(Instant::now()) {
                Step::Wait(due) => {
                    self.write(&mut out).await?;
                    self.watch(due).await?;
                }
                Step::Send(piece) => {
                    if !reply.script.made_at_once {
                        served.produced(piece.tokens);
                    }
                    self.send(&piece, reply.framing, &mut out, served).await?;
                }
                Step::End(Ending::Hang) => {
                    self.write(&mut out).await?;
                    self.watch(Instant::now() + FOREVER).await?;
                }
                Step::End(ending) => {
                    if reply.framing == Framing::Chunked && matches!(ending, Ending::Complete | Ending::Short) {
                        out.put_slice(b"0\r\n\r\n");
                    }
                    self.write(&mut out).await?;
                    return Ok(ending);
                }
            }
        }
    }

    async fn send(
        &mut self,
        piece: &Piece,
        framing: Framing,
        out: &mut Vec<u8>,
        served: &mut Served,
    ) -> Result<(), Gone> {
        if piece.bytes.is_empty() {
            return Ok(());
        }
        if framing == Framing::Chunked {
            put_chunk(out, &piece.bytes);
        } else {
            out.extend_from_slice(&piece.bytes);
        }
        self.write(out).await?;
        served.delivered(piece.bytes.len(), piece.tokens);
        Ok(())
    }

    /// Sends what is in `out`, and empties it.
    async fn write(&mut self, out: &mut Vec<u8>) -> Result<(), Gone> {
        if out.is_empty() {
            return Ok(());
        }
        let sent = self.io.write_all(out).await.map_err(|_| Gone);
        out.clear();
        sent
    }

    /// Waits; fails at once when the caller closes or resets. A caller that only closes its sending half counts as gone, as
    /// it does for most servers of models.
    async fn watch(&mut self, until: Instant) -> Result<(), Gone> {
        self.timer.as_mut().reset(until);
        poll_fn(|context| {
            if self.timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.poll_gone(context).map(|()| Err(Gone))
        })
        .await
    }

    /// Ready when nobody is there any more. What is sent ahead is kept for the next turn.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut space = [0; 1024];
            let mut ahead = ReadBuf::new(&mut space);
            match Pin::new(&mut *self.io).poll_read(context, &mut ahead) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !ahead.filled().is_empty() && self.buffer.len() < PIPELINE_LIMIT => {
                    self.buffer.extend_from_slice(ahead.filled());
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

/// Status line and headers.
fn opening(reply: &Reply) -> Vec<u8> {
    let mut text = head(reply.status, &reply.headers);
    // Writing to a String does not fail.
    let _ = match reply.framing {
        Framing::Length(length) | Framing::TooLong(length) => write!(text, "content-length: {length}\r\n"),
        Framing::TwoLengths(length) => write!(text, "content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
        Framing::Chunked => write!(text, "transfer-encoding: chunked\r\n"),
        Framing::UntilClose => write!(text, "connection: close\r\n"),
    };
    text.push_str("\r\n");
    text.into_bytes()
}

fn put_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut size = String::with_capacity(12);
    let _ = write!(size, "{:x}\r\n", bytes.len());
    out.extend_from_slice(size.as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
